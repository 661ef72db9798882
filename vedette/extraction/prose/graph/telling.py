"""Who is who in an annotated document: what is sure enough, and which entities are the same thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain

from vedette.extraction.prose.annotated import AnnotatedDocument, Entity, EntityRelation
from vedette.extraction.prose.version_words import Versions, versions_of

_HEDGED = 0.5
"""A hedged relation has half its confidence: it is held to half of what is asked for."""


class Telling:
    """What a document says that is sure enough; things are told apart by the id of their first entity."""

    def __init__(self, document: AnnotatedDocument, *, least_confidence: float) -> None:
        self.text = document.text
        self._least = least_confidence
        self.entities = {one.id: one for one in document.entities if sureness(one) >= least_confidence}
        first: dict[int, int] = {}
        for one in self.entities.values():
            first.setdefault(_named_first(one), one.id)
        self._things = {one.id: first[_named_first(one)] for one in self.entities.values()}
        self.relations = sorted(
            (one for one in document.relations if self._holds(one)), key=lambda one: (-one.confidence, one.sentence)
        )
        """The surest first; what is denied is not among them."""
        self._from: defaultdict[tuple[str, int], list[EntityRelation]] = defaultdict(list)
        self._to: defaultdict[tuple[str, int], list[EntityRelation]] = defaultdict(list)
        for relation in self.relations:
            self._from[relation.relation, self.thing(relation.head)].append(relation)
            self._to[relation.relation, self.thing(relation.tail)].append(relation)
        self._numbered: defaultdict[tuple[int, int | None], list[EntityRelation]] = defaultdict(list)
        for relation in chain(self._named("version-of"), self._named("not-version")):
            for sentence in (None, relation.sentence):
                self._numbered[self.thing(relation.tail), sentence].append(relation)
        self._versions: dict[tuple[int, int | None], Versions] = {}
        self._vulnerabilities = {
            self.thing(one.id) for one in self.entities.values() if one.label in ("VULN_ID", "VULNERABILITY")
        }

    def thing(self, entity: int) -> int:
        """Return the id of the first entity that is the same thing."""
        return self._things[entity]

    def things(self) -> Iterator[tuple[Entity, float]]:
        """Yield each thing as it is first named, and how sure the surest of its entities is."""
        surest: dict[int, float] = {}
        for one in self.entities.values():
            thing = self.thing(one.id)
            surest[thing] = max(surest.get(thing, 0.0), sureness(one))
        for thing, confidence in surest.items():
            yield self.entities[thing], confidence

    def leaving(self, thing: int, relation: str) -> Sequence[EntityRelation]:
        """Return the relations of a name from a thing, the surest first."""
        return self._from.get((relation, thing), ())

    def entering(self, thing: int, relation: str) -> Sequence[EntityRelation]:
        """Return the relations of a name to a thing, the surest first."""
        return self._to.get((relation, thing), ())

    def vendor(self, thing: int) -> str:
        """Return who makes a product; empty where that is not said."""
        return next((self.entities[one.head].name for one in self.entering(thing, "vendor-of")), "")

    def versions(self, thing: int, sentence: int | None = None) -> Versions:
        """Return what is said of a product's versions: in a sentence, or in all of them.

        A sentence without versions speaks of those that the others name only where there is but one vulnerability:
        else nobody could tell whose they are.
        """
        if (thing, sentence) not in self._numbered:
            if sentence is not None and len(self._vulnerabilities) > 1:
                return Versions()
            sentence = None
        # Kept: a hostile text names one product in ten thousand sentences.
        if (thing, sentence) not in self._versions:
            named: dict[int, tuple[Entity, bool]] = {}
            for one in self._numbered.get((thing, sentence), ()):
                named.setdefault(one.head, (self.entities[one.head], one.relation == "not-version"))
            self._versions[thing, sentence] = versions_of(self.text, [named[id] for id in sorted(named)])
        return self._versions[thing, sentence]

    def _named(self, relation: str) -> Iterator[EntityRelation]:
        return (one for one in self.relations if one.relation == relation)

    def _holds(self, relation: EntityRelation) -> bool:
        if relation.negated or relation.head not in self.entities or relation.tail not in self.entities:
            return False
        asked = self._least * _HEDGED if relation.hedged else self._least
        return relation.origin == "person" or relation.confidence >= asked


def sureness(entity: Entity) -> float:
    """Return how sure it is that the text names this; a person is."""
    return 1.0 if entity.origin == "person" else entity.confidence


def words_of(text: str, limit: int) -> str:
    """Return a text in one line of at most `limit` characters."""
    words = " ".join(text[: 4 * limit].split())
    return words if len(words) <= limit else f"{words[: limit - 1]}…"


def _named_first(entity: Entity) -> int:
    return entity.id if entity.same_as is None else entity.same_as
