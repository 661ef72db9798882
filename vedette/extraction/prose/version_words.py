"""Versions as sentences say them: single ones, and ranges in words ("before 2.4.1", "1.0 through 1.4"). Pure.

What a range is called follows `vulnerabilities.version_range`, so that a sentence and NVD's JSON say the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from vedette.extraction.prose.annotated import Entity
from vedette.extraction.vulnerabilities import version_range

MAX_CONTEXT: Final = 40
"""Characters on either side of a version that say what it bounds."""

_NUMBER = re.compile(r"v?\d[\w.+:~-]{0,60}|\b[a-z]{1,3}\d[\w.]{0,20}", re.IGNORECASE)
_BEHIND = r"(?:\s{1,3}(?:the\s{1,3})?(?:version|versions|release|releases|build|firmware|v\.?))?\s{0,3}\Z"
_BEFORE = re.compile(r"(?:\b(?:before|prior to|earlier than|older than|lower than|below|up to but not)|<)" + _BEHIND)
_UNTIL = re.compile(r"(?:\b(?:through|thru|up to|up to and including|until|to)|<=|-|\u2013)" + _BEHIND)
_SINCE = re.compile(r"(?:\b(?:since|from|starting with|starting from|beginning with|at least)|>=)" + _BEHIND)
_AFTER = re.compile(r"(?:\b(?:after|later than|newer than|higher than|above)|>)" + _BEHIND)
_OR_EARLIER = re.compile(
    r"\A[\s,(]{0,3}(?:and|or)\s{1,3}(?:all\s{1,3})?(?:earlier|prior|below|older|lower|previous|before)\b"
)
_OR_LATER = re.compile(r"\A(?:\+|[\s,(]{0,3}(?:and|or)\s{1,3}(?:later|newer|above|higher|up)\b)")
_BRANCH = re.compile(r"(.{0,40}?)\.[x*]\Z", re.IGNORECASE)


@dataclass(kw_only=True)
class Versions:
    """What is said of one product's versions."""

    exact: list[str] = field(default_factory=list)
    """Such as `2.4.1`."""
    ranges: list[str] = field(default_factory=list)
    """Such as `>= 1.0, < 2.4.1`."""
    updates: list[str] = field(default_factory=list)
    """Such as `sp2`."""
    unaffected: list[str] = field(default_factory=list)
    """Versions that do not have what is spoken of, such as the one that repairs it."""

    def __bool__(self) -> bool:
        """Tell whether a version is named that has what is spoken of."""
        return bool(self.exact or self.ranges or self.updates)


@dataclass(slots=True)
class _Bounds:
    """One version, or a range of them, while it is read."""

    start: str = ""
    after: str = ""
    before: str = ""
    end: str = ""
    exact: str = ""


def versions_of(text: str, said: Sequence[tuple[Entity, bool]]) -> Versions:
    """Return what a sentence says of a product's versions.

    Args:
        text: the document's.
        said: the entities (VERSION, UPDATE) that are related to the product, in their order, each with whether it is
            said not to have what is spoken of ("before 2.4.1" names a bound that has it not).
    """
    found, bounds = Versions(), list[_Bounds]()
    end_of_last = -1
    for entity, is_not in said:
        if entity.label == "UPDATE":
            (found.unaffected if is_not else found.updates).append(_update(entity.name))
            continue
        one = _bounds(text, entity)
        if one is None:
            continue
        if is_not:
            found.unaffected.append(one.before or one.exact or one.start or one.end or one.after)
            if not one.before:
                continue
        is_near = 0 <= entity.start - end_of_last <= MAX_CONTEXT
        if bounds and is_near and _are_range(bounds[-1], one):
            _join(bounds[-1], one)
        else:
            bounds.append(one)
        end_of_last = entity.end
    for one in bounds:
        _sort_in(found, one)
    return found


def _are_range(first: _Bounds, last: _Bounds) -> bool:
    """Tell whether two are one range: `1.0 through 1.4`, `1.x before 1.4`, but not `2013 before 1.4`."""
    if first.before or first.end or not (last.before or last.end):
        return False
    return bool(first.start or first.after or last.end or _BRANCH.match(first.exact))


def _join(first: _Bounds, last: _Bounds) -> None:
    """Make `1.0` and `through 1.4` a range; `2.x` before a bound is where its branch begins."""
    branch = _BRANCH.match(first.exact)
    first.start, first.exact = first.start or (branch[1] if branch else first.exact), ""
    first.before, first.end = last.before, last.end


def _sort_in(found: Versions, one: _Bounds) -> None:
    if one.exact and not _BRANCH.match(one.exact):
        found.exact.append(one.exact)
    else:
        words = version_range(start=one.start, after=one.after, before=one.before, end=one.end)
        found.ranges.append(words or one.exact)


def _bounds(text: str, entity: Entity) -> _Bounds | None:
    """Return what one entity says, which may have the words of the bound in it; None: no number."""
    number = _NUMBER.search(entity.name)
    if number is None:
        return None
    version = number[0].removeprefix("v").removeprefix("V").rstrip(".:-~")
    lead = (text[max(0, entity.start - MAX_CONTEXT) : entity.start] + entity.name[: number.start()]).lower()
    tail = (entity.name[number.end() :] + text[entity.end : entity.end + MAX_CONTEXT]).lower()
    if _BEFORE.search(lead):
        return _Bounds(before=version)
    if _OR_EARLIER.search(tail) or _UNTIL.search(lead):
        return _Bounds(end=version)
    if _AFTER.search(lead):
        return _Bounds(after=version)
    if _OR_LATER.search(tail) or _SINCE.search(lead):
        return _Bounds(start=version)
    return _Bounds(exact=version)


def _update(name: str) -> str:
    """Return an update as a CPE name has it: `SP2` for "Service Pack 2"."""
    plain = " ".join(name.lower().split())
    return re.sub(r"\Aservice pack ", "sp", plain)
