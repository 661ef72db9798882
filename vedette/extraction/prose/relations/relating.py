"""Entities of documents to what is said of them: same-as first, then relations sentence by sentence.

Relations across sentences come only through words that stand for an entity ("the malware", "it"). The pairs of all
sentences of all documents go to the classifier together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from vedette.extraction.prose.annotated import Entity, EntityRelation, Sentence
from vedette.extraction.prose.ports import SentenceReader
from vedette.extraction.prose.relations.actions import stated
from vedette.extraction.prose.relations.aliases import Same, of_aliases, same_by_name, with_one_label
from vedette.extraction.prose.relations.beside import of_neighbours
from vedette.extraction.prose.relations.certainty import weighed
from vedette.extraction.prose.relations.classified import as_pair, combined, questions
from vedette.extraction.prose.relations.mentions import Mention, ReadSentence, Statement
from vedette.extraction.prose.relations.pairs import bounded
from vedette.extraction.prose.relations.products import of_products
from vedette.extraction.prose.relations.sequences import in_order
from vedette.extraction.prose.relations.standing_in import Antecedents
from vedette.extraction.prose.relations.vulnerabilities import of_vulnerabilities
from vedette.extraction.prose.rules.common_words import is_kind

HEDGED = 0.5
"""What a statement that the sentence does not vouch for is worth, of one that it does."""

MAX_STATED = 1_000
"""Statements of verbs that are weighed of one sentence: of hostile words every one may be a verb of all others."""

Document = tuple[Sequence[Sentence], Sequence[Entity]]
"""Sentences, and the entities in order, each with its place in the list as its id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    """A document whose sentences are read, but for the classifier's answers."""

    entities: Sequence[Entity]
    same: Same
    aliases: list[tuple[ReadSentence, Statement]]
    sentences: list[ReadSentence]
    asked: list[list[tuple[Mention, Mention]]]


def relate(
    sentences: Sequence[Sentence], entities: Sequence[Entity], *, reader: SentenceReader | None
) -> tuple[list[Entity], list[EntityRelation]]:
    """Return a document's entities with `same_as` set, and what its sentences say of them.

    Args:
        sentences: those of the document, parsed or not.
        entities: in order; the id of each is its place.
        reader: whose pair classifier is asked; None: patterns alone.
    """
    return relate_all([(sentences, entities)], reader=reader)[0]


def relate_all(
    documents: Sequence[Document], *, reader: SentenceReader | None
) -> list[tuple[list[Entity], list[EntityRelation]]]:
    """Return the same for many documents, with one question to the reader."""
    read = [_read(sentences, entities, ask=reader is not None) for sentences, entities in documents]
    pairs = [
        as_pair(head, tail, sentence)
        for document in read
        for sentence, asked in zip(document.sentences, document.asked, strict=True)
        for head, tail in asked
    ]
    answers = iter(reader.relate(pairs) if reader is not None and pairs else ())
    return [(_with_same(document), _relations(document, answers)) for document in read]


def _read(sentences: Sequence[Sentence], entities: Sequence[Entity], *, ask: bool, again: bool = True) -> _Read:
    read = list(_read_sentences(sentences, entities))
    same = same_by_name(entities)
    aliases = [(sentence, one) for sentence in read for one in of_aliases(sentence, entities)]
    for _, one in aliases:
        same.join(one.head.entity, one.tail.entity)
    agreed = with_one_label(entities, same, [one for _, one in aliases]) if again else entities
    if any(one.label != other.label for one, other in zip(agreed, entities, strict=True)):
        # What the names are decides what can be said of them; once, for then other names could agree, and so on.
        return _read(sentences, agreed, ask=ask, again=False)
    asked = [questions(sentence) if ask else [] for sentence in read]
    antecedents = Antecedents([same.first(entity.id) for entity in entities])
    for sentence in read:
        antecedents.resolve(sentence)
        antecedents.note(sentence)
    return _Read(entities=entities, same=same, aliases=aliases, sentences=read, asked=asked)


def _read_sentences(sentences: Sequence[Sentence], entities: Sequence[Entity]) -> Iterator[ReadSentence]:
    """Yield the sentences that name something."""
    of_sentence: dict[int, list[Entity]] = {}
    for entity in entities:
        if not (entity.label == "ATTACK_PATTERN" and is_kind(entity.text)):
            of_sentence.setdefault(entity.sentence, []).append(entity)
    for place, found in sorted(of_sentence.items()):
        if place < len(sentences):
            yield ReadSentence(sentences[place], found, place=place)


def _relations(document: _Read, answers: Iterator[tuple[str, float]]) -> list[EntityRelation]:
    found = [_relation(one, sentence, document.entities) for sentence, one in document.aliases]
    for sentence, asked in zip(document.sentences, document.asked, strict=True):
        answered = [next(answers) for _ in asked]
        statements = combined(list(_stated(sentence)), asked, answered)
        for one in bounded(statements):
            if document.same.first(one.head.entity) != document.same.first(one.tail.entity):
                found.append(_relation(weighed(one, sentence), sentence, document.entities))
    return sorted(found, key=lambda one: (one.sentence, one.head, one.tail, one.relation))


def _stated(sentence: ReadSentence) -> Iterator[Statement]:
    yield from of_products(sentence)
    yield from of_vulnerabilities(sentence)
    yield from of_neighbours(sentence)
    yield from islice(chain(stated(sentence), in_order(sentence)), MAX_STATED)


def _relation(one: Statement, sentence: ReadSentence, entities: Sequence[Entity]) -> EntityRelation:
    sure = min(entities[one.head.entity].confidence, entities[one.tail.entity].confidence)
    confidence = one.confidence * one.head.share * one.tail.share * sure * (HEDGED if one.hedged else 1)
    return EntityRelation(
        head=one.head.entity,
        tail=one.tail.entity,
        relation=one.relation,
        confidence=round(min(max(confidence, 0.0), 1.0), 4),
        sentence=sentence.place,
        negated=one.negated,
        hedged=one.hedged,
    )


def _with_same(document: _Read) -> list[Entity]:
    found = []
    for entity in document.entities:
        first = document.same.first(entity.id)
        found.append(entity.model_copy(update={"same_as": None if first == entity.id else first}))
    return found
