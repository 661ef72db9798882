"""The first schema of the graph: origins, mentions, nodes, edges, decisions, and their indexes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SEARCH = (
    "CREATE VIRTUAL TABLE graph_search"
    " USING fts5(text, content='graph_text', content_rowid='node', tokenize='trigram')"
)
_WORDS = "CREATE INDEX ix_graph_text_words ON graph_text USING gin (to_tsvector('simple', text))"
_TRIGRAMS = "CREATE INDEX ix_graph_text_trigrams ON graph_text USING gin (text gin_trgm_ops)"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "graph_annotation",
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("origin", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("read", sa.SmallInteger(), nullable=False),
        sa.Column("sentences", sa.Integer(), nullable=False),
        sa.Column("entities", sa.Integer(), nullable=False),
        sa.Column("relations", sa.Integer(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("item"),
    )
    op.create_table(
        "graph_block",
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("block", "node"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "graph_claim",
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("node", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("text", "kind", "rule", "node"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_graph_claim_node", "graph_claim", ["node"], unique=False)
    op.create_table(
        "graph_correction",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.Column("undone_by", sa.Text(), server_default="", nullable=False),
        sa.Column("undone_why", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_graph_correction_item", "graph_correction", ["item", "id"], unique=False)
    op.create_table(
        "graph_decision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_node", sa.Integer(), nullable=False),
        sa.Column("second_node", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_by", sa.Text(), server_default="", nullable=False),
        sa.Column("withdrawn_why", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_graph_decision_first", "graph_decision", ["first_node", "second_node"], unique=False)
    op.create_index("ix_graph_decision_second", "graph_decision", ["second_node"], unique=False)
    op.create_index("ix_graph_decision_state", "graph_decision", ["state", "score"], unique=False)
    op.create_table(
        "graph_edge",
        sa.Column("out_node", sa.Integer(), nullable=False),
        sa.Column("relation", sa.Integer(), nullable=False),
        sa.Column("in_node", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("derived", sa.SmallInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("out_node", "relation", "in_node"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_graph_edge_in", "graph_edge", ["in_node", "relation", "out_node"], unique=False)
    op.create_table(
        "graph_edge_mention",
        sa.Column("origin", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("out_node", sa.Integer(), nullable=False),
        sa.Column("relation", sa.Integer(), nullable=False),
        sa.Column("in_node", sa.Integer(), nullable=False),
        sa.Column("said", sa.Integer(), nullable=True),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("certainty", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("origin", "number"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_graph_edge_mention_edge", "graph_edge_mention", ["out_node", "in_node", "relation"], unique=False
    )
    op.create_table(
        "graph_mention",
        sa.Column("origin", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("node", sa.Integer(), nullable=False),
        sa.Column("said", sa.Integer(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "number"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_graph_mention_node", "graph_mention", ["node", "origin"], unique=False)
    op.create_table(
        "graph_node",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uid", sa.LargeBinary(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("observable_type", sa.Text(), nullable=False),
        sa.Column("canonical", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("merged_into", sa.Integer(), nullable=True),
        sa.Column("mentions", sa.Integer(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uid", name="uq_graph_node_uid"),
    )
    op.create_index(
        "ix_graph_node_address",
        "graph_node",
        ["address"],
        unique=False,
        sqlite_where=sa.text("address IS NOT NULL"),
        postgresql_where=sa.text("address IS NOT NULL"),
    )
    op.create_index("ix_graph_node_canonical", "graph_node", ["canonical"], unique=False)
    op.create_index("ix_graph_node_changed", "graph_node", ["changed_at"], unique=False)
    op.create_index(
        "ix_graph_node_merged_into",
        "graph_node",
        ["merged_into"],
        unique=False,
        sqlite_where=sa.text("merged_into IS NOT NULL"),
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_index("ix_graph_node_type", "graph_node", ["type", "observable_type", "last_seen"], unique=False)
    op.create_table(
        "graph_origin",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("extractor", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        sa.Column("merged_at", sa.BigInteger(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_by", sa.Text(), server_default="", nullable=False),
        sa.Column("withdrawn_why", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("item", "extractor", "version", name="uq_graph_origin_item"),
    )
    op.create_index("ix_graph_origin_source", "graph_origin", ["source"], unique=False)
    op.create_table(
        "graph_prefix",
        sa.Column("length", sa.SmallInteger(), nullable=False),
        sa.Column("network", sa.LargeBinary(), nullable=False),
        sa.Column("node", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("length", "network", "node"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_graph_prefix_node", "graph_prefix", ["node"], unique=False)
    op.create_table(
        "graph_relation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="uq_graph_relation_name"),
    )
    op.create_table(
        "graph_said",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest", name="uq_graph_said_digest"),
    )
    op.create_table(
        "graph_text",
        sa.Column("node", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("node"),
    )
    _create_search()


def _create_search() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        op.execute(_SEARCH)
        return
    try:
        # A trusted extension: the database's owner may create it, if the server has it at all.
        with connection.begin_nested():
            op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            op.execute(_TRIGRAMS)
    except sa.exc.DBAPIError:
        # Whole words are found then, and no parts: no reason to do without a graph. Both would cost each write twice.
        op.execute(_WORDS)
