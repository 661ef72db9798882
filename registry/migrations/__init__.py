"""The store's schema, step by step (Alembic); applied only by an explicit command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, String, column, inspect, select, table

from vedette.errors import StoreError

HEAD = "0001"
"""The revision that this release works with: the last file in `versions`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """The steps to the schema of a release."""

    scripts: Path
    """Alembic's folder."""
    head: str
    """The revision that the release works with."""
    version_table: str = "alembic_version"
    """Where a database's revision is kept."""

    def upgrade(self, connection: Connection) -> None:
        """Apply what is missing, within the connection's transaction.

        Raises:
            StoreError: the schema is of a revision that this release does not know.
        """
        # Alembic and Mako cost memory that a running agent does not need.
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(self.scripts).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["version_table"] = self.version_table
        try:
            command.upgrade(config, self.head)
        except CommandError as error:
            raise StoreError(
                f"{connection.engine.url.render_as_string()}: the schema cannot be migrated by this release; install the one that made it, or a newer one ({error})"
            ) from error

    def revision(self, connection: Connection) -> str | None:
        """Return a database's revision; None: nobody migrated it."""
        if not inspect(connection).has_table(self.version_table):
            return None
        versions = table(self.version_table, column("version_num", String))
        return connection.execute(select(versions.c.version_num)).scalar_one_or_none()

    def is_known(self, revision: str) -> bool:
        """Tell whether the revision is one of this release's, so that `upgrade` can go on from it."""
        return any(self.scripts.glob(f"versions/v{revision}_*.py")) if revision.isalnum() else False


CURRENT = Schema(scripts=Path(__file__).parent, head=HEAD)
"""The schema of this release."""


def upgrade(connection: Connection) -> None:
    """Bring a store to the schema of this release, within the connection's transaction.

    Raises:
        StoreError: the schema is of a revision that this release does not know.
    """
    CURRENT.upgrade(connection)


def is_known(revision: str) -> bool:
    """Tell whether the revision is one of this release's."""
    return CURRENT.is_known(revision)
