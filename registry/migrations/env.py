"""How Alembic reaches the schema: always on a connection that the caller gives."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from registry import (  # noqa: F401  # they fill metadata
    audit_tables,
    correlation_tables,
    document_tables,
    evidence_tables,
    head_tables,
    job_tables,
    key_tables,
    lease_tables,
    payload_tables,
    queue_tables,
    repair_tables,
    report_tables,
    retention_tables,
    scandale_tables,
    schedule_tables,
    sharing_tables,
    tables,
    tally_tables,
    taxii_tables,
    user_tables,
)

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
