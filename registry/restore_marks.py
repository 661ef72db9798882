"""The mark on a store that a restore has begun to replace: nobody opens such a store."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect

from vedette.errors import StoreError

MARK_TABLE = "vedette_restoring"
"""Table that a PostgreSQL store has until its restore is complete."""


def mark_of(store: Path) -> Path:
    """Return the file that is beside an SQLite store until its restore is complete."""
    return store.with_name(f"{store.name}.restoring")


def refuse_half_restored_file(store: Path) -> None:
    """Refuse an SQLite store that is half restored.

    Raises:
        StoreError: it is; says what to do.
    """
    if mark_of(store).exists():
        raise StoreError(_advice(str(store)))


def refuse_half_restored(connection: Connection, place: str) -> None:
    """Refuse a PostgreSQL store that is half restored.

    Raises:
        StoreError: it is; says what to do.
    """
    if connection.dialect.name == "postgresql" and inspect(connection).has_table(MARK_TABLE):
        raise StoreError(_advice(place))


def _advice(place: str) -> str:
    return f"{place}: a restore of it was interrupted; run: vedette restore PATH --replace"
