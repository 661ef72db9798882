"""Relations of products: how much of what the NVD and the KEV catalogue say is found in their own descriptions.

The entities are given ("marked") or found by the model ("read"). Of the KEV catalogue, whose rows name one vendor and
one product each, only the recall is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from vedette.extraction.interface import LEAST_CONFIDENCE
from vedette.extraction.prose.annotated import Entity, EntityRelation, Sentence
from vedette.extraction.prose.annotating import annotate_all
from vedette.extraction.prose.bio import runs
from vedette.extraction.prose.evaluation.descriptions import (
    Described,
    Fact,
    covers,
    has_version,
    is_short_for,
    plain,
    read_descriptions,
)
from vedette.extraction.prose.evaluation.measures import Measure
from vedette.extraction.prose.labels import LABELS
from vedette.extraction.prose.ports import SentenceReader
from vedette.extraction.prose.relations.relating import relate_all
from vedette.extraction.prose.tagging import joined
from vedette.extraction.prose.text.texts import Text
from vedette.extraction.prose.training.sets import tagged

PRECISION: Final = 0.90
RECALL: Final = 0.60
_BY_RELEASE: Final = frozenset({"windows", "windows server"})
"""Systems whose release NVD, and our graph, have in the name: `windows_server_2008`."""

MEASURED: Final = ("vendor-of", "version-of", "not-version", "vulnerability-of")


class Count:
    """How many were said rightly and wrongly, and how many of the wanted were found, by relation."""

    def __init__(self) -> None:
        self.right: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.wanted: Counter[str] = Counter()

    def measures(self, part: str, *, precise: bool) -> list[Measure]:
        """Return precision (where it is known) and recall of each relation and of all together."""
        found: list[Measure] = []
        for name, relations in (*((one, (one,)) for one in MEASURED), ("all", MEASURED)):
            said = sum(self.right[one] + self.wrong[one] for one in relations)
            wanted = sum(self.wanted[one] for one in relations)
            if precise and said:
                right = sum(self.right[one] for one in relations) / said
                found.append(
                    Measure(part=part, of=name, figure="precision", value=right, count=said, target=PRECISION)
                )
            if wanted:
                share = sum(self.found[one] for one in relations) / wanted
                found.append(Measure(part=part, of=name, figure="recall", value=share, count=wanted, target=RECALL))
        return found


def measure_relations(data: Path, *, reader: SentenceReader | None = None) -> list[Measure]:
    """Return the figures for marked entities, and with a reader for those that it finds itself.

    Args:
        data: folder with `ner/` and `sources/`.
        reader: what is measured.
    """
    described = read_descriptions(data)
    marked = relate_all([(one.sentences, one.entities) for one in described], reader=None)
    found = described_count(described, marked).measures("relations of the nvd, marked", precise=True)
    found += kev_count(data).measures("relations of kev, marked", precise=False)
    if reader is not None:
        documents = annotate_all([Text.plain(one.text) for one in described], reader=reader)
        # What is less sure does not become a part of the graph.
        read = [
            (list(one.entities), [said for said in one.relations if said.confidence >= LEAST_CONFIDENCE])
            for one in documents
        ]
        found += described_count(described, read).measures("relations of the nvd, read", precise=True)
    return found


def described_count(
    described: Sequence[Described], related: Sequence[tuple[list[Entity], list[EntityRelation]]]
) -> Count:
    """Return what was said of descriptions, rightly and wrongly."""
    count = Count()
    for one, (entities, relations) in zip(described, related, strict=True):
        said = {_known(fact, one) for fact in _said(entities, relations)}
        for fact in said:
            if is_judged(fact, one):
                (count.right if is_right(fact, one) else count.wrong)[fact[0]] += 1
        for fact in one.facts:
            count.wanted[fact[0]] += 1
            count.found[fact[0]] += fact in said
    return count


def _known(fact: Fact, one: Described) -> Fact:
    """Return what was said with the product as the list names it: `ISC BIND` has `bind` in it."""
    relation, head, tail = fact
    within = [name for name in one.products if f" {name} " in f" {tail} "]
    within = within or [name for name in one.products if is_short_for(tail, name)]
    return relation, head, max(within, key=len, default=tail)


def is_judged(fact: Fact, one: Described) -> bool:
    """Return whether a description's list of products can tell: it is silent on versions of what it does not list."""
    relation, head, tail = fact
    if tail in one.products or relation == "vulnerability-of":
        return True
    return relation in ("version-of", "not-version") and any(
        has_version(head, of, one.versions) for of in one.products
    )


def is_right(fact: Fact, one: Described) -> bool:
    """Return whether a description's list of products agrees with what was said."""
    relation, head, tail = fact
    if relation == "not-version":
        return tail in one.products and not has_version(head, tail, one.versions)
    if relation == "version-of":
        return covers(head, tail, one.versions)
    if relation == "vendor-of":
        return (head, tail) in one.vendors
    return tail in one.products


def _said(entities: Sequence[Entity], relations: Sequence[EntityRelation]) -> set[Fact]:
    names = [plain(one.text) for one in entities]
    for one, other in pairwise(entities):
        if names[one.id] in _BY_RELEASE and other.label == "VERSION" and other.start - one.end == 1:
            names[one.id] = f"{names[one.id]} {names[other.id]}"
    return {
        (one.relation, names[one.head], names[one.tail])
        for one in relations
        if one.relation in MEASURED and not one.negated and not one.hedged
        if not (names[one.tail] != plain(entities[one.tail].text) and one.head == one.tail + 1)
    }


def kev_count(data: Path) -> Count:
    """Return what was found in the rows of the KEV catalogue that are for development."""
    documents = [_document(row.words, row.tags) for row in tagged(data, "kev_auto", "dev")]
    count = Count()
    for (_, entities), (_, relations) in zip(documents, relate_all(documents, reader=None), strict=True):
        said = _said(entities, relations)
        for fact in _kev_facts(entities):
            count.wanted[fact[0]] += 1
            count.found[fact[0]] += fact in said
    return count


def _kev_facts(entities: Sequence[Entity]) -> set[Fact]:
    """Return what a row says by its columns: its vendor's product has its vulnerability."""
    found: set[Fact] = set()
    for one in entities:
        for other in entities:
            if other.label != "SOFTWARE" or one.label not in ("VENDOR", "VULNERABILITY"):
                continue
            relation = "vendor-of" if one.label == "VENDOR" else "vulnerability-of"
            found.add((relation, plain(one.text), plain(other.text)))
    return found


def _document(words: Sequence[str], tags: Sequence[str]) -> tuple[list[Sentence], list[Entity]]:
    text, tokens = joined(words)
    entities: list[Entity] = []
    for label, first, behind in runs(tags):
        if label in LABELS:
            start, end = tokens[first].start, tokens[behind - 1].end
            entities.append(
                Entity(
                    id=len(entities),
                    start=start,
                    end=end,
                    text=text[start:end],
                    label=label,
                    confidence=1,
                    sentence=0,
                )
            )
    return [Sentence(start=0, end=len(text), tokens=tokens)], entities
