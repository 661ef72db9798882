"""The knowledge graph as the hub shows it: read by its API and console, written by what people decide there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from registry.audit import Audit
from registry.database import Database
from registry.graph import graph_if_possible
from registry.graph_decisions import GraphDecisions
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from registry.reading import Reads
from vedette.clock import Clock


@dataclass(frozen=True, kw_only=True)
class HubGraph:
    """The graph of a fleet, open."""

    database: Database
    """Where it is."""
    reading: GraphRead
    """Answers questions."""
    decisions: GraphDecisions
    """Writes what people decide, and audits it in the store."""


@contextmanager
def open_graph(
    url: str, *, store: Database, clock: Clock, reads: Callable[[Database], Reads]
) -> Iterator[HubGraph | None]:
    """Open the graph for as long as the hub runs; None where that cannot be. `reads` says where it is read."""
    with graph_if_possible(url, who="hub") as database:
        yield (
            None
            if database is None
            else HubGraph(
                database=database,
                reading=GraphRead(database=reads(database)),
                decisions=GraphDecisions(
                    writing=GraphWriter(database=database, clock=clock), audit=Audit(database=store, clock=clock)
                ),
            )
        )
