"""Which versions are mended or were never affected: the words before, between and behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vedette.extraction.prose.relations.mentions import Mention, ReadSentence
from vedette.extraction.prose.relations.words import DOUBTS, MODALS, base_form

_BOUNDS: Final = frozenset({"before", "below", "<", "except", "excluding", "besides", "not"})
_COMPARED: Final = frozenset({"prior", "earlier", "older", "lower", "other", "less"})
_MENDERS: Final = frozenset(
    {"fix", "patch", "resolve", "address", "correct", "remediate", "mitigate", "solve", "fixes", "fixed"}
)
_MOVERS: Final = frozenset({"upgrade", "update", "move", "migrate", "upgrading", "updating"})
_HARMED: Final = frozenset({"affect", "vulnerable", "impact", "exploitable", "susceptible"})
_DENIALS: Final = frozenset({"not", "n't", "never", "cannot"})
_CLAUSE_ENDS: Final = frozenset({";", ".", "but", "however", "while", "whereas", "although"})
_WINDOW = 8
"""Words before and behind versions that are looked at."""


def bound(before: Sequence[str]) -> bool:
    """Return whether the words before a version make it the first that is mended: `before`, `prior to`, `<`."""
    for place, word in enumerate(before):
        if word in _BOUNDS and before[place + 1 : place + 2] != ["only"]:
            return True
        if word in _COMPARED and before[place + 1 : place + 2] in (["to"], ["than"]):
            return True
    return False


def doubted(before: Sequence[str]) -> bool:
    """Return whether the words before a version doubt it: `0.100, and probably 0.101`."""
    return any(word in DOUBTS or word in MODALS for word in before)


def mended(product: Mention, run: Sequence[Mention], sentence: ReadSentence) -> bool:
    """Return whether versions in a list are all mended, or are said not to be affected."""
    first = min(product.start, run[0].start)
    last = max(product.end, run[-1].end)
    before = _back_to_clause(sentence.low[max(0, first - _WINDOW) : first])
    inside = []
    if product.end <= run[0].start:
        inside = [sentence.low[at] for at in range(product.end, run[0].start) if sentence.owner[at] is None]
    behind = _to_clause(sentence.low[last : last + _WINDOW])
    moved = inside[:1] == ["to"] and any(base_form(word) in _MOVERS for word in before[-4:])
    return (
        moved
        or _moved_to(before)
        or _mended_in(before)
        or _mended_inside(inside)
        or _unharmed(behind)
        or _spared(before)
    )


def _mended_in(before: Sequence[str]) -> bool:
    """Return whether `fixed in`, `patched in version` stands right before; `patched a flaw in` does not count."""
    if not before:
        return False
    words = [word for word in before if word not in ("the", "version", "versions", ",", "release", "releases")]
    return len(words) >= 2 and words[-1] in ("in", "with", "by", "since") and base_form(words[-2]) in _MENDERS


def _moved_to(before: Sequence[str]) -> bool:
    words = [base_form(word) for word in before]
    return any(word in _MOVERS for word in words[-5:]) and bool(words) and words[-1] in ("to", "the", "version")


def _mended_inside(inside: Sequence[str]) -> bool:
    """Return whether the words between a product and its version say so: `Foo was fixed in version 1.2`."""
    words = [base_form(word) for word in inside]
    moved = any(word in _MOVERS and "to" in words[place:] for place, word in enumerate(words))
    return moved or any(word in _MENDERS for word in words)


def _unharmed(behind: Sequence[str]) -> bool:
    words = [base_form(word) for word in behind]
    if "unaffected" in words:
        return True
    harmed = next((place for place, word in enumerate(words) if word in _HARMED), None)
    if harmed is not None and any(word in _DENIALS for word in words[:harmed]):
        return True
    # "Version 1.2 fixes the flaw", "1.2 has been patched".
    mender = next((place for place, word in enumerate(words) if word in _MENDERS), None)
    return mender is not None and mender <= 3 and "earlier" not in words[:mender]


def _spared(before: Sequence[str]) -> bool:
    """Return whether the words before deny it: `does not affect`, `unaffected: `."""
    words = [base_form(word) for word in before]
    harmed = max((place for place, word in enumerate(words) if word in _HARMED), default=-1)
    if harmed >= 0 and any(word in _DENIALS for word in words[max(0, harmed - 3) : harmed]):
        return True
    return "unaffected" in words[-4:] or words[-2:] == ["but", "not"]


def _back_to_clause(words: Sequence[str]) -> Sequence[str]:
    for place in range(len(words) - 1, -1, -1):
        if words[place] in _CLAUSE_ENDS - {"but"}:
            return words[place + 1 :]
    return words


def _to_clause(words: Sequence[str]) -> Sequence[str]:
    for place, word in enumerate(words):
        if word in _CLAUSE_ENDS:
            return words[:place]
    return words
