"""Words that say something of two entities, and the verbs' dictionary forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

_DOUBLED = ("ship", "drop", "dub", "plan", "run", "tag", "begin", "hit", "let", "get", "put", "set", "cut")
"""Verbs whose last consonant is written twice before -ed and -ing."""

_IRREGULAR: Final[Mapping[str, tuple[str, ...]]] = {
    "be": ("is", "are", "was", "were", "been", "being", "am"),
    "have": ("has", "had", "having"),
    "begin": ("began", "begun"),
    "break": ("broke", "broken"),
    "build": ("built",),
    "find": ("found",),
    "get": ("got", "gotten"),
    "go": ("went", "gone", "goes"),
    "hide": ("hid", "hidden"),
    "know": ("knew", "known"),
    "lead": ("led",),
    "leave": ("left",),
    "make": ("made",),
    "run": ("ran",),
    "see": ("saw", "seen"),
    "send": ("sent",),
    "spread": ("spread",),
    "steal": ("stole", "stolen"),
    "strike": ("struck", "stricken"),
    "take": ("took", "taken"),
    "think": ("thought",),
    "write": ("wrote", "written"),
    "hit": (),
    "put": (),
    "set": (),
    "cut": (),
    "let": (),
}


def listed(words: str) -> frozenset[str]:
    """Return the words of a text: word lists read better as texts."""
    return frozenset(words.split())


_REGULAR: Final = listed(
    """
    abuse access add address adopt affect aim allege allow appear arm ascribe assess assist associate attack
    attribute author back base beacon believe belong blame bring call capitalize carry cause claim come
    communicate comprise compromise conduct connect contact contain control coordinate correct create deface
    deliver deploy deride derive design develop direct discover disrupt distribute download drive drop dub embed
    employ enable enter establish execute exfiltrate expect exploit extract fail favor feature fetch fix focus
    force harbor harvest headquarter host identify impact impersonate implant implement include indicate infect
    infiltrate inject install introduce launch leverage link listen load locate maintain masquerade mitigate
    mount name need operate orchestrate originate patch penetrate perform phish plant point pose prevent provide
    pull push query ransom reach receive refer release rely remediate repurpose reside resolve report retrieve
    reuse sabotage say seem select serve ship share single solve sponsor stage start suffer suggest support
    suspect tailor target threaten tie trace track transmit try turn unpack update upgrade upload use utilize
    victimize weaponize wield wipe work zero
    """
)


def _forms(verb: str) -> Iterable[str]:
    yield verb
    if verb.endswith("e"):
        yield from (f"{verb}s", f"{verb}d", f"{verb[:-1]}ing")
    elif verb.endswith("y") and verb[-2] not in "aeou":
        yield from (f"{verb[:-1]}ies", f"{verb[:-1]}ied", f"{verb}ing")
    else:
        yield verb + ("es" if verb.endswith(("s", "sh", "ch", "x", "z")) else "s")
        stem = verb + verb[-1] if verb in _DOUBLED else verb
        yield from (f"{stem}ed", f"{stem}ing")


def _all_forms() -> dict[str, str]:
    found: dict[str, str] = {}
    for verb in (*_REGULAR, *_DOUBLED):
        found |= {form: verb for form in _forms(verb)}
    for verb, forms in _IRREGULAR.items():
        found |= {form: verb for form in (*_forms(verb), *forms)}
    # British forms.
    return found | {form.replace("iz", "is"): verb for form, verb in found.items() if verb.endswith("ize")}


_BASE: Final = _all_forms()


def base_form(word: str) -> str:
    """Return a verb's dictionary form; the word in lower case where it is none that matters here."""
    low = word.lower()
    return _BASE.get(low, low)


NEGATIONS: Final = frozenset({"not", "n't", "never", "no", "nor", "neither", "cannot", "unaffected", "without"})
"""Words that deny."""

FAILURES: Final = frozenset({"fail", "prevent"})
"""Verbs that deny what depends on them."""

MODALS: Final = frozenset({"may", "might", "could"})
"""Auxiliaries of a sentence that does not vouch for what it says."""

DOUBTS: Final = listed(
    """
    allegedly apparently likely maybe perhaps possible possibly potential potentially presumably presumed
    probably purported purportedly reportedly supposedly suspected suspectedly seemingly alleged unconfirmed
    """
)
"""Words that do the same."""

DOUBTERS: Final = frozenset(
    {"allege", "appear", "believe", "claim", "expect", "seem", "suggest", "suspect", "think", "assess"}
)
"""Verbs whose object or complement is not vouched for."""
