"""What the pages of sharing show of plans and outcomes: lines of a diff, and reasons with what they concern. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from vedette.sharing.exporter import Action, Change
from vedette.sharing.investigation import Investigation, Withheld

SHOWN: Final = 200
"""Changes and facts that a page shows; all are in its JSON."""

NAMED: Final = 20
"""Things that are named beside a reason."""

_SIGNS: Final[dict[Action, tuple[str, str, str]]] = {
    "add": ("+", "come", "Added"),
    "change": ("~", "place", "Changed"),
    "remove": ("-", "gone", "Removed"),
    "restore": ("^", "come", "Brought back"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class DiffLine:
    """A change of a plan."""

    sign: str
    """`+`, `~`, `-` or `^`."""
    kind: str
    """How it is drawn: `come`, `place` or `gone`."""
    word: str
    """The sign in a word."""
    what: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why things were left out, and which."""

    reason: str
    count: int
    named: Sequence[Withheld]
    """The first of them."""


def diff_lines(changes: Iterable[Change]) -> list[DiffLine]:
    """Return the lines of a diff."""
    lines = []
    for change in changes:
        sign, kind, word = _SIGNS[change.action]
        lines.append(
            DiffLine(sign=sign, kind=kind, word=word, what=change.what, before=change.before, after=change.after)
        )
    return lines


def reasons_of(withheld: Iterable[Withheld]) -> list[Reason]:
    """Return what was left out by reason, the most frequent first."""
    found: dict[str, list[Withheld]] = {}
    for one in withheld:
        found.setdefault(one.reason, []).append(one)
    ordered = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [Reason(reason=reason, count=len(some), named=some[:NAMED]) for reason, some in ordered]


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """How much is in an investigation."""

    facts: int
    edges: int
    scans: int
    proofs: int
    withheld: int
    alarming: int
    own: int
    warned: int


def contents_of(found: Investigation) -> Contents:
    """Count what is in an investigation."""
    return Contents(
        facts=len(found.facts),
        edges=len(found.edges),
        scans=len(found.scans),
        proofs=len(found.proofs),
        withheld=len(found.withheld),
        alarming=sum(fact.alarming for fact in found.facts),
        own=sum(fact.own for fact in found.facts),
        warned=sum(bool(fact.warned) for fact in found.facts),
    )


def is_same_origin(address: str, url: str) -> bool:
    """Tell whether an address is at the web server of a URL (RFC 6454)."""
    try:
        first, second = urlsplit(address), urlsplit(url)
        origins = [(one.scheme, one.hostname, one.port) for one in (first, second)]
    except ValueError:
        return False
    return first.scheme in ("http", "https") and bool(first.hostname) and origins[0] == origins[1]
