"""What a store holds, as its safety copy says it: read from the copy itself, never from the store beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text

from registry import tables
from registry.audit_tables import audit
from registry.backup_manifest import Log
from registry.chain import GENESIS, next_head
from registry.document_tables import document
from registry.log import read_statements
from vedette.evidence.finding import Finding
from vedette.evidence.statement import leaf
from vedette.evidence.sweep_checks import LogPlace

_READ_TOGETHER = 1_000

COUNTED = {
    "items": tables.item,
    "audit entries": audit,
    "batches": tables.batch,
    "tokens": tables.token,
    "documents": document,
}
"""What is counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreFacts:
    """What a store holds."""

    revision: str
    """Revision of its schema."""
    logs: tuple[Log, ...]
    """Where its chains stand, oldest first."""
    counts: dict[str, int]
    """Rows of the main tables."""
    documents: dict[str, int]
    """Sizes in bytes of the documents, by id."""


def read_facts(connection: Connection) -> StoreFacts:
    """Return what the store holds, in the connection's transaction."""
    chain = tables.chain
    columns = (chain.c.engine, chain.c.epoch, chain.c.next_index, chain.c.head)
    rows = connection.execute(select(*columns).order_by(chain.c.id)).all()
    logs = [Log(engine=row.engine, epoch=row.epoch, next_index=row.next_index, head=row.head.hex()) for row in rows]
    counts = {
        name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for name, table in COUNTED.items()
    }
    documents = connection.execute(select(document.c.sha256, document.c.size))
    return StoreFacts(
        revision=str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()),
        logs=tuple(logs),
        counts=counts,
        documents={sha256: size for sha256, size in documents},
    )


def check_heads(connection: Connection) -> Iterator[Finding]:
    """Yield the chains whose items do not lead to the head that the chain names."""
    chain = tables.chain
    rows = connection.execute(select(chain.c.id, chain.c.engine, chain.c.epoch, chain.c.next_index, chain.c.head))
    for row in rows.all():
        log = LogPlace(engine=row.engine, epoch=row.epoch)
        head, end = _recomputed(connection, row.id, row.next_index)
        if end != row.next_index:
            short = f"the log has {row.next_index} items, without a gap only {end}"
            yield Finding(kind="gap", place=log.item(end), text=short)
        elif head != row.head:
            yield Finding(kind="head", place=log.end, text="the items do not lead to the head that the log names")


def _recomputed(connection: Connection, chain_id: int, next_index: int) -> tuple[bytes, int]:
    """Return the head over all that is logged before the first gap, and where that is."""
    head, expected = GENESIS, 0
    for start in range(0, next_index, _READ_TOGETHER):
        last = min(start + _READ_TOGETHER, next_index) - 1
        for index, statement in read_statements(connection, chain_id, start, last):
            if index != expected:
                return head, expected
            head, expected = next_head(head, leaf(statement)), expected + 1
    return head, expected
