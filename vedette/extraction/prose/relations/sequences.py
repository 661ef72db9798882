"""The plainest sentences read without their parse: `A did B`, `B was done by A`, with little between.

A parser of news is at times wrong in sentences full of names; word order is not. What both say is said once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from vedette.extraction.prose.relations.actions import VERBS, statement
from vedette.extraction.prose.relations.mentions import Mention, ReadSentence, Statement
from vedette.extraction.prose.relations.pairs import PRODUCTS
from vedette.extraction.prose.relations.words import DOUBTERS, DOUBTS, FAILURES, MODALS, NEGATIONS, base_form, listed

_BE: Final = frozenset({"is", "are", "was", "were", "be", "been", "being"})
_BEFORE: Final = (
    listed(
        """
        have has had having did does do to also then first later recently often again both which who
        that , a an the group sector industry companies users systems servers downloader dropper bot
        rat stealer spyware implant tool gang actor actors operators hackers attackers malware
        backdoor trojan ransomware botnet worm loader family campaign begin began begun continue
        continued observed seen found caught known reported try tried attempted start started still
        now currently even all itself
        """
    )
    | _BE
    | NEGATIONS
    | MODALS
    | DOUBTS
)
"""Words between who does it and the verb."""

_STOPS: Final = listed(
    """
    . , ; : ( ) and or but by with in on at from to for via against that which who where when while as into through
    after before using under over than because if not
    """
)
"""Words that do not stand between a verb and its object."""

_MOST_BEFORE = 7
_MOST_BEHIND = 6
_SURE = 0.8
_LIST: Final = frozenset({",", "and", "or", "&", "as", "well", "the", "both"})


_SAID_OF_DONE: Final = frozenset({"attributed-to", "located-at", "communicates-with"})
"""What a verb says of whom it is done to."""


def in_order(sentence: ReadSentence) -> Iterator[Statement]:
    """Yield what the order of a sentence's words states."""
    for word, low in enumerate(sentence.low):
        if sentence.owner[word] is not None:
            continue
        if low == "behind":
            yield from _is_behind(word, sentence)
        ways = VERBS.get(base_form(low))
        if ways is None:
            continue
        doer, between = _doer(word, sentence)
        taken: set[tuple[int, int]] = set()
        for relation, case in ways:
            pairs = _ends(relation, case, doer, between, word, sentence) if doer is not None else ()
            for one, other in (*pairs, *_of_object(relation, case, word, sentence)):
                found = statement(relation, one, other, 0, word, sentence)
                if found is not None and (one.entity, other.entity) not in taken:
                    taken.add((one.entity, other.entity))
                    yield _weighed(found, between)


def _weighed(found: Statement, between: Sequence[str]) -> Statement:
    """Return a statement as the words between who does it and the verb have it."""
    return replace(
        found,
        confidence=_SURE,
        negated=any(one in NEGATIONS or base_form(one) in FAILURES for one in between),
        hedged=any(one in MODALS or one in DOUBTS or base_form(one) in DOUBTERS for one in between),
    )


def _is_behind(word: int, sentence: ReadSentence) -> Iterator[Statement]:
    """Yield what `X is behind Y` says."""
    doer, between = _doer(word, sentence)
    if doer is not None and set(between) & _BE:
        for done in _behind(word, sentence):
            found = statement("~attributed-to", doer, done, 0, word, sentence)
            if found is not None:
                yield _weighed(found, between)


def _of_object(relation: str, case: str, word: int, sentence: ReadSentence) -> Iterator[tuple[Mention, Mention]]:
    """Yield what a verb says of its object alone: `researchers linked X to Y`."""
    if case == "" or relation != "attributed-to":
        return
    for done in _behind(word, sentence):
        if sentence.low[done.end : done.end + 1] == [case]:
            yield from ((done, actor) for actor in _behind(done.end, sentence))


def _ends(
    relation: str, case: str, doer: Mention, between: Sequence[str], word: int, sentence: ReadSentence
) -> Iterator[tuple[Mention, Mention]]:
    """Yield who and what a verb joins, as the relation's way has them."""
    by_agent = _is_by_agent(word, sentence)
    passive = by_agent or _is_passive(sentence.low[word], between)
    if passive and case == "":
        if by_agent:
            yield from _by_agent(doer, word, sentence)
        return
    # "X was linked to Y" is said of X alone; "X was used against Y" does not say who did it.
    if passive and relation not in _SAID_OF_DONE:
        return
    start = word if case == "" else _preposition(case, word, sentence)
    if start >= 0:
        for one in _row(doer, sentence, back=True):
            yield from ((one, other) for other in _behind(start, sentence))


def _is_by_agent(word: int, sentence: ReadSentence) -> bool:
    """Return whether who does it stands behind a verb: `used by X`."""
    return sentence.low[word].endswith(("d", "n", "t")) and sentence.low[word + 1 : word + 2] == ["by"]


def _is_passive(verb: str, between: Sequence[str]) -> bool:
    """Return whether what stands before a verb has it done to it: `X was often seen`, but not `X was using`."""
    last = [one for one in between if not one.endswith("ly") and one not in NEGATIONS | DOUBTS][-1:]
    return not verb.endswith("ing") and not _BE.isdisjoint(last)


def _by_agent(done: Mention, word: int, sentence: ReadSentence) -> Iterator[tuple[Mention, Mention]]:
    for actor in _behind(word + 1, sentence):
        yield from ((actor, one) for one in _row(done, sentence, back=True))


def _doer(verb: int, sentence: ReadSentence) -> tuple[Mention | None, Sequence[str]]:
    """Return the mention before a verb, where only little stands between, and what does."""
    at = verb - 1
    while at >= 0 and verb - at <= _MOST_BEFORE:
        owner = sentence.owner[at]
        if owner is not None:
            between = sentence.low[at + 1 : verb]
            # After "as used in X," or "in X," the verb is somebody else's.
            outside = sentence.low[owner.start - 1] if owner.start else ""
            return (None, ()) if outside in ("in", "on", "against", "for", "to", "with", "by") else (owner, between)
        word = sentence.low[at]
        # "Downloads and installs": the first of two verbs.
        joined = _is_verb(word) and sentence.low[at + 1] in ("and", "or")
        joined = joined or (word in ("and", "or") and _is_verb(sentence.low[at - 1]))
        if (
            not joined
            and word not in _BEFORE
            and not word.endswith("ly")
            and base_form(word) not in DOUBTERS | FAILURES
        ):
            return None, ()
        at -= 1
    return None, ()


def _is_verb(word: str) -> bool:
    return base_form(word) in VERBS or word.endswith("ed")


def _preposition(case: str, verb: int, sentence: ReadSentence) -> int:
    """Return the last word of a preposition behind a verb; -1 where it is not there, or another name is before it."""
    words = case.split(" ")
    for at in range(verb + 1, min(verb + 1 + _MOST_BEHIND, len(sentence.low))):
        if sentence.low[at : at + len(words)] == words:
            return at + len(words) - 1
        if sentence.low[at] in (".", ";", ":", "(", "that", "which"):
            return -1
    return -1


def _behind(start: int, sentence: ReadSentence) -> Iterator[Mention]:
    """Yield the mention behind a word, where only articles, adjectives and nouns stand between, and its list."""
    for at in range(start + 1, min(start + 1 + _MOST_BEHIND, len(sentence.low))):
        owner = sentence.owner[at]
        if owner is not None:
            yield from _row(owner, sentence, back=False)
            return
        # "Tools such as X" goes on, all other prepositions begin something else.
        if sentence.low[at] in _STOPS and sentence.low[at - 1 : at + 1] != ["such", "as"]:
            return


def _row(mention: Mention, sentence: ReadSentence, *, back: bool) -> Iterator[Mention]:
    """Yield a mention and those of its kind that stand in a list with it, behind or before it."""
    yield mention
    place = sentence.mentions.index(mention)
    rest = (
        sentence.mentions[place - 1 :: -1] if back and place else sentence.mentions[place + 1 :] if not back else []
    )
    for other in rest:
        gap = sentence.between(mention, other)
        if not gap or not all(word in _LIST for word in gap) or not _alike(mention, other):
            return
        yield other
        mention = other


def _alike(one: Mention, other: Mention) -> bool:
    return (
        one.label == other.label
        or {one.label, other.label} <= {"MALWARE", "TOOL"}
        or ({one.label, other.label} <= PRODUCTS)
    )
