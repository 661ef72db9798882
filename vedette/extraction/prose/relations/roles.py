"""Who does what in a sentence: the logical subjects, objects and complements of a verb, read from its parse.

Universal Dependencies, version 2: passives are turned round, relative pronouns stand for their noun, and the subject
of a verb that has none is that of the verb it is joined to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from vedette.extraction.prose.relations.mentions import Mention, ReadSentence
from vedette.extraction.prose.relations.words import base_form

_RELATIVES = frozenset({"that", "which", "who", "whom"})
_CAUSERS = frozenset({"allow", "enable", "cause", "lead", "force", "let", "help", "see", "observe"})
"""Verbs whose object does what their complement says."""

_MAX_STEPS = 6
"""Verbs and nouns that are walked to find a subject."""

_INSIDE = frozenset({"conj", "appos", "compound", "flat", "list", "dep", "goeswith", "nummod", "amod", "parataxis"})
"""Ways in which a name hangs on the noun that a verb has."""

_NEAR = frozenset(
    {"of", "such as", "like", "including", "called", "named", "in", "against", "at", "from", "behind", ""}
)
"""Prepositions by which one does as well: `variants of Emotet`, `tools such as PsExec`, `banks in Chile`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Roles:
    """The arguments of a verb, as words."""

    subjects: list[int] = field(default_factory=list)
    objects: list[int] = field(default_factory=list)
    others: list[tuple[str, int]] = field(default_factory=list)
    """Preposition and word."""


def roles_of(verb: int, sentence: ReadSentence, steps: int = _MAX_STEPS) -> Roles:
    """Return what a verb's arguments are."""
    others = [
        (sentence.case(kid), kid)
        for kid in sentence.children[verb]
        if sentence.relations[kid].split(":")[0] in ("obl", "nmod", "xcomp", "advcl", "iobj")
    ]
    objects = _arguments(verb, sentence, "obj", "iobj")
    if is_passive(verb, sentence):
        agents = [word for case, word in others if case == "by"]
        patients = _arguments(verb, sentence, "nsubj:pass", "nsubj") or _inherited(verb, sentence, steps)
        return Roles(subjects=agents, objects=patients + objects, others=others)
    subjects = _arguments(verb, sentence, "nsubj", "nsubj:outer")
    modified = sentence.heads[verb] if sentence.is_a(verb, "acl") else -1
    if not subjects:
        subjects = _inherited(verb, sentence, steps)
    elif modified >= 0 and not objects and modified not in subjects:
        # "The malware APT28 uses": what the clause lacks is the noun that it describes.
        objects = [modified]
    return Roles(subjects=subjects, objects=objects, others=others)


def _arguments(verb: int, sentence: ReadSentence, *relations: str) -> list[int]:
    return [_antecedent(kid, verb, sentence) for kid in sentence.kids(verb, *relations)]


def is_passive(verb: int, sentence: ReadSentence) -> bool:
    """Return whether a verb stands in the passive voice."""
    if sentence.kids(verb, "nsubj:pass", "aux:pass"):
        return True
    participle = sentence.low[verb].endswith(("ed", "en", "t", "n")) and not sentence.low[verb].endswith("ing")
    if sentence.is_a(verb, "acl") and not sentence.kids(verb, "nsubj", "obj"):
        return participle
    agent = any(sentence.case(kid) == "by" for kid in sentence.kids(verb, "obl", "obl:agent"))
    if sentence.is_a(verb, "conj") and not sentence.kids(verb, "nsubj", "obj", "aux") and participle:
        return agent or is_passive_alone(sentence.heads[verb], sentence)
    return agent and participle and not sentence.kids(verb, "nsubj", "obj")


def is_passive_alone(verb: int, sentence: ReadSentence) -> bool:
    """Return whether a verb says itself that it stands in the passive voice."""
    return verb >= 0 and bool(sentence.kids(verb, "nsubj:pass", "aux:pass"))


def _inherited(verb: int, sentence: ReadSentence, steps: int) -> list[int]:
    """Return whom a verb without a subject of its own speaks of."""
    head = sentence.heads[verb]
    if head < 0 or steps <= 0:
        return []
    if sentence.is_a(verb, "acl"):
        return [head]
    if not any(sentence.is_a(verb, way) for way in ("conj", "xcomp", "advcl", "ccomp", "parataxis", "dep", "obl")):
        return []
    above = roles_of(head, sentence, steps - 1)
    causes = base_form(sentence.low[head]) in _CAUSERS or is_passive(head, sentence)
    if sentence.relations[verb] == "xcomp" and causes and above.objects:
        return above.objects
    if sentence.pos[head] in ("NOUN", "PROPN") and not above.subjects:
        return [head]
    return above.subjects or above.objects


def _antecedent(word: int, verb: int, sentence: ReadSentence) -> int:
    """Return the noun that a relative pronoun stands for; any other word as it is."""
    if sentence.low[word] in _RELATIVES and sentence.is_a(verb, "acl") and sentence.heads[verb] >= 0:
        return sentence.heads[verb]
    return word


def mentions_at(words: list[int], sentence: ReadSentence) -> Iterator[tuple[Mention, int]]:
    """Yield the mentions that words are, or that hang on them, each with the steps to it; the nearest first."""
    seen: set[int] = set()
    front = [(word, 0) for word in words]
    given: set[int] = set()
    while front:
        word, steps = front.pop(0)
        if word in seen or steps > _MAX_STEPS:
            continue
        seen.add(word)
        owner = sentence.owner[word]
        if owner is not None and owner.start not in given:
            given.add(owner.start)
            yield owner, steps
        inside = range(owner.start, owner.end) if owner is not None else [word]
        for part in inside:
            front += [(kid, steps + 1) for kid in sentence.children[part] if _belongs(kid, sentence)]
        if owner is None and steps == 0:
            front += [(above, 1) for above in _same_above(word, sentence)]


def _belongs(kid: int, sentence: ReadSentence) -> bool:
    relation = sentence.relations[kid].partition(":")[0]
    return relation in _INSIDE or (relation == "nmod" and sentence.case(kid) in _NEAR)


def _same_above(word: int, sentence: ReadSentence) -> list[int]:
    """Return whom a noun describes: `Emotet` in `Emotet, a trojan that …` and in `Emotet is a trojan that …`."""
    found = list(sentence.kids(word, "nsubj")) if sentence.kids(word, "cop") else []
    if sentence.relations[word] == "appos" and sentence.heads[word] >= 0:
        found.append(sentence.heads[word])
    return found
