"""Counting items as they are committed, so that nobody has to count them later: by hour, by day, and ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from registry.admission import MAX_INDEXED
from registry.tally_tables import item_tally
from vedette.clock import MICROSECONDS

HOUR: Final = 3_600 * MICROSECONDS
"""The shorter step."""

DAY: Final = 24 * HOUR
"""The longer step."""

EVER: Final = 0
"""The step of what is counted together for all time."""

ALL: Final = "all"
"""The kind that every item is of."""

KINDS: Final = ("agent", "type", "format", "check", "verdict")
"""Columns of items whose values are counted one by one."""

MAX_VALUES: Final = 10_000
"""Values of one kind that are counted: agents write what they want, and each value is three rows an hour at most."""

Key = tuple[str, str, int, int]
"""Kind, value, step and start."""

_of = itemgetter("received_at", *KINDS)
_MOST_LOOKED_UP = 1_000

_KNOWN = select(item_tally.c.kind, item_tally.c.value).where(
    item_tally.c.kind.in_(KINDS),
    item_tally.c.value.in_(bindparam("values", expanding=True)),
    item_tally.c.step == EVER,
    item_tally.c.start == 0,
    item_tally.c.chain_id == bindparam("chain_id"),
)


def _adding(dialect: Any) -> Any:
    statement = dialect.insert(item_tally)
    return statement.on_conflict_do_update(
        index_elements=list(item_tally.primary_key.columns),
        set_={"number": item_tally.c.number + statement.excluded.number},
    )


# Built once: to build a statement takes longer than to execute it.
_ADD_POSTGRESQL = _adding(postgresql)
_COMPILED = _adding(sqlite).compile(dialect=sqlite.dialect())
_ADD_SQLITE, _in_order = str(_COMPILED), itemgetter(*_COMPILED.positiontup or ())


def tally(connection: Connection, rows: Sequence[Mapping[str, Any]], *, chain_id: int) -> None:
    """Add committed items to the numbers, in the transaction that commits them."""
    # What arrived together has one time, so there are few different ones whatever there is to count.
    counted = Counter(map(_of, rows))
    named = {(kind, value) for _, *values in counted for kind, value in _named(values)}
    taken = named - _beyond(connection, named, chain_id=chain_id)
    numbers: Counter[Key] = Counter()
    for (received_at, *values), number in counted.items():
        hour = received_at // HOUR * HOUR
        for kind, value in [(ALL, ""), *_named(values)]:
            if kind == ALL or (kind, value) in taken:
                for step, start in ((HOUR, hour), (DAY, hour // DAY * DAY), (EVER, 0)):
                    numbers[kind, value, step, start] += number
    # In one order always: two engines never wait for each other in a circle.
    _add(connection, sorted(numbers.items()), chain_id=chain_id)


def _named(values: Sequence[str | None]) -> Iterator[tuple[str, str]]:
    for kind, value in zip(KINDS, values, strict=True):
        if value is not None and len(value) <= MAX_INDEXED:
            yield kind, value


def _beyond(connection: Connection, named: Collection[tuple[str, str]], *, chain_id: int) -> set[tuple[str, str]]:
    """Return those that are new where as many are counted already as may be."""
    fresh = sorted(set(named) - _known(connection, [value for _, value in named], chain_id=chain_id))
    beyond: set[tuple[str, str]] = set()
    for kind in {kind for kind, _ in fresh}:
        new = [one for one in fresh if one[0] == kind]
        ever = select(item_tally.c.value).where(item_tally.c.kind == kind, item_tally.c.step == EVER)
        counted = connection.execute(select(func.count()).select_from(ever.limit(MAX_VALUES).subquery()))
        beyond |= set(new[MAX_VALUES - counted.scalar_one() :])
    return beyond


def _known(connection: Connection, values: Sequence[str], *, chain_id: int) -> set[tuple[str, str]]:
    known: set[tuple[str, str]] = set()
    values = list(dict.fromkeys(values))
    for start in range(0, len(values), _MOST_LOOKED_UP):
        piece = values[start : start + _MOST_LOOKED_UP]
        rows = connection.execute(_KNOWN, {"values": piece, "chain_id": chain_id})
        known |= {(row.kind, row.value) for row in rows}
    return known


def _add(connection: Connection, numbers: Sequence[tuple[Key, int]], *, chain_id: int) -> None:
    rows = [
        {"kind": kind, "value": value, "step": step, "start": start, "chain_id": chain_id, "number": number}
        for (kind, value, step, start), number in numbers
    ]
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_ADD_SQLITE, [_in_order(row) for row in rows])
    else:
        connection.execute(_ADD_POSTGRESQL, rows)
