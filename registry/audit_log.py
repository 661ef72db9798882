"""Logging the audit entries: an engine takes those that nobody logged yet into its chain, between its items."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, RowMapping, exists, select, update

from registry.audit_tables import audit
from registry.chain import ChainState, advance_chain, continue_chain, next_head, read_chain
from registry.log import facts_of
from vedette.errors import EvidenceError
from vedette.evidence.audit_entry import state_audit
from vedette.evidence.statement import leaf

LOGGED_TOGETHER = 500
"""Entries in one transaction, which items wait for."""

_SALT = 16
"""Bytes of a statement's salt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedAudits:
    """What came of logging."""

    count: int = 0
    """Entries that are in the chain now."""
    damaged: tuple[int, ...] = ()
    """Numbers of entries that cannot be stated, as somebody wrote to the table by hand; they stay as they are."""


def is_any_waiting(connection: Connection, *, passed: Collection[int] = ()) -> bool:
    """Tell whether an entry is in no chain yet, those not counted whose numbers are in `passed`."""
    query = select(exists().where(*_waiting(passed))) if passed else _ANY_WAITING
    return bool(connection.execute(query).scalar_one())


def log_audits(
    connection: Connection, *, engine: str, now: int, passed: Collection[int] = (), limit: int = LOGGED_TOGETHER
) -> LoggedAudits:
    """Append up to `limit` entries that wait to the engine's chain, oldest first, under the chain's lock.

    Entries that another engine is just logging are left to it, so that each is logged once.

    Args:
        connection: a writing transaction.
        engine: bare JID of the engine.
        now: microseconds since 1970.
        passed: numbers of entries to leave alone.
        limit: entries at most.
    """
    chain = read_chain(connection, continue_chain(connection, engine=engine, now=now), lock=True)
    query = select(audit).where(*_waiting(passed)).order_by(audit.c.id).limit(limit)
    rows = connection.execute(query.with_for_update(skip_locked=True)).mappings().all()
    index, head, damaged = chain.next_index, chain.head, list[int]()
    for row in rows:
        try:
            statement = _statement(row, chain, index, now)
        except EvidenceError:
            damaged.append(row["id"])
            continue
        place = {"chain_id": chain.id, "log_index": index, "received_at": now, "statement": statement}
        connection.execute(update(audit).where(audit.c.id == row["id"]).values(place))
        index, head = index + 1, next_head(head, leaf(statement))
    if index > chain.next_index:
        advance_chain(connection, chain.id, next_index=index, head=head)
    return LoggedAudits(count=index - chain.next_index, damaged=tuple(damaged))


def _waiting(passed: Collection[int]) -> tuple[ColumnElement[bool], ...]:
    return audit.c.chain_id.is_(None), audit.c.id.not_in(list(passed))


# Built once: it is asked some times a second, and usually nobody has damaged an entry.
_ANY_WAITING = select(exists().where(audit.c.chain_id.is_(None)))


def _statement(row: RowMapping, chain: ChainState, index: int, now: int) -> bytes:
    return state_audit(
        facts_of(row),
        received_at=now,
        engine=chain.engine,
        epoch=chain.epoch,
        log_index=index,
        salt=secrets.token_hex(_SALT),
    )
