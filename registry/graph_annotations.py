"""Annotated documents beside the graph: what was read of an item, as long as the graph knows what it says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import Connection, select

from registry.graph_drafts import Draft
from registry.graph_session import Session
from registry.graph_tables import annotation, origin
from vedette.extraction.prose.keeping import unpack
from vedette.graph.port import KeptAnnotation, Origin
from vedette.pieces import pieces

TOGETHER: Final = 400
"""Items whose annotations are deleted with one statement."""

_TABLES: Final = ("graph_annotation", "graph_correction")
"""What holds the text of items, or quotes it."""

_INSERT: Final = (
    "INSERT INTO graph_annotation (item, origin, language, read, sentences, entities, relations, packed)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


def keep_annotations(session: Session, drafts: Sequence[tuple[int, Draft]]) -> None:
    """Keep what was read of items, in place of what an older version read; each draft is with its origin's row."""
    rows = []
    for number, draft in drafts:
        if (kept := draft.annotation) is not None:
            told = kept.summary
            counts = (told.sentences, told.entities, told.relations)
            rows.append((draft.origin.item, number, told.language, int(told.read), *counts, kept.packed))
    _delete(session, _TABLES[:1], [row[0] for row in rows])
    session.statements.many(_INSERT, rows)


def forget_texts(session: Session, items: Collection[str]) -> None:
    """Delete what was read of items, and what people corrected in it."""
    _delete(session, _TABLES, items)


def _delete(session: Session, tables: Sequence[str], items: Collection[str]) -> None:
    for some in pieces(sorted(items), TOGETHER):
        marks = ",".join("?" * len(some))
        for table in tables:
            session.statements.run(f"DELETE FROM {table} WHERE item IN ({marks})", some)  # noqa: S608


def read_annotation(connection: Connection, item: str, *, tokens: bool = True) -> KeptAnnotation | None:
    """Return what was read of an item; None: it was not read as prose.

    Raises:
        KeepingError: it is damaged.
    """
    query = select(origin, annotation.c.language, annotation.c.read, annotation.c.packed)
    query = query.join(annotation, annotation.c.origin == origin.c.id).where(annotation.c.item == item)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return KeptAnnotation(
        origin=Origin(
            item=row.item,
            sha256=row.sha256,
            source=row.source,
            agent=row.agent,
            extractor=row.extractor,
            version=row.version,
            observed_at=row.observed_at,
            confidence=row.confidence,
        ),
        language=row.language,
        read=bool(row.read),
        merged_at=row.merged_at,
        reading=unpack(bytes(row.packed), tokens=tokens),
    )


def annotated_items(connection: Connection, *, after: str, limit: int) -> list[str]:
    """Return the items of which something is kept, in order, behind one of them."""
    query = select(annotation.c.item).where(annotation.c.item > after).order_by(annotation.c.item).limit(limit)
    return list(connection.execute(query).scalars())
