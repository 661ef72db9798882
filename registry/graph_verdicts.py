"""What the rules and people say of pairs of nodes, as rows: written where it changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from registry.graph_session import Session
from registry.graph_statements import Row
from vedette.graph.decisions import Pair, Verdict

PERSON: Final = "person"
"""Name of the rule by which people decide."""

Rule = tuple[Pair, str]
"""A pair, and the rule that says something of it."""

_COLUMNS = "id, first_node, second_node, rule, state, score, why"
_INSERT = (
    "INSERT INTO graph_decision (id, first_node, second_node, rule, state, score, who, why, at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE = "UPDATE graph_decision SET state = ?, score = ?, who = ?, why = ?, at = ? WHERE id = ?"


def about(session: Session, nodes: Collection[int]) -> Iterator[Any]:
    """Yield the decisions about nodes, withdrawn ones too, each once."""
    seen: set[int] = set()
    for column in ("first_node", "second_node"):
        query = f"SELECT {_COLUMNS} FROM graph_decision WHERE {column} IN ({{}})"  # noqa: S608
        for row in session.statements.among(query, sorted(nodes)):
            if row.id not in seen:
                seen.add(row.id)
                yield row


class Verdicts:
    """Compares what the rules say with what they said, and collects what to write."""

    def __init__(self, session: Session, *, who: str) -> None:
        """Start with nothing.

        Args:
            session: of the transaction.
            who: the rules' version.
        """
        self._session = session
        self._who = who
        self._changed: set[Pair] = set()
        self.reviews_added = 0
        """How many pairs more wait for a person."""

    def replace(self, verdicts: Mapping[Rule, Verdict], *, rules: Collection[str], around: Collection[int]) -> None:
        """Let rules say this, and nothing else, of nodes.

        A decision that a person withdrew stays withdrawn, whatever the rule says later.

        Args:
            verdicts: all that they say of pairs with a node in `around`.
            rules: their names.
            around: the nodes.
        """
        held: dict[Rule, Any] = {}
        people: dict[Pair, str] = {}
        for row in about(self._session, around):
            if row.rule in rules:
                held[(row.first_node, row.second_node), row.rule] = row
            elif row.rule == PERSON and row.state != "withdrawn":
                people[row.first_node, row.second_node] = row.state
        self._remove(held, verdicts)
        inserts, updates = self._compare(held, verdicts, people)
        self._session.statements.many(_UPDATE, updates)
        self._session.statements.many(_INSERT, inserts)

    def _remove(self, held: Mapping[Rule, Any], verdicts: Mapping[Rule, Verdict]) -> None:
        gone = [(key, row) for key, row in held.items() if key not in verdicts and row.state != "withdrawn"]
        self._session.statements.many("DELETE FROM graph_decision WHERE id = ?", [(row.id,) for _, row in gone])
        for (nodes, _), row in gone:
            self._note(nodes, row.state, "")

    def _compare(
        self, held: Mapping[Rule, Any], verdicts: Mapping[Rule, Verdict], people: Mapping[Pair, str]
    ) -> tuple[list[Row], list[Row]]:
        inserts: list[Row] = []
        updates: list[Row] = []
        for (nodes, rule), verdict in sorted(verdicts.items()):
            row = held.get((nodes, rule))
            # What waited for a person is as the person said, once one did.
            state = people.get(nodes, "review") if verdict.state == "review" else verdict.state
            said = (state, verdict.score, self._who, verdict.why, self._session.at)
            if row is None:
                id = self._session.number("graph_decision")
                inserts.append((id, *nodes, rule, *said))
                self._note(nodes, "", state)
            elif row.state != "withdrawn" and (row.state, row.score, row.why) != (state, verdict.score, verdict.why):
                updates.append((*said, row.id))
                self._note(nodes, row.state, state)
        return inserts, updates

    def _note(self, nodes: Pair, before: str, now: str) -> None:
        if before != now:
            self._changed.add(nodes)
            self.reviews_added += (now == "review") - (before == "review")

    @property
    def nodes(self) -> set[int]:
        """The nodes of whose pairs something changed."""
        return {node for nodes in self._changed for node in nodes}
