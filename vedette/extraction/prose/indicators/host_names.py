"""Names with dots: hosts, files, and what is neither: `System.Net`, `e.g.`, two sentences without a space between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from vedette.extraction.defanging import PlainText
from vedette.extraction.prose.indicators.file_names import is_file, may_be_host
from vedette.extraction.prose.indicators.found import Found
from vedette.extraction.prose.indicators.suffixes import has_suffix
from vedette.extraction.urls import MAX_HOST
from vedette.graph.canonical import canonical

DOTTED: Final = r"[\w-]++(?:\.[\w-]++)++"
"""A name with dots in it. Possessive: a long row of letters is not tried again from each of them."""

_NAME: Final = re.compile(rf"(?<![\w-]){DOTTED}")
_LABEL: Final = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?|_[\w-]{1,62}")
_SENTENCE: Final = re.compile(r"[A-Z][a-z]*")
_VARIABLE: Final = re.compile(r"[a-z_]{1,9}")
_CAMEL: Final = re.compile(r"[a-z][A-Z]")
_HOST_WORDS: Final = re.compile(
    r"(?:\b(?:domains?|sites?|websites?|hosts?|hostnames?|servers?|c2s?|c&c|visit(?:ed|s|ing)?|resolv\w{1,6}|dns|urls?|pages?"
    r"|contacts?|contacted|at)\b[\s:\"'`(]{1,3}(?:(?:is|was|at|of|to|called|named)\s)?[\"'`(]?|@)$",
    re.IGNORECASE,
)
_FIRM_TEXT: Final = "com net org biz edu gov mil ru cn de uk fr nl eu br jp kr ua ir xyz onion"
_FIRM: Final = frozenset(_FIRM_TEXT.split())
"""Endings that no program and no sentence has by chance."""

_OBJECTS_TEXT: Final = (
    "self this obj object request response req res window document user users item event node element os sys"
    " string array math json data config process module args options params ctx context session java javax"
    " javascript system win32 microsoft windows std android app kotlin scala python torch numpy np pd tf path"
    " thread socket socks console row record entry form field input output result results settings foo bar"
)
_OBJECTS: Final = frozenset(_OBJECTS_TEXT.split())
"""What names in programs begin with: `document.host`, `java.io`, `System.Net`."""

_FRAMEWORKS: Final = frozenset({"ado.net", "asp.net", "vb.net", "ml.net", "json.net", "paint.net", "log4j.net"})
_REVERSED: Final = frozenset({"com", "edu", "gov", "io", "net", "org"})
_MEMBERS_TEXT: Final = (
    "call date email host id link map name open page run save search select show style zip next now"
)
_MEMBERS: Final = frozenset(_MEMBERS_TEXT.split())
"""Top-level domains that are members of objects: `user.name`."""


def find_host_names(plain: PlainText) -> Iterator[Found]:
    """Yield the names of hosts and files in a text."""
    text = plain.text
    for match in _NAME.finditer(text):
        start, end = match.start(), match.end()
        while text[start] in "-_" and (text[start] == "-" or text[end - 1] == "_"):
            start += 1
        while end > start and text[end - 1] in "-_":
            end -= 1
        found = _named(plain, start, end)
        if found is not None:
            yield found


def _named(plain: PlainText, start: int, end: int) -> Found | None:
    name = plain.text[start:end]
    if end - start > 2 * MAX_HOST or "." not in name:
        return None
    found = _of_kind(plain, start, end)
    rest, _, last = name.rpartition(".")
    if found is None and "." in rest and len(last) > 1 and _SENTENCE.fullmatch(last):
        # "at evil.example.Then": without what begins the next sentence it is one.
        return _of_kind(plain, start, start + len(rest))
    return found


def _of_kind(plain: PlainText, start: int, end: int) -> Found | None:
    text = plain.text
    name = text[start:end]
    kind = kind_of(
        name,
        before=text[max(0, start - 40) : start],
        following=text[end : end + 1],
        was_defanged=plain.was_defanged(start, end),
    )
    if kind == "file":
        return Found(start, end, "FILE", name)
    return Found(start, end, "DOMAIN", canonical("domain", name)) if kind == "host" else None


def kind_of(name: str, *, before: str, following: str, was_defanged: bool) -> Literal["host", "file"] | None:
    """Tell what a name with dots is.

    Args:
        name: letters, digits, `_`, `-` and dots.
        before: up to 40 characters before it.
        following: the character behind it.
        was_defanged: someone made it harmless: then it is a host's if it can be one.
    """
    labels = name.lower().split(".")
    can_be_host = _can_be_host(name, labels)
    if was_defanged and can_be_host and (has_suffix(labels) or not is_file(name)):
        return "host" if len(labels[-1]) > 1 else None
    named = can_be_host and has_suffix(labels)
    may_be_file = is_file(name, following) and not before.endswith((".", "*", "@"))
    if may_be_file and not (named and _is_rather_host(name, labels, before, following)):
        return "file"
    return "host" if named and _is_plausible(name, labels, before, following) else None


def _can_be_host(name: str, labels: list[str]) -> bool:
    """Tell whether a name has the form of a host's."""
    if len(name) > MAX_HOST or "_" in labels[-1] or labels[-1].isdigit():
        return False
    return all(_LABEL.fullmatch(label) for label in labels)


def _is_rather_host(name: str, labels: list[str], before: str, following: str) -> bool:
    """Tell whether what could be a file (`update.zip`) is a host all the same."""
    clearly = len(labels) > 2 or following in ("/", ":") or _HOST_WORDS.search(before) is not None
    return clearly and may_be_host(name) and _is_lower_or_upper(name)


def _is_plausible(name: str, labels: list[str], before: str, following: str) -> bool:
    """Tell whether what ends as a host's name is one, and no identifier, abbreviation or end of a sentence."""
    if labels[0] == "www" and len(labels) > 2:
        return True
    if _is_of_program(labels, before) or not _is_lower_or_upper(name) or all(len(label) == 1 for label in labels):
        return False
    if labels[-1] in _FIRM and labels[0] not in {"java", "system"}:
        return True
    if _is_identifier(name, labels) or following in ("(", "["):
        return False
    is_member = len(labels) == 2 and labels[-1] in _MEMBERS and _VARIABLE.fullmatch(labels[0]) is not None
    return not is_member or following == "/" or _HOST_WORDS.search(before) is not None


def _is_of_program(labels: list[str], before: str) -> bool:
    """Tell whether a name is a framework's, or has a sign of a program before it: `$user.name`."""
    return ".".join(labels[-2:]) in _FRAMEWORKS or before.endswith(("$", "%", "->", "::"))


def _is_identifier(name: str, labels: list[str]) -> bool:
    """Tell whether a name looks as those in programs do, `com.vendor.app` included; or as a number."""
    if labels[0] in _REVERSED:
        return True
    is_member = labels[0] in _OBJECTS and (len(labels) == 2 or labels[-1] in _MEMBERS)
    return is_member or _CAMEL.search(name) is not None or "_" in labels[-2] or labels[-2].isdigit()


def _is_lower_or_upper(name: str) -> bool:
    """Tell whether the ending is in small letters, or the whole name in capitals, or `.COM` and `.Com`."""
    ending = name.rpartition(".")[2]
    if ending in ("COM", "ORG", "Com"):
        return True
    return ending == ending.lower() or not any(sign.islower() for sign in name)
