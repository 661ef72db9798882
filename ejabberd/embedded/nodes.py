"""Publish-subscribe nodes, kept over restarts (XEP-0060 section 4)."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

MAX_ITEMS = 100
"""Items kept of a node unless its owner asks for fewer."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS node (node TEXT PRIMARY KEY, access TEXT NOT NULL, max_items INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS affiliation (node TEXT, jid TEXT, kind TEXT, PRIMARY KEY (node, jid)) STRICT;
CREATE TABLE IF NOT EXISTS subscription (node TEXT, jid TEXT, PRIMARY KEY (node, jid)) STRICT;
CREATE TABLE IF NOT EXISTS item (
    number INTEGER PRIMARY KEY, node TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL, UNIQUE (node, id)
) STRICT;
"""


@dataclass(eq=False, kw_only=True)
class Node:
    """One node with who may do what."""

    name: str
    """Its NodeID."""
    access: str = "open"
    """Who may subscribe: `open` (everybody) or `whitelist` (those with an affiliation)."""
    max_items: int = MAX_ITEMS
    """Items kept; 0 keeps none."""
    affiliations: dict[str, str] = field(default_factory=dict)
    """Bare JID -> owner, publisher, member or outcast (XEP-0060 section 4.1)."""
    subscribers: set[str] = field(default_factory=set)
    """JIDs that are told."""

    def is_owner(self, bare: str) -> bool:
        """Tell whether the account may configure and delete the node."""
        return self.affiliations.get(bare) == "owner"

    def may_publish(self, bare: str) -> bool:
        """Tell whether the account may publish."""
        return self.affiliations.get(bare) in {"owner", "publisher"}

    def may_read(self, bare: str) -> bool:
        """Tell whether the account may subscribe and retrieve items."""
        kind = self.affiliations.get(bare)
        return kind != "outcast" and (self.access == "open" or kind is not None)


class Nodes:
    """All nodes, in memory and written through to one SQLite file; items live in the file only.

    Raises:
        sqlite3.Error: from the constructor and every change, when the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._connection = sqlite3.connect(path, timeout=10, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        # Items are events: what must not be lost travels by delivery, not by publish-subscribe.
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        self._nodes: dict[str, Node] = {}
        for name, access, max_items in self._connection.execute("SELECT node, access, max_items FROM node"):
            self._nodes[name] = Node(name=name, access=access, max_items=max_items)
        for name, jid, kind in self._connection.execute("SELECT node, jid, kind FROM affiliation"):
            self._nodes[name].affiliations[jid] = kind
        for name, jid in self._connection.execute("SELECT node, jid FROM subscription"):
            self._nodes[name].subscribers.add(jid)

    def get(self, name: str) -> Node | None:
        """Return the node of that name."""
        return self._nodes.get(name)

    def all(self) -> list[Node]:
        """Return every node."""
        return list(self._nodes.values())

    def add(self, node: Node, *, owner: str) -> None:
        """Keep a new node."""
        self._nodes[node.name] = node
        self._connection.execute("INSERT INTO node VALUES (?, ?, ?)", (node.name, node.access, node.max_items))
        self.affiliate(node, owner, "owner")

    def remove(self, node: Node) -> None:
        """Delete a node with its items and subscriptions."""
        del self._nodes[node.name]
        for table in ("node", "affiliation", "subscription", "item"):
            self._connection.execute(f"DELETE FROM {table} WHERE node = ?", (node.name,))  # noqa: S608  # fixed names

    def affiliate(self, node: Node, jid: str, kind: str) -> None:
        """Set an account's affiliation; `none` takes it away."""
        if kind == "none":
            node.affiliations.pop(jid, None)
            self._connection.execute("DELETE FROM affiliation WHERE node = ? AND jid = ?", (node.name, jid))
            return
        node.affiliations[jid] = kind
        self._connection.execute("INSERT OR REPLACE INTO affiliation VALUES (?, ?, ?)", (node.name, jid, kind))

    def subscribe(self, node: Node, jid: str) -> None:
        """Add a subscriber."""
        node.subscribers.add(jid)
        self._connection.execute("INSERT OR IGNORE INTO subscription VALUES (?, ?)", (node.name, jid))

    def unsubscribe(self, node: Node, jid: str) -> None:
        """Remove a subscriber."""
        node.subscribers.discard(jid)
        self._connection.execute("DELETE FROM subscription WHERE node = ? AND jid = ?", (node.name, jid))

    def keep(self, node: Node, item: str, payload: str) -> None:
        """Keep an item, replacing one of the same id, and drop the oldest beyond the node's limit."""
        self._connection.execute("BEGIN")
        self._connection.execute(
            "INSERT OR REPLACE INTO item (node, id, payload) VALUES (?, ?, ?)", (node.name, item, payload)
        )
        self._connection.execute(
            "DELETE FROM item WHERE node = ?1 AND number NOT IN "
            "(SELECT number FROM item WHERE node = ?1 ORDER BY number DESC LIMIT ?2)",
            (node.name, node.max_items),
        )
        self._connection.execute("COMMIT")

    def drop(self, node: Node, item: str | None) -> bool:
        """Delete one item, or all for None; False if there was none."""
        cursor = self._connection.execute(
            "DELETE FROM item WHERE node = ?1 AND (?2 IS NULL OR id = ?2)", (node.name, item)
        )
        return cursor.rowcount > 0

    def items(self, node: Node, *, limit: int) -> list[tuple[str, str]]:
        """Return the newest (id, payload XML), oldest first."""
        found = self._connection.execute(
            "SELECT id, payload FROM item WHERE node = ? ORDER BY number DESC LIMIT ?", (node.name, limit)
        )
        return list(reversed(found.fetchall()))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
