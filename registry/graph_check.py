"""Whether a graph is what its mentions and decisions say: everything else in it follows from them, and is mended so.

It is looked at piece by piece, each in a short transaction under the graph's lock, so that others write in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from registry.database import Database
from registry.graph_aligning import align
from registry.graph_check_edges import EdgePlace, check_edges, check_statements
from registry.graph_check_nodes import check_nodes, check_ranges
from registry.graph_clusters import regroup, regrouped
from registry.graph_session import Session
from vedette.clock import Clock
from vedette.evidence.finding import Finding
from vedette.graph.identity import vertex_id
from vedette.graph.ontology import Ontology
from vedette.graph.ontology import ontology as ontology_of_this_release

T = TypeVar("T")

Check = Callable[..., tuple[list[Finding], int, Any]]
"""Looks at the next nodes, edges or origins: what is wrong, how many, and behind which to go on."""

TOGETHER: Final = 500
"""Nodes, edges or origins that are looked at in one transaction."""

_DECIDED: Final = (
    "SELECT id FROM graph_node WHERE merged_into IS NOT NULL AND id > ?"
    " UNION SELECT first_node FROM graph_decision WHERE first_node > ?"
    " UNION SELECT second_node FROM graph_decision WHERE second_node > ? ORDER BY 1 LIMIT ?"
)
_NAMED: Final = "SELECT id, uid, type, name FROM graph_node WHERE id IN ({})"
_INTEGRITY: Final = "INSERT INTO graph_search (graph_search, rank) VALUES ('integrity-check', 1)"
_REBUILD: Final = "INSERT INTO graph_search (graph_search) VALUES ('rebuild')"


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What came of looking at one piece."""

    looked: int
    """Nodes, edges or origins in it."""
    findings: tuple[Finding, ...]
    """What was wrong; mended where that was wanted, but for what is lost."""
    after: Any = None
    """Where the next piece begins; None: with what is checked next."""


class GraphCheck:
    """Checks one graph, and mends it."""

    def __init__(self, *, database: Database, clock: Clock, mend: bool, ontology: Ontology | None = None) -> None:
        """Describe it.

        Args:
            database: of the graph, open.
            clock: gives the times at which the graph learns of what was mended.
            mend: whether what is wrong is made right.
            ontology: the rules; this release's.
        """
        self._database = database
        self._clock = clock
        self._mend = mend
        self._ontology = ontology or ontology_of_this_release()

    def pieces(self) -> Iterator[Checked]:
        """Yield what came of each piece; done again after an interruption, it begins anew.

        Raises:
            StoreError: the database failed.
        """
        yield from _pieces(self._in_session, mend=self._mend)

    def _in_session(self, work: Callable[[Session], T]) -> T:
        def in_session(connection: Connection) -> T:
            return work(Session(connection, ontology=self._ontology, at=self._clock.now()))

        return self._database.write_sync(in_session)


def check_all(session: Session, *, mend: bool = False) -> list[Finding]:
    """Return what is wrong with a graph that is small enough to be looked at in one transaction."""
    return [finding for piece in _pieces(lambda work: work(session), mend=mend) for finding in piece.findings]


def _pieces(run: Callable[[Callable[[Session], Checked]], Checked], *, mend: bool) -> Iterator[Checked]:
    """Yield what came of each piece.

    Args:
        run: does the work on a piece in a session.
        mend: whether what is wrong is made right.
    """
    for check, start in _WALKS:
        place = start
        while place is not None:
            piece = run(partial(_look, check=check, after=place, mend=mend))
            yield piece
            place = piece.after
    yield run(partial(_check_search, mend=mend))


def _look(session: Session, *, check: Check, after: Any, mend: bool) -> Checked:
    findings, looked, last = check(session, after, limit=TOGETHER, mend=mend)
    if mend and findings:
        align(session)
    return Checked(looked=looked, findings=tuple(findings), after=last)


def _check_vertices(session: Session, after: int, *, limit: int, mend: bool) -> tuple[list[Finding], int, int | None]:
    """Check which nodes are one vertex: always one hop to the node that stands for it, as the decisions say."""
    nodes = [row.id for row in session.statements.rows(_DECIDED, (after, after, after, limit))]
    changes = regrouped(session, nodes)
    named = session.statements.among(_NAMED, sorted(changes))
    findings = [
        Finding(kind="vertex", place=vertex_id(row.type, bytes(row.uid)), text="belongs to another vertex")
        for row in named
    ]
    if mend and changes:
        regroup(session, nodes)
    return findings, len(nodes), nodes[-1] if len(nodes) == limit else None


def _check_search(session: Session, *, mend: bool) -> Checked:
    """Check that the index of words is that of the texts; PostgreSQL sees to its own."""
    findings: tuple[Finding, ...] = ()
    if not session.statements.is_postgresql:
        try:
            session.statements.run(_INTEGRITY)
        except DBAPIError as error:
            findings = (Finding(kind="search", place="words", text=f"is not the index of the texts: {error.orig}"),)
            if mend:
                session.statements.run(_REBUILD)
    return Checked(looked=0, findings=findings)


_WALKS: Final[tuple[tuple[Check, Any], ...]] = (
    (check_nodes, 0),
    (check_ranges, 0),
    (check_statements, 0),
    (check_edges, EdgePlace(0, 0, 0)),
    (_check_vertices, 0),
)
"""What is checked, and where each begins: what others follow from comes first."""
