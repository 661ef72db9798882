"""How Alembic reaches the graph's schema: always on a connection that the caller gives."""

from __future__ import annotations

from alembic import context

from registry import graph_tables

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    version_table=attributes["version_table"],
    target_metadata=graph_tables.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
