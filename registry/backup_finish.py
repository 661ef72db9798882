"""What makes a copied store one that may be used: this release's schema, and a new epoch for every engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, insert, select, union_all

from registry import migrations, tables
from registry.audit import AuditEntry, record_audit
from registry.audit_tables import audit
from registry.backup_manifest import BackupManifest, Log
from registry.backup_withdrawn import Withdrawn, read_withdrawn, withdraw_again
from registry.callers import Actor
from registry.chain import read_chain, start_chain
from registry.evidence_tables import alarm
from registry.graph_migrations import GRAPH
from vedette.clock import to_datetime
from vedette.evidence.sweep_checks import LogPlace


@dataclass(frozen=True, kw_only=True, slots=True)
class LostItem:
    """An item or audit entry that was logged and is not in the restored store."""

    engine: str
    """Bare JID of the engine that committed it."""
    epoch: str
    """Epoch of its chain."""
    log_index: int
    """Its place there; -1 where only another engine of the store knew it."""
    uuid: str
    """Its uuid."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OldStore:
    """What the store that is replaced knows and the safety copy does not."""

    logs: tuple[Log, ...] = ()
    """Where its chains stand."""
    lost: tuple[LostItem, ...] = ()
    """Items that came after the safety copy."""
    withdrawn: Withdrawn = field(default_factory=Withdrawn)
    """What was taken away."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoreOrder:
    """What a copy is restored by."""

    manifest: BackupManifest
    """What the safety copy says of itself."""
    old: OldStore
    """What the store that is replaced knows."""
    now: int
    """Microseconds since 1970."""
    by: Actor
    """Who restores."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewEpoch:
    """A chain that was started for an engine."""

    engine: str
    """Bare JID of the engine."""
    epoch: str
    """The new epoch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What was done to the copy."""

    epochs: tuple[NewEpoch, ...]
    """The new chains."""
    withdrawn: tuple[str, ...]
    """What was taken away after the safety copy, and was again."""


def read_old(connection: Connection, manifest: BackupManifest) -> OldStore:
    """Return what would be lost if this store were replaced by the safety copy."""
    chain = tables.chain
    kept = {(log.engine, log.epoch): log.next_index for log in manifest.logs}
    logs, lost = list[Log](), list[LostItem]()
    for row in connection.execute(select(chain).order_by(chain.c.id)).all():
        logs.append(Log(engine=row.engine, epoch=row.epoch, next_index=row.next_index, head=row.head.hex()))
        first = kept.get((row.engine, row.epoch), 0)
        lost += [
            LostItem(engine=row.engine, epoch=row.epoch, log_index=index, uuid=uuid)
            for index, uuid in _entries_from(connection, row.id, first)
        ]
    return OldStore(logs=tuple(logs), lost=tuple(lost), withdrawn=read_withdrawn(connection, since=manifest.made_at))


def _entries_from(connection: Connection, chain_id: int, first: int) -> list[tuple[int, str]]:
    """Return index and uuid of the items and audit entries of a chain, from an index on."""
    parts = [
        select(table.c.log_index, table.c.uuid).where(table.c.chain_id == chain_id, table.c.log_index >= first)
        for table in (tables.item, audit)
    ]
    return [(index, uuid) for index, uuid in connection.execute(union_all(*parts).order_by("log_index"))]


def finish_store(connection: Connection, order: RestoreOrder) -> Finished:
    """Make the copy one that may be used, in the connection's transaction.

    A chain of the copy must not go on: its engine signed other items under the numbers that would come next.

    Raises:
        StoreError: its schema is of a release that this one does not know.
    """
    migrations.upgrade(connection)
    if GRAPH.revision(connection) is not None:
        GRAPH.upgrade(connection)
    manifest, epochs = order.manifest, []
    for engine in dict.fromkeys(log.engine for log in manifest.logs):
        started = read_chain(connection, start_chain(connection, engine=engine, now=order.now))
        epochs.append(NewEpoch(engine=engine, epoch=started.epoch))
    when = f"the safety copy of {to_datetime(manifest.made_at):%Y-%m-%d %H:%M:%S} UTC"
    _raise_alarms(connection, manifest, when=when, now=order.now)
    withdrawn = withdraw_again(connection, order.old.withdrawn)
    by = order.by
    entry = AuditEntry(who=by.who, action="store.restore", object="store", origin=by.origin, detail=f"from {when}")
    record_audit(connection, entry, now=order.now)
    return Finished(epochs=tuple(epochs), withdrawn=tuple(withdrawn))


def _raise_alarms(connection: Connection, manifest: BackupManifest, *, when: str, now: int) -> None:
    """Note for every log that a safety copy was restored, until a person takes note of it."""
    for log in {one.engine: one for one in manifest.logs}.values():
        place = LogPlace(engine=log.engine, epoch=log.epoch).item(log.next_index)
        note = f"restored from {when}: what this log had from here on is gone"
        row = {"at": now, "kind": "restored", "place": place, "text": note, "acknowledged_at": None}
        known = select(alarm.c.id).where(alarm.c.kind == "restored", alarm.c.place == place)
        if connection.execute(known).first() is None:
            connection.execute(insert(alarm).values(row))
