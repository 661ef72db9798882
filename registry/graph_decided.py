"""What people decided about a graph after a time, to be decided again in an older state of it: a restored one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection

from registry.database import Database
from registry.graph_corrected import correct_again, read_corrected
from registry.graph_corrections import CorrectionLine
from registry.graph_origins import SUPERSEDED
from registry.graph_statements import Statements
from registry.graph_verdicts import PERSON
from registry.graph_writing import GraphWriter
from vedette.clock import Clock
from vedette.graph.identity import parse_vertex_id, vertex_id
from vedette.graph.port import UnknownVertexError

_DECISIONS: Final = (
    "SELECT a.type AS one_type, a.uid AS one_uid, b.type AS two_type, b.uid AS two_uid, d.rule, d.state, d.who,"
    " d.why, d.at, d.withdrawn_at, d.withdrawn_by, d.withdrawn_why FROM graph_decision d"
    " JOIN graph_node a ON a.id = d.first_node JOIN graph_node b ON b.id = d.second_node"
    " WHERE (d.rule = ? AND d.state <> 'withdrawn' AND d.at >= ?) OR d.withdrawn_at >= ? ORDER BY d.id"
)
_ITEMS: Final = (
    "SELECT item, min(withdrawn_by) AS who, min(withdrawn_why) AS why FROM graph_origin"
    " WHERE withdrawn_at >= ? AND withdrawn_by <> ? GROUP BY item ORDER BY item"
)
_SAME: Final = (
    "SELECT d.id, d.at FROM graph_decision d JOIN graph_node a ON a.id = d.first_node"
    " JOIN graph_node b ON b.id = d.second_node WHERE d.rule = ? AND d.state <> 'withdrawn'"
    " AND ((a.uid = ? AND b.uid = ?) OR (b.uid = ? AND a.uid = ?)) ORDER BY d.id DESC LIMIT 1"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Decision:
    """A decision about two nodes, as it stands."""

    first: str
    """Id of the one."""
    second: str
    """Id of the other."""
    rule: str
    """`person`, or the rule whose word was withdrawn."""
    state: str
    """`same`, `different` or `withdrawn`."""
    who: str
    """Who decided, or withdrew."""
    why: str
    """Why."""
    at: int
    """When it was made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """What people said since a time."""

    decisions: tuple[_Decision, ...] = ()
    """Decisions that they made, or withdrew, in their order."""
    items: tuple[tuple[str, str, str], ...] = ()
    """Items whose statements they took back, each with who and why."""
    corrections: tuple[CorrectionLine, ...] = ()
    """What they corrected in items' texts, or took back, in its order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Again:
    """What came of deciding it again."""

    done: int = 0
    """Decisions, and items that were taken back."""
    left: int = 0
    """Decisions about what is not in this state of the graph."""
    corrected: int = 0
    """Corrections that were made, or taken back."""


def read_decided(connection: Connection, *, since: int) -> Decided:
    """Return what people decided since a time, UTC, microseconds."""
    statements = Statements(connection)
    return Decided(
        decisions=tuple(
            _Decision(
                first=vertex_id(row.one_type, bytes(row.one_uid)),
                second=vertex_id(row.two_type, bytes(row.two_uid)),
                rule=row.rule,
                state=row.state,
                who=row.withdrawn_by if row.state == "withdrawn" else row.who,
                why=row.withdrawn_why if row.state == "withdrawn" else row.why,
                at=row.at,
            )
            for row in statements.rows(_DECISIONS, (PERSON, since, since))
        ),
        items=tuple((row.item, row.who, row.why) for row in statements.rows(_ITEMS, (since, SUPERSEDED))),
        corrections=read_corrected(connection, since=since),
    )


async def decide_again(database: Database, decided: Decided, *, clock: Clock) -> Again:
    """Decide in a graph what was decided in a newer state of it; again changes nothing.

    Raises:
        StoreError: the graph cannot be written.
        KeepingError: what was kept of a text is damaged.
    """
    writing, done, left = GraphWriter(database=database, clock=clock), 0, 0
    for item, who, why in decided.items:
        done += min(1, await writing.withdraw(item=item, who=who, why=why))
    standing = {(one.first, one.second) for one in decided.decisions if one.state != "withdrawn"}
    for one in decided.decisions:
        if one.state == "withdrawn" and one.rule == PERSON and (one.first, one.second) in standing:
            # Somebody decided anew, which withdraws it by itself.
            continue
        known = await database.read(partial(_known, one=one))
        try:
            if one.state == "withdrawn":
                if known is None:
                    continue
                await writing.undo(known[0], who=one.who, why=one.why)
            elif known is None or known[1] < one.at:
                same = one.state == "same"
                await writing.decide(one.first, one.second, same=same, who=one.who, why=one.why)
            else:
                continue
            done += 1
        except UnknownVertexError:
            left += 1
    corrected = await correct_again(database, decided.corrections, clock=clock) if decided.corrections else 0
    return Again(done=done, left=left, corrected=corrected)


def _known(connection: Connection, one: _Decision) -> tuple[int, int] | None:
    """Return number and time of the decision of this rule about the pair that stands."""
    uids = [parse_vertex_id(vertex) for vertex in (one.first, one.second)]
    rows = Statements(connection).rows(_SAME, (one.rule, *uids, *uids))
    return (int(rows[0].id), int(rows[0].at)) if rows else None
