"""A store on PostgreSQL with very many items, made in SQL: to commit them one by one would take hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from registry.partitions import Partitions
from tests.registry.kept import Kept
from vedette.clock import MICROSECONDS

DAYS = 60
BATCH = 1_000

_AGENTS, _TARGETS = 200, 5_000

_NAMES = (
    "SELECT quote_ident(attname) FROM pg_attribute"
    " WHERE attnum > 0 AND NOT attisdropped AND attrelid = 'item'::regclass"
)
_COLUMNS = {
    "uuid": "'10000000-0000-4000-8000-' || lpad(n::text, 12, '0')",
    "log_index": "n",
    "received_at": ":start + n * :step",
    "collected_at": ":start + n * :step",
    "ts": "(:start + n * :step) / 1000000",
    "type": "'type' || n % 7",
    "agent": f"'agent' || n % {_AGENTS} || '@localhost'",
    '"check"': f"'check' || n % {_TARGETS}",
    "target": f"'host' || n % {_TARGETS} || '.example'",
    "source": "'acme.in.structured.source' || n % 50",
    "verdict": "CASE n % 1000 WHEN 0 THEN 'deviates' ELSE 'as expected' END",
    "payload_sha256": "encode(sha256(n::text::bytea), 'hex')",
}
_BATCHES = (
    "INSERT INTO batch (chain_id, number, first_index, last_index, count, audit_count, statement, root,"
    " previous_root, closed_at, state, reason) SELECT chain_id, number + k, last_index + 1 + (k - 1) * :size,"
    " last_index + k * :size, :size, 0, statement, root, root, :start + (last_index + k * :size) * :step,"
    " 'proved', ''"
    " FROM (SELECT * FROM batch ORDER BY id DESC LIMIT 1) t, generate_series(1, :batches) k"
)
_TOKENS = (
    "INSERT INTO token (batch_id, tsa, external, token, gen_time, policy, serial, not_after, chain_sha256,"
    " obtained_at) SELECT batch.id, t.tsa, t.external, t.token, batch.closed_at, t.policy, t.serial, t.not_after,"
    " t.chain_sha256, batch.closed_at FROM batch, (SELECT * FROM token ORDER BY id LIMIT 1) t"
    " WHERE batch.id > t.batch_id"
)
_REST = (
    "INSERT INTO item_payload SELECT received_at, chain_id, log_index, uuid::bytea FROM item"
    " WHERE log_index >= :first",
    _BATCHES,
    _TOKENS,
    "INSERT INTO item_tombstone SELECT uuid, size, payload_sha256, 'rest', received_at, 'retention', 'old enough'"
    " FROM item WHERE log_index >= :first AND log_index < :first + :batches * :size / 10",
    "INSERT INTO queue_item (queue_id, chain_id, log_index, queued_at, attempts, due_at, consumer, reason)"
    " SELECT queue.id, chain_id, log_index, received_at, 0, 0, '', '' FROM queue, item"
    " WHERE log_index >= :first + :batches * :size * 9 / 10",
    "UPDATE chain SET next_index = :first + :batches * :size",
)


@dataclass(frozen=True, kw_only=True)
class Many:
    """What was made."""

    first: int
    """`log_index` of the first item."""
    step: int
    """Microseconds between two items."""
    start: int
    """When the item `log_index` 0 would have been received."""

    def uuid(self, log_index: int) -> str:
        """Return the uuid of an item."""
        return f"10000000-0000-4000-8000-{log_index:012}"


async def grow(kept: Kept, count: int) -> Many:
    """Add items of the last sixty days to a store that has some that are stamped; the clock is moved past them.

    A tenth of them have lost their payload, a tenth wait in each queue. Nothing but the first items can be verified.
    """
    first = await kept.database.read(
        lambda connection: int(connection.execute(text("SELECT next_index FROM chain")).scalar_one())
    )
    step, start = DAYS * 86_400 * MICROSECONDS // count, kept.clock.now()
    partitions = Partitions(database=kept.database, clock=kept.clock)
    for _ in range(DAYS // 7 + 2):
        await partitions.make_ahead(days=7)
        kept.clock.advance(7 * 86_400)
    many = Many(first=first, step=step, start=start)
    await kept.database.write(lambda connection: _fill(connection, many, count))
    return many


def _fill(connection: Connection, many: Many, count: int) -> None:
    given = {"first": many.first, "step": many.step, "start": many.start, "batches": count // BATCH, "size": BATCH}

    def run(statement: str) -> Any:
        for name, value in given.items():
            statement = statement.replace(f":{name}", f"{value}::bigint")
        return connection.execute(text(statement))

    for setting in ("maintenance_work_mem = '512MB'", "work_mem = '128MB'", "jit = off"):
        run(f"SET LOCAL {setting}")
    # Sorted once, an index takes a fraction of the time.
    made = run(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'item' AND indexname <> 'item_pkey'"
    ).all()
    for one in made:
        run(f"DROP INDEX {one.indexname}")
    names = [str(name) for name in run(_NAMES).scalars()]
    values = ", ".join(_COLUMNS.get(name, f"t.{name}") for name in names)
    numbers = "generate_series(:first, :first + :batches * :size - 1) n"
    template = "(SELECT * FROM item ORDER BY log_index LIMIT 1) t"
    run(f"INSERT INTO item ({', '.join(names)}) SELECT {values} FROM {template}, {numbers}")  # noqa: S608  # ours
    for statement in _REST:
        run(statement)
    for one in made:
        run(one.indexdef)
    run("ANALYZE")
