"""What a vulnerability is, in the words that advisories use: "buffer overflow", "SQL injection"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from vedette.extraction.prose.indicators.found import Found

_TERMS: Final = (
    r"(?:(?:heap|stack)(?:-| )based )?buffer (?:over(?:flow|read|run)|underflow|under-?read|over-read)s?",
    r"(?:heap|stack|integer|numeric|arithmetic) (?:over|under)flows?",
    r"use[- ]after[- ]free",
    r"double[- ]free",
    r"out[- ]of[- ]bounds (?:read|write|access|memory access)s?",
    r"null pointer dereferences?",
    r"memory (?:corruption|leak|disclosure)s?",
    r"type confusion",
    r"race conditions?",
    r"(?:uncontrolled )?format string",
    r"(?:blind )?(?:sql|nosql|ldap|xpath|xml|code|command|os command|template|server-side template|argument|crlf|"
    r"header|log|php object|object|html|script|email|csv|formula) injections?",
    r"(?:stored |reflected |persistent |dom-based )?cross[- ]site scripting(?: \(xss\))?",
    r"cross[- ]site request forgery(?: \(csrf\))?",
    r"server[- ]side request forgery(?: \(ssrf\))?",
    r"(?:remote|arbitrary) (?:code|command) executions?",
    r"(?:local |remote )?privilege escalation",
    r"elevation of privileges?",
    r"(?:directory|path) traversals?",
    r"(?:local |remote )?file inclusions?",
    r"(?:arbitrary|unrestricted) file (?:upload|read|write|deletion|download)s?",
    r"information (?:disclosure|exposure|leak)s?",
    r"(?:authentication|authorization|security feature|security|access control|sandbox) bypass",
    r"sandbox escapes?",
    r"improper (?:access control|authentication|authorization|input validation|privilege management|certificate "
    r"validation|neutralization)",
    r"missing (?:authentication|authorization)",
    r"(?:insecure|unsafe|untrusted) deserialization",
    r"deserialization of untrusted data",
    r"xml external entity(?: \(xxe\))?",
    r"open redirects?",
    r"clickjacking",
    r"session fixation",
    r"hard-?coded (?:credential|password|key|cryptographic key)s?",
    r"(?:distributed )?denial[- ]of[- ]service",
    r"prototype pollution",
    r"(?:http )?request smuggling",
    r"insecure direct object references?",
    r"uninitialized (?:memory|variable|pointer)s?",
    r"(?:dll|search order) hijacking",
    r"untrusted search path",
    r"uncontrolled resource consumption",
    r"side[- ]channel",
    r"man[- ]in[- ]the[- ]middle",
)
_TERM = re.compile(rf"(?<![\w-])(?:{'|'.join(_TERMS)}|XSS|CSRF|SSRF|XXE|RCE|LFI|RFI)(?![\w-])", re.IGNORECASE)
_SHORT = frozenset({"XSS", "CSRF", "SSRF", "XXE", "RCE", "LFI", "RFI"})


def find_weaknesses(text: str) -> Iterator[Found]:
    """Yield what a sentence says that a vulnerability is, or leads to."""
    for found in _TERM.finditer(text):
        if len(found[0]) > 4 or found[0] in _SHORT:
            yield Found(found.start(), found.end(), "VULNERABILITY", "")
