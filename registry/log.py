"""A chain's log as it is proved: items and audit entries, each at its `log_index`; one place knows both tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, bindparam, func, select, union_all

from registry import tables
from registry.audit_tables import audit
from registry.payload_rows import inline_payload
from vedette.errors import StoreError
from vedette.evidence.audit_entry import AuditFacts, audit_payload
from vedette.evidence.statement import read_statement

_ENTRIES: tuple[Table, ...] = (tables.item, audit)
"""The tables whose rows have a place in a chain; only the chain's lock keeps two rows from taking the same."""

_FACTS = tuple(AuditFacts.__dataclass_fields__)


def _logged(table: Table, name: str) -> Select[tuple[Any, ...]]:
    within = table.c.log_index.between(bindparam("first"), bindparam("last"))
    return select(table.c.log_index, table.c[name]).where(table.c.chain_id == bindparam("chain"), within)


# Built once: to build a statement takes longer than to execute it.
_IN_ORDER = {
    name: union_all(*(_logged(table, name) for table in _ENTRIES)).order_by("log_index")
    for name in ("statement", "received_at")
}


def read_statements(connection: Connection, chain_id: int, first: int, last: int) -> list[tuple[int, bytes]]:
    """Return `log_index` and statement of what is logged from `first` to `last`, in order."""
    return _in_order(connection, chain_id, first, last, name="statement")


def received_at_of(connection: Connection, chain_id: int, log_index: int) -> int:
    """Return when something was logged, in microseconds since 1970.

    Raises:
        StoreError: the chain has a gap there.
    """
    found = _in_order(connection, chain_id, log_index, log_index, name="received_at")
    if not found:
        raise StoreError(f"chain {chain_id} has no item {log_index}: the store is damaged; restore a backup")
    return int(found[0][1])


def count_audits(connection: Connection, chain_id: int, first: int, last: int) -> int:
    """Return how many audit entries are logged from `first` to `last`."""
    query = select(func.count()).where(audit.c.chain_id == chain_id, audit.c.log_index.between(first, last))
    return int(connection.execute(query).scalar_one())


def read_payloads(connection: Connection, chain_id: int, first: int, last: int) -> list[tuple[bytes | None, str]]:
    """Return payload and its SHA-256 of what is logged from `first` to `last`, in order; None: it is not inline.

    Raises:
        EvidenceError: an audit entry is damaged.
    """
    item = tables.item
    query = select(item.c.log_index, inline_payload(), item.c.payload_sha256)
    rows = connection.execute(query.where(item.c.chain_id == chain_id, item.c.log_index.between(first, last)))
    found: dict[int, tuple[bytes | None, str]] = {index: (payload, sha256) for index, payload, sha256 in rows}
    entries = select(audit).where(audit.c.chain_id == chain_id, audit.c.log_index.between(first, last))
    for row in connection.execute(entries).mappings():
        sha256 = read_statement(row["statement"]).payload_sha256
        found[row["log_index"]] = (audit_payload(facts_of(row)), sha256)
    return [found[index] for index in sorted(found)]


def facts_of(row: RowMapping) -> AuditFacts:
    """Return what a row of the audit table says."""
    return AuditFacts(**{name: row[name] for name in _FACTS})


def _in_order(connection: Connection, chain_id: int, first: int, last: int, *, name: str) -> list[tuple[int, Any]]:
    rows = connection.execute(_IN_ORDER[name], {"chain": chain_id, "first": first, "last": last})
    return [(index, value) for index, value in rows]
