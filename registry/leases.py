"""Leases in the store: what one process does at a time, and another one takes over when that one dies.

A lease is for thrift, not for safety: who was stopped for longer than it lasts may go on for a moment beside who took
it over. Whatever is done under one must be right when two do it.

Times are by the database's clock, because the hosts' need not agree. SQLite has one process, which holds everything.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from registry import tables
from registry.database import Database
from registry.lease_tables import lease
from vedette.clock import MICROSECONDS

SECONDS: Final = 10.0
"""Seconds that a lease lasts: so long after an engine died another one does its work."""

_ENGINE: Final = "engine "

_NOW: Final = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)")


def engine_lease(engine: str) -> str:
    """Return the name of the lease for the chains of an engine."""
    return f"{_ENGINE}{engine}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What somebody holds after asking for it."""

    engines: tuple[str, ...]
    """Engines whose chains are looked after, bare JIDs: its own first, then those of engines that died."""
    duties: frozenset[str]
    """Duties of the whole store."""
    usurped: bool = False
    """Whether another process had the lease for our own chains meanwhile, under our own name."""


class Leases:
    """What one engine's process holds."""

    def __init__(
        self, *, database: Database, engine: str, life: str, duties: Collection[str] = (), seconds: float = SECONDS
    ) -> None:
        """Describe it.

        Args:
            database: the store.
            engine: bare JID of the engine.
            life: random, made when its process started.
            duties: what it would do for the whole store.
            seconds: how long a lease lasts; it must be renewed before.
        """
        self._database = database
        self._engine = engine
        self._holder = f"{engine}/{life}"
        self._duties = tuple(sorted(duties))
        self._lasts = round(seconds * MICROSECONDS)
        self._before = False

    async def renew(self, *, adopt: bool = True) -> Held:
        """Renew what this process holds, and take what nobody holds; its own chains are its own in any case.

        Without `adopt` it takes no engine's chains that it has not yet: those that start with it come first.

        Raises:
            StoreError: the database failed.
        """
        if self._database.dialect == "sqlite":
            return Held(engines=(self._engine,), duties=frozenset(self._duties))
        held = await self._database.write(lambda connection: self._renew(connection, adopt=adopt))
        self._before = True
        return held

    async def give_back(self) -> None:
        """Let others take everything at once, as at the end of the process.

        Raises:
            StoreError: the database failed.
        """
        if self._database.dialect != "sqlite":
            mine = update(lease).where(lease.c.holder == self._holder).values(until=0)
            await self._database.write(lambda connection: connection.execute(mine) and None)

    def _renew(self, connection: Connection, *, adopt: bool) -> Held:
        now = int(connection.execute(_NOW).scalar_one())
        own = engine_lease(self._engine)
        holder = connection.execute(_HOLDER, {"wanted": own}).scalar_one_or_none()
        engines = connection.execute(_ENGINES).scalars() if adopt else ()
        others = [engine_lease(engine) for engine in engines]
        names = sorted({own, *others, *self._duties})
        taken = set(connection.execute(self._take(names, own=own, now=now)).scalars())
        adopted = [name.removeprefix(_ENGINE) for name in sorted(taken - {own}) if name.startswith(_ENGINE)]
        # Another process of our name took it since we had it: two of the same name fight for it.
        usurped = self._before and holder not in (None, self._holder) and holder.startswith(f"{self._engine}/")
        return Held(
            engines=(self._engine, *adopted), duties=frozenset(taken.intersection(self._duties)), usurped=usurped
        )

    def _take(self, names: Sequence[str], *, own: str, now: int) -> Any:
        until = now + self._lasts
        statement = insert(lease).values([{"name": name, "holder": self._holder, "until": until} for name in names])
        free = or_(
            lease.c.name == own,
            lease.c.holder == self._holder,
            # An earlier life of ours is over.
            lease.c.holder.startswith(f"{self._engine}/", autoescape=True),
            lease.c.until <= now,
            # The database's clock was put back: nobody can have taken it for so long.
            lease.c.until > now + 10 * self._lasts,
        )
        taking = {"holder": statement.excluded.holder, "until": statement.excluded.until}
        # Names are in one order always: two processes never wait for each other in a circle.
        return statement.on_conflict_do_update(index_elements=["name"], set_=taking, where=free).returning(
            lease.c.name
        )


def live_engines(connection: Connection) -> set[str]:
    """Return the engines whose own process holds the lease for their chains; PostgreSQL only."""
    now = int(connection.execute(_NOW).scalar_one())
    rows = connection.execute(select(lease.c.name, lease.c.holder).where(lease.c.until > now))
    return {
        row.name.removeprefix(_ENGINE)
        for row in rows
        if row.name.startswith(_ENGINE) and row.holder.startswith(f"{row.name.removeprefix(_ENGINE)}/")
    }


def _holder() -> Select[Any]:
    return select(lease.c.holder).where(lease.c.name == bindparam("wanted"))


# Built once: to build a statement takes longer than to execute it.
_HOLDER = _holder()
_ENGINES = select(tables.chain.c.engine).where(tables.chain.c.next_index > 0).distinct()
