"""Relations that a verb or a noun of action states: who uses, exploits, targets, drops what, and so on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from vedette.extraction.prose.labels import Relation
from vedette.extraction.prose.relations.mentions import Mention, ReadSentence, Statement
from vedette.extraction.prose.relations.pairs import PRODUCTS, fits
from vedette.extraction.prose.relations.roles import Roles, mentions_at, roles_of
from vedette.extraction.prose.relations.words import base_form

Ways = tuple[tuple[str, str], ...]
"""Relations, each with the preposition before its other end; `~` before a relation whose first end is the object."""

_OBJECT: Final = ""
_CONFIDENCE = 0.9
_A_STEP_LESS = 0.05


def _ways(text: str) -> dict[str, Ways]:
    """Read a table: a line has verbs, `:`, and `relation@preposition` in the order in which they are tried."""
    found: dict[str, Ways] = {}
    for line in text.strip().splitlines():
        verbs, _, ways = line.partition(":")
        split = [way.partition("@") for way in ways.split()]
        for verb in verbs.split():
            found[verb] = (*found.get(verb, ()), *((relation, case.replace("_", " ")) for relation, _, case in split))
    return found


VERBS: Final[Mapping[str, Ways]] = _ways("""
use employ leverage utilize wield adopt repurpose reuse: exploits uses
rely: uses@on uses@upon
turn: uses@to
deploy install implant plant deliver distribute spread launch run execute load embed: drops uses
download fetch retrieve receive: drops uses
download fetch retrieve receive load: communicates-with@from
develop operate maintain author build create write: ~attributed-to uses
drop write extract unpack release provide: drops uses
introduce push ship: drops uses
exploit abuse weaponize: exploits uses
target attack hit strike compromise breach infect infiltrate: targets exploits
victimize penetrate sabotage impersonate threaten: targets exploits
ransom wipe disrupt deface phish: targets
affect impact: targets
aim focus: targets@at targets@on targets@against
target attack spread operate: targets@in targets@across targets@against targets@within
use deploy launch conduct mount direct: targets@against targets@on targets@in
steal exfiltrate: targets@from
attribute ascribe tie link trace associate connect: attributed-to@to attributed-to@with
blame: attributed-to@on
attribute ascribe tie link trace: located-at@to
conduct orchestrate perform run launch mount carry lead coordinate sponsor stage direct: ~attributed-to
work belong: attributed-to@of attributed-to@to
communicate connect beacon link talk: communicates-with@with communicates-with@to
contact query: communicates-with
reach call: communicates-with@to communicates-with
send exfiltrate transmit upload report post: communicates-with@to
get pull download fetch retrieve receive: communicates-with@from
use contact: communicates-with
listen resolve host: communicates-with@on communicates-with@to communicates-with@at
come originate: located-at@from
base locate headquarter situate: located-at@in located-at@at
operate work: located-at@from located-at@out_of
""")
"""What verbs say, by their dictionary form; `~`: the object is the first end."""

NOUNS: Final[Mapping[str, Ways]] = _ways("""
attack attacks campaign campaigns operation operations: targets@against targets@on targets@at targets@targeting
intrusion intrusions assault raids activity: targets@against targets@on targets@at
breach compromise hack infection infections: targets@of targets@at
targeting: targets@of
exploitation abuse weaponization: exploits@of
exploit exploits: exploits@for exploits@against exploits@of
use usage deployment utilization: uses@of
distribution delivery installation: uses@of drops@of
""")
"""The same for nouns; who does it is their `by`, possessive or compound."""

MAX_VERBS: Final = 40
"""Verbs and nouns of action of a sentence that are looked at."""

_EXPLOITING = frozenset({"exploit", "exploits", "exploitation", "abuse", "weaponize", "weaponization"})
"""Only what these have done to it is said of a product: who uses Windows does not exploit it."""

_DOERS = ("by", "from", "of", "'s", "")


def stated(sentence: ReadSentence) -> Iterator[Statement]:
    """Yield what the verbs and nouns of action of a parsed sentence state."""
    if not sentence.parsed:
        return
    for word in _telling(sentence)[:MAX_VERBS]:
        low = sentence.low[word]
        if low in ("behind", "responsible"):
            yield from _of_behind(word, sentence)
        elif sentence.pos[word] in ("VERB", "AUX") or sentence.is_a(word, "acl"):
            yield from _of_verb(word, sentence)
        elif low in NOUNS:
            yield from _of_noun(word, sentence)


def _telling(sentence: ReadSentence) -> list[int]:
    """Return the words of a sentence that can state something."""
    return [
        word
        for word, low in enumerate(sentence.low)
        if sentence.owner[word] is None
        and (low in NOUNS or low in ("behind", "responsible") or base_form(low) in VERBS)
    ]


def _of_verb(word: int, sentence: ReadSentence) -> Iterator[Statement]:
    ways = VERBS.get(base_form(sentence.low[word]))
    if ways is None:
        return
    roles = roles_of(word, sentence)
    for subject, far in mentions_at(roles.subjects, sentence):
        taken: set[int] = set()
        for relation, case in ways:
            for other, steps in mentions_at(_others(roles, case), sentence):
                found = statement(relation, subject, other, far + steps, word, sentence)
                if found is not None and (other.entity not in taken):
                    taken.add(other.entity)
                    yield found
    yield from _passive_links(word, roles, ways, sentence)


def _passive_links(word: int, roles: Roles, ways: Ways, sentence: ReadSentence) -> Iterator[Statement]:
    """Yield what is said of the object alone: `X was attributed to Y`, `they linked X to Y`, `X, based in Y`."""
    for relation, case in ways:
        if case == _OBJECT or relation not in ("attributed-to", "located-at", "communicates-with"):
            continue
        for one, far in mentions_at(roles.objects, sentence):
            for other, steps in mentions_at(_others(roles, case), sentence):
                found = statement(relation, one, other, far + steps, word, sentence)
                if found is not None:
                    yield found


def _of_noun(word: int, sentence: ReadSentence) -> Iterator[Statement]:
    parts = [(sentence.case(kid), kid) for kid in sentence.children[word]]
    doers = [kid for case, kid in parts if case in _DOERS and not sentence.is_a(kid, "acl")]
    doers += _subjects_above(word, sentence)
    for relation, wanted in NOUNS[sentence.low[word]]:
        others = [kid for case, kid in parts if case == wanted]
        if not others:
            continue
        for doer, far in mentions_at(doers, sentence):
            for other, steps in mentions_at(others, sentence):
                found = statement(relation, doer, other, far + steps + 1, word, sentence)
                if found is not None:
                    yield found


def _subjects_above(word: int, sentence: ReadSentence) -> list[int]:
    """Return whose doing a noun of action is: the subject of the verb that has it (`X launched attacks against`)."""
    if not (sentence.is_a(word, "obj") or sentence.is_a(word, "obl")):
        return []
    return roles_of(sentence.heads[word], sentence).subjects if sentence.heads[word] >= 0 else []


def _of_behind(word: int, sentence: ReadSentence) -> Iterator[Statement]:
    """Yield what `X is behind Y` and `X is responsible for Y` say."""
    noun = word if sentence.low[word] == "responsible" else sentence.heads[word]
    if noun < 0 or not sentence.kids(noun, "cop"):
        return
    others = [kid for kid in sentence.children[noun] if sentence.case(kid) == "for"] if noun == word else [noun]
    for actor, far in mentions_at(roles_of(noun, sentence).subjects, sentence):
        for done, steps in mentions_at(others, sentence):
            found = statement("~attributed-to", actor, done, far + steps + 1, noun, sentence)
            if found is not None:
                yield found


def _others(roles: Roles, case: str) -> list[int]:
    return roles.objects if case == _OBJECT else [word for found, word in roles.others if found == case]


def statement(
    relation: str, one: Mention, other: Mention, steps: int, trigger: int, sentence: ReadSentence
) -> Statement | None:
    """Return what a verb or noun states of two mentions; None where the relation cannot lie between them.

    Args:
        relation: `~` before it where the second is its first end.
        one: who does it.
        other: whom or what it is done to.
        steps: words of the parse between the three.
        trigger: the verb or noun.
        sentence: it is in.
    """
    head, tail = (other, one) if relation.startswith("~") else (one, other)
    name: Relation = relation.removeprefix("~")  # type: ignore[assignment]
    if not fits(name, head, tail):
        return None
    if name == "exploits" and tail.label in PRODUCTS and base_form(sentence.low[trigger]) not in _EXPLOITING:
        return None
    confidence = max(_CONFIDENCE - _A_STEP_LESS * steps, 0.5)
    return Statement(head=head, tail=tail, relation=name, confidence=confidence, trigger=trigger)
