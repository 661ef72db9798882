"""The tables of the knowledge graph, in a database of its own or beside the store's; times are UTC, microseconds.

What documents say is in `graph_mention` and `graph_edge_mention` and never changes. All else follows from it and from
`graph_decision`: `graph_node` and `graph_edge` are what all mentions say together, `graph_node.merged_into` is which
nodes are one vertex, the others are indexes. A node is one name of one type; a vertex is a node, or several of them.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata: Final = MetaData()
"""All of them, and none of the store's."""

origin: Final = Table(
    "graph_origin",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("item", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("extractor", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("observed_at", BigInteger, nullable=False),
    Column("merged_at", BigInteger, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("withdrawn_by", Text, nullable=False, server_default=""),
    Column("withdrawn_why", Text, nullable=False, server_default=""),
    UniqueConstraint("item", "extractor", "version", name="uq_graph_origin_item"),
    Index("ix_graph_origin_source", "source"),
)
"""Where mentions come from; those of one that is withdrawn count nowhere."""

annotation: Final = Table(
    "graph_annotation",
    metadata,
    Column("item", Text, primary_key=True),
    Column("origin", Integer, nullable=False),
    Column("language", Text, nullable=False),
    Column("read", SmallInteger, nullable=False),
    Column("sentences", Integer, nullable=False),
    Column("entities", Integer, nullable=False),
    Column("relations", Integer, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)
"""What was read of an item's prose (`vedette.extraction.prose.keeping`), by the newest reader: `origin` is its row.

Uncorrected. It holds the item's text: it is deleted when what the item says is withdrawn, and with its payload.
"""

node: Final = Table(
    "graph_node",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("uid", LargeBinary, nullable=False),
    Column("type", Text, nullable=False),
    Column("observable_type", Text, nullable=False),
    Column("canonical", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("merged_into", Integer),
    Column("mentions", Integer, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("address", LargeBinary),
    Column("properties", Text, nullable=False),
    UniqueConstraint("uid", name="uq_graph_node_uid"),
    Index("ix_graph_node_canonical", "canonical"),
    Index("ix_graph_node_type", "type", "observable_type", "last_seen"),
    Index("ix_graph_node_changed", "changed_at"),
    Index(
        "ix_graph_node_merged_into",
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
    Index(
        "ix_graph_node_address",
        "address",
        sqlite_where=text("address IS NOT NULL"),
        postgresql_where=text("address IS NOT NULL"),
    ),
)
"""One name of one type: `uid` (16 bytes) is made of both. It is there while `mentions` and `last_seen` are > 0.

`merged_into` is the node that stands for its vertex; NULL: it does so itself. `changed_at` is different in each row.
`address` is an IP's 16 bytes, IPv4 as ::ffff:a.b.c.d. `properties` is JSON as `vedette.graph.folding` writes it.
"""

said: Final = Table(
    "graph_said",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False),
    Column("properties", Text, nullable=False),
    UniqueConstraint("digest", name="uq_graph_said_digest"),
)
"""What mentions say, in the documents' words: JSON with vertexType and name; shared by those that say the same."""

mention: Final = Table(
    "graph_mention",
    metadata,
    Column("origin", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("node", Integer, nullable=False),
    Column("said", Integer, nullable=False),
    Column("position", Text, nullable=False),
    PrimaryKeyConstraint("origin", "number"),
    Index("ix_graph_mention_node", "node", "origin"),
    sqlite_with_rowid=False,
)
"""That an origin mentions a node, and where (`str` of a Position); numbered within its origin."""

relation: Final = Table(
    "graph_relation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("name", name="uq_graph_relation_name"),
)
"""Names of relations; rows are never removed."""

edge: Final = Table(
    "graph_edge",
    metadata,
    Column("out_node", Integer, nullable=False),
    Column("relation", Integer, nullable=False),
    Column("in_node", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("derived", SmallInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("out_node", "relation", "in_node"),
    Index("ix_graph_edge_in", "in_node", "relation", "out_node"),
    sqlite_with_rowid=False,
)
"""A relation between two nodes. It is there while `count` > 0, or `derived` is 1: an address lies in a range.

One that is only derived has `first_seen` and `last_seen` 0: it holds as long as both its ends.
"""

edge_mention: Final = Table(
    "graph_edge_mention",
    metadata,
    Column("origin", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("out_node", Integer, nullable=False),
    Column("relation", Integer, nullable=False),
    Column("in_node", Integer, nullable=False),
    Column("said", Integer),
    Column("position", Text, nullable=False),
    Column("certainty", Float),
    PrimaryKeyConstraint("origin", "number"),
    Index("ix_graph_edge_mention_edge", "out_node", "in_node", "relation"),
    sqlite_with_rowid=False,
)
"""That an origin states a relation, where, and what it says of it (NULL: nothing more).

`certainty` is how sure the document, or who read it, is of this statement, 0 to 1 (NULL: as sure as its origin).
"""

claim: Final = Table(
    "graph_claim",
    metadata,
    Column("text", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("node", Integer, nullable=False),
    PrimaryKeyConstraint("text", "kind", "rule", "node"),
    Index("ix_graph_claim_node", "node"),
    sqlite_with_rowid=False,
)
"""Under what else a node is known: `alias` (canonical form), or `key` (`property:value` that identifies)."""

block: Final = Table(
    "graph_block",
    metadata,
    Column("block", BigInteger, nullable=False),
    Column("node", Integer, nullable=False),
    PrimaryKeyConstraint("block", "node"),
    sqlite_with_rowid=False,
)
"""Which names are worth comparing: those that share a block."""

decision: Final = Table(
    "graph_decision",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("first_node", Integer, nullable=False),
    Column("second_node", Integer, nullable=False),
    Column("rule", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("score", Float, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("withdrawn_by", Text, nullable=False, server_default=""),
    Column("withdrawn_why", Text, nullable=False, server_default=""),
    Index("ix_graph_decision_first", "first_node", "second_node"),
    Index("ix_graph_decision_second", "second_node"),
    Index("ix_graph_decision_state", "state", "score"),
)
"""That two nodes are the same, may be, or are not; `first_node` < `second_node`, one row for each rule of a pair.

A person's newest decision of a pair counts, and more than the rules'. Withdrawn ones stay, with state `withdrawn`.
"""

correction: Final = Table(
    "graph_correction",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("item", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("undone_at", BigInteger),
    Column("undone_by", Text, nullable=False, server_default=""),
    Column("undone_why", Text, nullable=False, server_default=""),
    Index("ix_graph_correction_item", "item", "id"),
    sqlite_autoincrement=True,
)
"""What a person corrected in what was read of an item: `said` is its JSON.

Applied in the order of `id`; one that is undone stays, with who did that and why. It quotes the item's text, and is
deleted with it.
"""

prefix: Final = Table(
    "graph_prefix",
    metadata,
    Column("length", SmallInteger, nullable=False),
    Column("network", LargeBinary, nullable=False),
    Column("node", Integer, nullable=False),
    PrimaryKeyConstraint("length", "network", "node"),
    Index("ix_graph_prefix_node", "node"),
    sqlite_with_rowid=False,
)
"""The CIDR prefixes that an address range is made of, as 16 bytes; those of IPv4 have a length of 96 and more."""

words: Final = Table(
    "graph_text",
    metadata,
    Column("node", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
)
"""What is searched: a node's name and values, a line each.

SQLite: the FTS5 table `graph_search` (trigrams: `graph_search MATCH '"any part"'`, rowid = node). PostgreSQL: a GIN
index of trigrams, or where the extension pg_trgm is not to be had `WORDS_INDEX`, which finds whole words.
"""

WORDS_INDEX: Final = (
    "CREATE INDEX IF NOT EXISTS ix_graph_text_words ON graph_text USING gin (to_tsvector('simple', text))"
)
"""What makes PostgreSQL's index of whole words."""
