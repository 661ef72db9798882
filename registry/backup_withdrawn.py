"""What was taken away after a safety copy, and must stay taken away when the copy is restored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from registry import tables
from registry.correlation_forgetting import forget_document, forget_payloads
from registry.document_rows import bury_document
from registry.document_tables import document_tombstone
from registry.key_tables import api_key
from registry.retention_rows import bury_payload, read_payloads
from registry.retention_tables import item_tombstone
from registry.user_tables import setup_link, user_account, user_session
from vedette.evidence.deletion import Deletion

_TOGETHER = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawn:
    """Rights that were taken back and payloads that were deleted, as far as a store knows."""

    agents: tuple[tuple[str, int], ...] = ()
    """JIDs of revoked agents, and since when."""
    keys: tuple[tuple[str, int], ...] = ()
    """Ids of revoked API keys, and since when."""
    users: tuple[tuple[str, int], ...] = ()
    """Names of disabled users, and since when."""
    payloads: tuple[tuple[str, Deletion], ...] = ()
    """Uuids of items whose payload was deleted after the safety copy."""
    documents: tuple[tuple[str, Deletion], ...] = ()
    """Ids of documents that were deleted after the safety copy."""


def read_withdrawn(connection: Connection, *, since: int) -> Withdrawn:
    """Return what a store knows to be withdrawn; of deletions, those since a time in microseconds since 1970."""
    agent = tables.agent
    revoked = ((agent.c.jid, agent.c.revoked_at), (api_key.c.id, api_key.c.revoked_at))
    disabled = (user_account.c.name, user_account.c.disabled_at)
    agents, keys, users = (
        tuple((name, at) for name, at in connection.execute(select(name, at).where(at.is_not(None))))
        for name, at in (*revoked, disabled)
    )
    buried = select(item_tombstone).where(item_tombstone.c.deleted_at >= since)
    deleted = select(document_tombstone).where(document_tombstone.c.deleted_at >= since)
    return Withdrawn(
        agents=agents,
        keys=keys,
        users=users,
        payloads=tuple(
            (
                row.uuid,
                Deletion(at=row.deleted_at, by=row.deleted_by, reason=row.reason, policy=row.policy),
            )
            for row in connection.execute(buried)
        ),
        documents=tuple(
            (row.sha256, Deletion(at=row.deleted_at, by=row.deleted_by, reason=row.reason))
            for row in connection.execute(deleted)
        ),
    )


def withdraw_again(connection: Connection, withdrawn: Withdrawn) -> list[str]:
    """Withdraw all of it from a restored store, and say what; nobody stays logged in."""
    for table in (user_session, setup_link):
        connection.execute(delete(table))
    return [*_rights(connection, withdrawn), *_deletions(connection, withdrawn)]


def _rights(connection: Connection, withdrawn: Withdrawn) -> Iterator[str]:
    agent = tables.agent
    for jid, at in withdrawn.agents:
        change = update(agent).where(agent.c.jid == jid, agent.c.revoked_at.is_(None))
        if connection.execute(change.values(revoked_at=at)).rowcount:
            yield f"agent {jid} is revoked"
    for name, at in withdrawn.keys:
        change = update(api_key).where(api_key.c.id == name, api_key.c.revoked_at.is_(None))
        if connection.execute(change.values(revoked_at=at)).rowcount:
            yield f"key {name} is revoked"
    for name, at in withdrawn.users:
        change = update(user_account).where(user_account.c.name == name, user_account.c.disabled_at.is_(None))
        if connection.execute(change.values(disabled_at=at)).rowcount:
            yield f"user {name} is disabled"


def _deletions(connection: Connection, withdrawn: Withdrawn) -> Iterator[str]:
    for start in range(0, len(withdrawn.payloads), _TOGETHER):
        part = dict(withdrawn.payloads[start : start + _TOGETHER])
        for uuid, payload in read_payloads(connection, list(part)).items():
            if part[uuid].policy is None:
                forget_payloads(connection, [uuid])
            bury_payload(connection, payload, part[uuid])
            yield f"the payload of item {uuid} is deleted"
    for sha256, one in withdrawn.documents:
        if bury_document(connection, sha256, at=one.at, by=one.by, reason=one.reason) is not None:
            forget_document(connection, sha256)
            yield f"document {sha256} is deleted"
