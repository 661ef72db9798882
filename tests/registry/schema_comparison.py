"""What a store's schema has that the tables in the code have not, and the other way round."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlmodel import SQLModel


def _is_ours(_object: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    # Partitions come and go; what they are like, the table says that they are parts of.
    return kind != "table" or not str(name).startswith("item_payload_")


def differences(connection: Connection) -> list[object]:
    """Return what Alembic would change."""
    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": _is_ours})
    return list(compare_metadata(context, SQLModel.metadata))
