"""Whether four numbers with dots are a version, a number of a section, or an address, by the words around them."""

from __future__ import annotations

import re
from typing import Final, Literal

Sense = Literal["address", "version", "section"]

_WORDS = re.compile(r"[A-Za-z\u00a7]{2}|[\u00a7vV+]")
"""Without any of them there is no cue: in a list of addresses nothing else is tried."""

WINDOW: Final = 60
"""Characters before and behind that are looked at."""

_SIGNS: Final = r"[\s:=#\"'`(\[<>\u2264\u2265~^]"
_COMPARED: Final = r"prior to|earlier than|later than|lower than|older than|newer than|before|below|until|up to|since"
_NUMBERED: Final = rf"(?:{_SIGNS}|\b(?:versions?|number|no\.?|is|was|are|{_COMPARED})\b)*+"
"""What may stand between `firmware` and the numbers; not "from" or "to", which an address may follow."""

_ANY: Final = rf"(?:{_SIGNS}|\b(?:number|no\.?|is|was|are|of|to|from|at least|between|including|{_COMPARED})\b)*+"
"""What may stand between `version` and the numbers."""

_VERSION_BEFORE: Final = re.compile(
    rf"(?:\b(?:versions?|ver\.?|vers\.?|v\.?){_ANY}"
    r"|\b(?:builds?|firmware|releases?|rev\.?|revisions?|hotfix|fix ?pack|patch(?:ed)?(?: level)?|upgraded? to"
    rf"|updated? to|downgraded? to|fixed in|resolved in|addressed in|corrected in|{_COMPARED}){_NUMBERED}"
    # Programs whose versions have four numbers and often stand alone behind the name.
    r"|\b(?-i:Player|Reader|Acrobat|AIR|Shockwave|QuickTime|iTunes|Chrome|Chromium|Firefox|Safari|Opera|Edge|Explorer"
    r"|Office|Java|JRE|JDK|WebSphere|Domino|Notes|DB2|Informix|Tivoli|Database|Server R\d|Middleware|WebLogic"
    r"|PeopleSoft|Siebel|Manager|Suite|Edition|Enterprise|Professional|Pro|Plugin|Plug-in|SDK|IOS|ASA|PAN-OS|FortiOS|Junos"
    r"|RouterOS|Framework|Toolkit|Driver|Runtime|Software|plugin|plug-in|add-on|ActiveX control)\s(?:versions?\s)?"
    # Of a program that is named beside an address nobody says its library: "foo.sys 2.0.7.5" is a version.
    r"|[\w-]\.(?:sys|dll|ocx)\s)$",
    re.IGNORECASE,
)
_WORD_AND_SLASH: Final = re.compile(r"[A-Za-z][\w.-]{0,40}/$")
_AFTER: Final = re.compile(
    r"\s?,?\s?(?:(?:and|or) (?:all )?(?:earlier|later|prior|newer|older|below|above|before|higher|previous|up)\b"
    r"|\(?(?:build|firmware|release|beta|patch|hotfix|fix ?pack|service pack|update) ?\d"
    r"|(?:build|firmware|release)\b)"
    r"|\+|-(?:alpha|beta|rc|sp|build|release|final|hotfix|r)(?:\d|\b)",
    re.IGNORECASE,
)
_SECTION_BEFORE: Final = re.compile(
    r"(?:\b(?:sections?|sect?\.|sec\.|chapter|clause|appendix|annex|figure|fig\.|table|paragraph|requirement|control|OID)"
    r"|§)[\s:]*$",
    re.IGNORECASE,
)
_ADDRESS_BEFORE: Final = re.compile(
    r"\b(?:ips?|ipv4|address(?:es)?|hosts?|c2|c&c|subnet|network|netmask|gateway|dns|proxy)\b\W{0,3}$", re.IGNORECASE
)
_HEADING: Final = re.compile(r" {1,2}[A-Z][a-z]+\b")
_LIST: Final = re.compile(r"(?:\s|[,;/&(-]|and|or|to|through|thru|v)*+", re.IGNORECASE)
_LARGEST_SECTION: Final = 40


def sense_of(text: str, start: int, end: int, numbers: list[int]) -> Sense:
    """Return what four numbers are.

    Args:
        text: where they stand.
        start: of the first number; a `v` before it is before it.
        end: behind the last.
        numbers: themselves.
    """
    before, after = text[max(0, start - WINDOW) : start], text[end : end + WINDOW]
    if not _WORDS.search(before + after):
        return "address"
    if _SECTION_BEFORE.search(before) or _is_heading(before, after, numbers):
        return "section"
    if _ADDRESS_BEFORE.search(before):
        return "address"
    if _WORD_AND_SLASH.search(before) or _AFTER.match(after) or _VERSION_BEFORE.search(before):
        return "version"
    return "address"


def goes_on(text: str, last: int, start: int) -> bool:
    """Tell whether what begins at a place goes on with a list: "1.2.3.4, 1.2.3.5 and 1.2.3.6"."""
    return start - last <= 12 and _LIST.fullmatch(text, last, start) is not None


def _is_heading(before: str, after: str, numbers: list[int]) -> bool:
    begins = not before.rpartition("\n")[2].strip(" #*")
    return begins and max(numbers) <= _LARGEST_SECTION and _HEADING.match(after) is not None
