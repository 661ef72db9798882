"""One transaction that writes the graph: what its steps share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from registry.graph_statements import Statements
from vedette.graph.drafted import Node, digest_of
from vedette.graph.ontology import Ontology, ResolvedKind


@dataclass(frozen=True, slots=True)
class Placed:
    """A node that became known, or known again, in this transaction."""

    id: int
    """Its row."""
    node: Node
    """What it is."""


class Session:
    """Numbers, names and what changed, within one transaction under the graph's lock."""

    def __init__(self, connection: Connection, *, ontology: Ontology, at: int) -> None:
        """Take the lock.

        Args:
            connection: of the graph's writer, in a transaction.
            ontology: the rules.
            at: the time now, UTC, microseconds.
        """
        self.statements = Statements(connection)
        self.statements.lock()
        self.ontology = ontology
        self.at = at
        self.appeared = 0
        """How many nodes are there that were not before."""
        self.located: list[Placed] = []
        """Those of them that are addresses, or ranges of them."""
        self.touched: set[int] = set()
        """Nodes of kinds that may be merged which appeared, vanished, or are known under other names than before."""
        self.released: set[tuple[str, str, str]] = set()
        """Claims (text, kind, rule) that somebody no longer makes."""
        last = self.statements.one("SELECT coalesce(max(changed_at), 0) FROM graph_node")
        self._changed_at = max(at, int(last) + 1)
        self._next: dict[str, int] = {}
        self._relations: dict[str, int] = {}

    def kind(self, row: Any) -> ResolvedKind:
        """Return what a node's row is."""
        return self.ontology.resolve(row.type, row.observable_type)

    def uids(self, nodes: Collection[int]) -> dict[int, bytes]:
        """Return nodes' uids."""
        query = "SELECT id, uid FROM graph_node WHERE id IN ({})"
        return {row.id: bytes(row.uid) for row in self.statements.among(query, sorted(nodes))}

    def changed_at(self) -> int:
        """Return a time for a change: now, and later than that of all changes before."""
        self._changed_at += 1
        return self._changed_at

    def next_number(self, table: str) -> int:
        """Return the number that a table's next row will have."""
        if table not in self._next:
            self._next[table] = int(self.statements.one(f"SELECT coalesce(max(id), 0) + 1 FROM {table}"))  # noqa: S608
        return self._next[table]

    def number(self, table: str) -> int:
        """Return the number of a new row. Nobody else gives one: the lock is held."""
        number = self.next_number(table)
        self._next[table] = number + 1
        return number

    def relation(self, name: str) -> int:
        """Return the number of a relation's name, which gets one at its first use."""
        if name not in self._relations:
            rows = self.statements.rows("SELECT id FROM graph_relation WHERE name = ?", (name,))
            self._relations[name] = number = int(rows[0].id) if rows else self.number("graph_relation")
            if not rows:
                self.statements.run("INSERT INTO graph_relation (id, name) VALUES (?, ?)", (number, name))
        return self._relations[name]

    def said(self, said: Collection[str]) -> dict[str, int]:
        """Return the rows of what is said, JSON, each once; what nobody said before is added."""
        digests = {text: digest_of(text) for text in said}
        query = "SELECT digest, id FROM graph_said WHERE digest IN ({})"
        known = {bytes(row[0]): row[1] for row in self.statements.among(query, sorted(digests.values()))}
        new = [(self.number("graph_said"), digest, text) for text, digest in digests.items() if digest not in known]
        self.statements.insert("graph_said (id, digest, properties)", new)
        known |= {digest: number for number, digest, _ in new}
        return {text: known[digest] for text, digest in digests.items()}
