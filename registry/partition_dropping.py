"""Retention by the partition: what is due as a whole goes with its table; each item gets its tombstone as ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ARRAY, CTE, Connection, Select, String, exists, func, insert, literal, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by

from registry import tables
from registry.audit import record_audit
from registry.database import Database
from registry.holds import shut_out_holds
from registry.partitions import Partition, read_partitions, wait_shortly
from registry.payload_rows import is_of_item
from registry.payload_tables import item_payload
from registry.retention_rows import OLD_ENOUGH, forget_extra, payload_groups, policy_entry
from registry.retention_tables import item_tombstone
from vedette.clock import Clock
from vedette.errors import StoreError
from vedette.evidence.partition_retention import DAY, PartitionFate, PayloadGroup, partition_fate
from vedette.evidence.retention import RetentionRule, governing, shortest

MOST = 5_000_000
"""Payloads of a partition that is dropped, at most: the hash over their uuids is made in the server's memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropped:
    """A partition that was dropped."""

    name: str
    """Its name."""
    counts: dict[str, int]
    """How many payloads went with it, by the name of their policy."""
    size: int
    """Bytes of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PartitionRound:
    """What a look at all partitions did."""

    dropped: list[Dropped] = field(default_factory=list)
    """Those that went."""
    waiting: list[tuple[int, int]] = field(default_factory=list)
    """Start and end of those that will go soon: what is due in them waits."""
    busy: dict[str, str] = field(default_factory=dict)
    """Why those are still there that should have gone, by name."""


class PartitionRetention:
    """The partitions of a store, and which of them go; with SQLite there is nothing to do."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        """Describe it.

        Args:
            database: the store.
            clock: what tells the time.
        """
        self._database = database
        self._clock = clock

    async def round(self, rules: Sequence[RetentionRule]) -> PartitionRound:
        """Drop the partitions whose payloads are all due, and tell which ones will go soon.

        Raises:
            StoreError: the database failed.
        """
        found = PartitionRound()
        keep = shortest(rules)
        if keep is None or self._database.dialect == "sqlite":
            return found
        now = self._clock.now()
        for one in await self._database.read(read_partitions):
            if one.end > now - DAY or one.start > now - keep:
                continue
            fate = await self._fate(one, rules, now=now)
            if fate is PartitionFate.WAITS:
                found.waiting.append((one.start, one.end))
            elif fate is PartitionFate.GOES:
                await self._drop(one, rules, found, now=now)
        return found

    async def _fate(self, one: Partition, rules: Sequence[RetentionRule], *, now: int) -> PartitionFate:
        groups = await self._database.read(lambda connection: payload_groups(connection, one.start, one.end))
        return _fate(groups, one, rules, now=now)

    async def _drop(self, one: Partition, rules: Sequence[RetentionRule], found: PartitionRound, *, now: int) -> None:
        try:
            dropped = await self._database.write_beside(lambda connection: _drop(connection, one, rules, now=now))
        except StoreError as error:
            # Somebody reads there, most likely: what is due in it goes in a later round.
            found.busy[one.name] = str(error)
            found.waiting.append((one.start, one.end))
        else:
            found.dropped.extend(() if dropped is None else (dropped,))


def _fate(
    groups: Sequence[PayloadGroup], one: Partition, rules: Sequence[RetentionRule], *, now: int
) -> PartitionFate:
    if sum(group.count for group in groups) > MOST:
        return PartitionFate.BY_ROW
    return partition_fate(groups, rules, now=now, width=one.end - one.start)


def _drop(connection: Connection, one: Partition, rules: Sequence[RetentionRule], *, now: int) -> Dropped | None:
    """Drop a partition that was due a moment ago; None: it is not any more."""
    wait_shortly(connection)
    # From here on nothing comes into it, and nobody puts anything on hold, until this is committed.
    connection.execute(text(f"LOCK TABLE {one.name} IN SHARE MODE"))
    shut_out_holds(connection)
    groups = payload_groups(connection, one.start, one.end)
    if _fate(groups, one, rules, now=now) is not PartitionFate.GOES:
        return None
    _forget_extras(connection, one)
    buried = _bury(connection, one, _policies(groups, rules), now=now)
    connection.execute(text(f"DROP TABLE {one.name}"))
    for row in buried:
        entry = policy_entry(row.policy, count=row.payloads, first=row.first, last=row.last, digest=row.digest)
        record_audit(connection, entry, now=now)
    counts = {row.policy: row.payloads for row in buried}
    return Dropped(name=one.name, counts=counts, size=sum(int(row.size) for row in buried))


def _policies(groups: Sequence[PayloadGroup], rules: Sequence[RetentionRule]) -> dict[tuple[str, str | None], str]:
    """Return the name of the policy of each type and source."""
    found = {}
    for group in groups:
        type, source = group.newest.type, group.newest.source
        rule = governing(rules, type=type, source=source)
        if rule is not None:
            found[type, source] = rule.name
    return found


def _bury(
    connection: Connection, one: Partition, policies: dict[tuple[str, str | None], str], *, now: int
) -> Sequence[Any]:
    """Write the tombstones; return for each policy how many, their size, and the digest over their uuids."""
    item = tables.item
    columns = zip(*((type, _key(source), name) for (type, source), name in policies.items()), strict=True)
    given = [literal(list(column), ARRAY(String)) for column in columns]
    if not given:
        return ()
    policy = func.unnest(*given).table_valued("type", "source", "policy", name="governing").render_derived()
    key = func.coalesce(literal("+") + item.c.source, literal(""))
    source = select(item.c.uuid, item.c.size, item.c.payload_sha256, policy.c.policy)
    source = source.add_columns(literal(now), literal("retention"), literal(OLD_ENOUGH))
    source = source.join_from(item_payload, item, is_of_item())
    source = source.join(policy, (policy.c.type == item.c.type) & (policy.c.source == key))
    known = exists().where(item_tombstone.c.uuid == item.c.uuid)
    source = source.where(item_payload.c.received_at >= one.start, item_payload.c.received_at < one.end, ~known)
    names = ["uuid", "size", "payload_sha256", "policy", "deleted_at", "deleted_by", "reason"]
    table = item_tombstone
    made = insert(table).from_select(names, source).returning(table.c.uuid, table.c.policy, table.c.size).cte("made")
    return connection.execute(_summary(made)).all()


def _key(source: str | None) -> str:
    """Return a source as a text that is never null, or databases could not look it up by a hash."""
    return "" if source is None else f"+{source}"


def _summary(made: CTE) -> Select[Any]:
    """Return the query for what the audit log says of tombstones, a policy a row."""
    uuid = made.c.uuid.collate("C")
    lines = func.string_agg(made.c.uuid + literal("\n"), aggregate_order_by(literal(""), uuid))
    return select(
        made.c.policy,
        func.count().label("payloads"),
        func.sum(made.c.size).label("size"),
        func.min(uuid).label("first"),
        func.max(uuid).label("last"),
        func.encode(func.sha256(func.convert_to(lines, "UTF8")), "hex").label("digest"),
    ).group_by(made.c.policy)


def _forget_extras(connection: Connection, one: Partition) -> None:
    """Delete the unknown fields that came within the payloads."""
    item = tables.item
    query = select(item.c.uuid).join_from(item_payload, item, is_of_item()).where(item.c.extra.is_not(None))
    within = (item_payload.c.received_at >= one.start, item_payload.c.received_at < one.end)
    for uuid in connection.execute(query.where(*within)).scalars().all():
        forget_extra(connection, uuid)
