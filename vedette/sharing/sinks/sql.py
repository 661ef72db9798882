"""The exporter `sql`: rows in any database that SQLAlchemy speaks to.

PostgreSQL and SQLite are there; MariaDB, MySQL and others where their driver is installed. Four tables are made when
they are missing (see `sql_tables.py`). One transaction brings them from what they hold to what is said now: rows are
added and changed by their ids, and what is no longer said is marked with `withdrawn_at`, never deleted. The tables
are read each time: killed anywhere and done again gives the same, and rows that somebody changed by hand stay so
until what they are about changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from vedette.sharing.endpoint import place_of, read_settings
from vedette.sharing.exporter import Destination, Exported, Exporter, Outfit, Plan
from vedette.sharing.investigation import Investigation
from vedette.sharing.sinks.difference import Difference, Standing, compare, plan_of, shown_ids
from vedette.sharing.sinks.records import Sealing, seal
from vedette.sharing.sinks.sql_address import SqlSettings, make_engine, read_url
from vedette.sharing.sinks.sql_database import SqlDatabase
from vedette.sharing.sinks.sql_tables import make_tables


class Sql(Exporter):
    """Fills tables."""

    name = "sql"
    summary = "Rows in a database: PostgreSQL, SQLite, or another that SQLAlchemy speaks to"
    optional = frozenset({"url", "url_file", "ca", "plain", "time_limit", "prefix", "schema"})

    def connect(self, outfit: Outfit) -> Destination:
        """Return the database that settings name."""
        return SqlDestination(outfit)


class SqlDestination(Destination):
    """A database."""

    def __init__(self, outfit: Outfit) -> None:
        """Describe it; nothing is opened yet.

        Raises:
            ConfigurationError: a setting cannot be used.
        """
        settings = read_settings(outfit, SqlSettings)
        url = read_url(outfit, settings)
        self._engine = make_engine(url, place=place_of(outfit), seconds=settings.time_limit)
        tables = make_tables(prefix=settings.prefix, schema=settings.database_schema)
        self._database = SqlDatabase(self._engine, tables=tables, seconds=settings.time_limit)
        self._clock = outfit.clock

    async def plan(self, investigation: Investigation) -> Plan:
        """Say which rows would be written."""
        return await asyncio.to_thread(self._plan, investigation)

    async def send(self, investigation: Investigation, *, only: str | None = None) -> Exported:
        """Write the rows that differ."""
        return await asyncio.to_thread(self._send, investigation, only)

    async def check(self) -> str:
        """Ask which database it is, and which version."""
        return await asyncio.to_thread(self._database.version)

    async def aclose(self) -> None:
        """Let go of the engine."""
        self._engine.dispose()

    def _plan(self, investigation: Investigation) -> Plan:
        sealing = seal(investigation)
        difference = _difference(sealing, self._database.read(str(investigation.uuid)))
        before = self._database.values(shown_ids(difference))
        return plan_of(difference, before=before, investigation=investigation, withheld=list(sealing.unfit.values()))

    def _send(self, investigation: Investigation, only: str | None) -> Exported:
        sealing = seal(investigation)
        id, place = str(investigation.uuid), self._database.place
        withheld = [*investigation.withheld, *sealing.unfit.values()]
        seen = _difference(sealing, self._database.read(id))
        if seen.total == 0:
            return Exported(unchanged=seen.unchanged, withheld=withheld, address=place)

        def difference_of(there: Mapping[str, Standing]) -> Difference:
            difference = _difference(sealing, there)
            difference.refuse_other(only, place=place)
            return difference

        done, refused = self._database.write(id, difference_of=difference_of, at=self._clock.now())
        return Exported(
            sent=done.total - len(refused),
            unchanged=done.unchanged,
            requests=1,
            withheld=[*withheld, *refused],
            address=place,
        )


def _difference(sealing: Sealing, there: Mapping[str, Standing]) -> Difference:
    return compare(sealing.records, there, kept=sealing.unfit)
