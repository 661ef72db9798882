"""Annotated documents made by hand: what a reader would say of a report, of a hostile one, and of a long one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from registry.database import Database
from registry.graph_writing import GraphWriter
from vedette.clock import SystemClock
from vedette.extraction.prose.annotated import (
    AnnotatedDocument,
    Entity,
    EntityRelation,
    Sentence,
    Technique,
    Token,
)
from vedette.extraction.prose.corrections.kinds import Place
from vedette.extraction.prose.corrections.retagging import retag
from vedette.extraction.prose.graph.subgraph import subgraph_of
from vedette.extraction.prose.keeping import keep
from vedette.extraction.prose.labels import Label, Relation
from vedette.graph.port import Origin, Said

_SENTENCE = re.compile(r"[^\s].*?(?:[.!?](?=\s)|\n|\Z)", re.DOTALL)
_TOKEN = re.compile(r"\w[\w.-]*\w|\w|[^\w\s]")

REPORT = (
    "Lazarus Group uses Qakbot against banks in Norway.\n"
    "The group, also known as Hidden Cobra, may exploit CVE-2026-0001 in Acme Mailer 2.4.1.\n"
    "Acme Mailer 2.4.2 is not affected by CVE-2026-0001.\n"
    "Qakbot runs PowerShell scripts and talks to 192.0.2.7.\n"
)

REPORT_NAMES: Mapping[str, Label] = {
    "Lazarus Group": "THREAT_ACTOR",
    "Hidden Cobra": "THREAT_ACTOR",
    "Qakbot": "MALWARE",
    "banks": "SECTOR",
    "Norway": "LOC",
    "CVE-2026-0001": "VULN_ID",
    "Acme Mailer": "SOFTWARE",
    "2.4.1": "VERSION",
    "2.4.2": "VERSION",
    "PowerShell": "TOOL",
    "192.0.2.7": "IPV4",
}

REPORT_RELATIONS: Sequence[tuple[int, str, Relation, str, str]] = (
    (0, "Lazarus Group", "uses", "Qakbot", ""),
    (0, "Lazarus Group", "targets", "banks", ""),
    (1, "Lazarus Group", "same-as", "Hidden Cobra", ""),
    (1, "Hidden Cobra", "exploits", "CVE-2026-0001", "hedged"),
    (1, "2.4.1", "version-of", "Acme Mailer", ""),
    (2, "CVE-2026-0001", "cve-of", "Acme Mailer", "negated"),
    (3, "Qakbot", "communicates-with", "192.0.2.7", ""),
)


def a_document(
    text: str,
    names: Mapping[str, Label],
    relations: Sequence[tuple[int, str, Relation, str, str]] = (),
    *,
    title: str = "",
    techniques: Mapping[int, Sequence[tuple[str, float]]] | None = None,
) -> AnnotatedDocument:
    """A document as a reader returns it.

    Args:
        text: its text, a sentence ends with a full stop or a line.
        names: labels by the names, each found wherever it stands.
        relations: number of the sentence, head, relation, tail, and `negated`, `hedged` or nothing.
        title: its title.
        techniques: ids and confidences by the number of their sentence.
    """
    spans = [found.span() for found in _SENTENCE.finditer(text)]
    entities = _entities(text, names, spans)
    sentences = tuple(
        Sentence(
            start=start,
            end=end,
            tokens=tuple(
                Token(text=one[0], start=one.start(), end=one.end(), pos="X", head=0, relation="root")
                for one in _TOKEN.finditer(text, start, end)
            ),
            techniques=tuple(
                Technique(id=id, confidence=confidence) for id, confidence in (techniques or {}).get(number, ())
            ),
        )
        for number, (start, end) in enumerate(spans)
    )
    return AnnotatedDocument(
        title=title,
        language="en",
        reader="by hand",
        text=text,
        sentences=retag(sentences, entities),
        entities=entities,
        relations=tuple(
            EntityRelation(
                head=_named(entities, head, number),
                tail=_named(entities, tail, number),
                relation=relation,
                confidence=0.4 if how == "hedged" else 0.8,
                sentence=number,
                negated=how == "negated",
                hedged=how == "hedged",
            )
            for number, head, relation, tail, how in relations
        ),
    )


def _entities(text: str, names: Mapping[str, Label], spans: Sequence[tuple[int, int]]) -> tuple[Entity, ...]:
    found: list[Entity] = []
    first: dict[str, int] = {}
    if names:
        pattern = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))
        number = 0
        for one in pattern.finditer(text):
            while number + 1 < len(spans) and spans[number][1] <= one.start():
                number += 1
            found.append(
                Entity(
                    id=len(found),
                    start=one.start(),
                    end=one.end(),
                    text=one[0],
                    label=names[one[0]],
                    confidence=0.9,
                    origin="indicator" if names[one[0]] in ("IPV4", "VULN_ID") else "model",
                    sentence=number,
                    same_as=first.get(one[0]),
                )
            )
            first.setdefault(one[0], found[-1].id)
    return tuple(found)


def _named(entities: Sequence[Entity], name: str, sentence: int) -> int:
    """Return the entity of a name that stands nearest to a sentence."""
    return min((one for one in entities if one.text == name), key=lambda one: abs(one.sentence - sentence)).id


def report() -> AnnotatedDocument:
    """A short report with something of everything."""
    return a_document(
        REPORT,
        REPORT_NAMES,
        REPORT_RELATIONS,
        title="Lazarus Group and the banks",
        techniques={3: (("T1059.001", 0.91), ("T1071", 0.55))},
    )


def hostile_document(text: str) -> AnnotatedDocument:
    """A document whose title, sentences and entities are one hostile text, as far as they may be."""
    clean = text.encode("utf-8", "replace").decode()[:2_000]
    name = clean.strip()[:300] or "x"
    whole = f"{name} uses Qakbot. {clean}\n{name} too."
    ends = (len(name) + 13, len(whole))
    sentences = (
        Sentence(
            start=0,
            end=ends[0],
            tokens=(Token(text=name, start=0, end=len(name)),),
            techniques=(Technique(id=name[:40], confidence=0.5),),
        ),
        Sentence(start=ends[0] + 1, end=ends[1], kind="code"),
    )
    entities = (
        Entity(id=0, start=0, end=len(name), text=name, label="MALWARE", value=name, confidence=0.5, sentence=0),
        Entity(
            id=1,
            start=len(name) + 6,
            end=len(name) + 12,
            text="Qakbot",
            label="MALWARE",
            confidence=0.5,
            sentence=0,
        ),
    )
    relation = EntityRelation(head=0, tail=1, relation="uses", confidence=0.5, sentence=0, hedged=True)
    return AnnotatedDocument(
        title=clean,
        language="en",
        reader=clean[:100],
        text=whole,
        sentences=sentences,
        entities=entities,
        relations=(relation,),
        skipped={clean[:100]: 5},
    )


def foreign_document() -> AnnotatedDocument:
    """A document that was not read."""
    return AnnotatedDocument(
        title="Bericht",
        language="de",
        read=False,
        why_not="it is in German, and only English is read",
        reader="by hand",
        text="Die Gruppe greift Banken in Norwegen an.\n" * 40,
    )


def long_document(*, sentences: int = 3_000) -> AnnotatedDocument:
    """A document of many sentences, each with two entities and a relation."""
    lines = [f"Lazarus Group uses Qakbot against host {number} of the bank.\n" for number in range(sentences)]
    names: Mapping[str, Label] = {"Lazarus Group": "THREAT_ACTOR", "Qakbot": "MALWARE"}
    document = a_document("".join(lines), names, title="A long report")
    relations = tuple(
        EntityRelation(head=2 * number, tail=2 * number + 1, relation="uses", confidence=0.8, sentence=number)
        for number in range(sentences)
    )
    return document.model_copy(update={"relations": relations})


def place_of(document: AnnotatedDocument, text: str, *, after: int = 0) -> Place:
    """Where a text stands first, from an offset on."""
    start = document.text.index(text, after)
    return Place(start=start, end=start + len(text), text=text)


async def keep_reading(
    graph: Database, document: AnnotatedDocument, *, item: str, source: str = "in.a", version: str = "1"
) -> None:
    """Let an item have been read so, as an RT agent does."""
    origin = Origin(
        item=item,
        sha256="ab" * 32,
        source=source,
        agent="collector@localhost",
        extractor="prose",
        version=version,
        observed_at=1_795_305_600_000_000,
    )
    kept = keep(document, least_confidence=0.5)
    said = Said(origin=origin, subgraph=subgraph_of(document), annotation=kept)
    await GraphWriter(database=graph, clock=SystemClock()).merge([said])
