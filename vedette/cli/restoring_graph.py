"""The knowledge graph of a safety copy back in its place, and through RT again what it does not know."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from registry.backup_finish import RestoreOrder
from registry.backup_graph import finish_graph, is_inside
from registry.backup_manifest import GraphPart
from registry.backup_restore import SqlitePlace, StorePlace
from registry.backup_restore_postgres import PostgresPlace
from registry.database import Database
from registry.engines import is_sqlite, parse_url
from registry.graph import graph_database, has_graph
from registry.graph_decided import Decided, decide_again, read_decided
from registry.graph_rebuilding import GraphRebuild
from registry.queue_errors import UnknownQueueError
from vedette.clock import SystemClock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.errors import StoreError, VedetteError

_AGAIN = "find out with: vedette graph rebuild"


def read_decisions(paths: FleetPaths, *, since: int) -> tuple[Decided, list[str]]:
    """Return what people decided about the graph after the safety copy, and what a person must know.

    Before the store is put back: in its PostgreSQL the graph is moved aside with it.
    """
    try:
        if has_graph(paths.graph_url):
            with graph_database(paths.graph_url) as graph:
                return graph.read_sync(partial(read_decided, since=since)), []
    except StoreError as error:
        return Decided(), [f"what people decided about the knowledge graph since is not known: {error}"]
    return Decided(), []


def repeat_decisions(paths: FleetPaths, decided: Decided) -> list[str]:
    """Decide again in the restored graph what people decided since; return what a person must know."""
    if decided == Decided():
        return []
    try:
        with graph_database(paths.graph_url) as graph:
            again = asyncio.run(decide_again(graph, decided, clock=SystemClock()))
    except VedetteError as error:
        return [f"what people decided about the knowledge graph since was not decided again: {error}"]
    notes = (
        [f"{again.left} decisions are about what the restored knowledge graph does not know"] if again.left else []
    )
    if again.done:
        notes.append(f"{again.done} decisions about the knowledge graph, made after the safety copy, were made again")
    if again.corrected:
        notes.append(f"{again.corrected} corrections of texts, made after the safety copy, were made again")
    return notes


def put_graph_back(paths: FleetPaths, folder: Path, order: RestoreOrder) -> list[str]:
    """Put the graph back, after the store; return what a person must know.

    The store is restored already, so what is wrong with the graph is said and does not end the restore: RT can make
    it anew of the store's items.
    """
    try:
        return _put_back(paths, folder, order)
    except VedetteError as error:
        return [f"the knowledge graph was not restored: {error}"]


def _put_back(paths: FleetPaths, folder: Path, order: RestoreOrder) -> list[str]:
    graph = order.manifest.graph
    if graph is None or not _fits(graph, paths):
        return _without(paths, order, graph)
    if graph.part is None:
        return []
    place = _place_of(paths)
    with place.held():
        replaced = place.replace(folder / graph.part, order)
    return [f"the knowledge graph that was there is now {replaced.aside}"] if replaced.aside else []


def _fits(graph: GraphPart, paths: FleetPaths) -> bool:
    """Tell whether a copy of the graph goes to where the configuration has it."""
    url = parse_url(paths.graph_url)
    if is_inside(url, parse_url(paths.store_url)):
        return graph.part is None
    return graph.part is not None and graph.dialect == ("sqlite" if is_sqlite(url) else "postgresql")


def _without(paths: FleetPaths, order: RestoreOrder, graph: GraphPart | None) -> list[str]:
    """Keep the graph that is there, or make an empty one."""
    manifest = order.manifest
    reason = (
        f"could not be copied then ({manifest.graph_problem})" if manifest.graph_problem else "was not in use then"
    )
    if graph is not None:
        reason = "was kept in another kind of place than `graph:` says now"
    said = f"the safety copy has no knowledge graph to put back: it {reason}"
    if has_graph(paths.graph_url):
        return [f"{said}; the one that is there stays"]
    graph_database(paths.graph_url).migrate()
    return [f"{said}; RT makes it anew of the stored items, and what people decided about it has to be decided again"]


def _place_of(paths: FleetPaths) -> StorePlace:
    url = parse_url(paths.direct_graph_url)
    if is_sqlite(url):
        return SqlitePlace(Path(str(url.database)), finish=finish_graph)
    return PostgresPlace(url, lock=paths.run / "restore-graph.lock", finish=finish_graph)


def catch_up(configuration: FleetConfiguration, paths: FleetPaths, store: Database) -> list[str]:
    """Hand to RT what the restored store has and the graph does not know; return what a person must know."""
    try:
        with graph_database(paths.graph_url) as graph:
            return _caught_up(GraphRebuild(store=store, graph=graph, queue=configuration.rt.queue))
    except StoreError as error:
        return [f"whether the knowledge graph lacks something is not known: {error}; {_AGAIN}"]


def _caught_up(rebuild: GraphRebuild) -> list[str]:
    notes, held = [], 0
    try:
        step = rebuild.step()
        while step is not None:
            held += step.held
            step = rebuild.step(after=step.after)
    except UnknownQueueError:
        # Its agents make their queue at their first start, and begin with the first item.
        held = 0
    if held:
        notes.append(f"{held} items that the knowledge graph does not know go through RT again")
    unknown = rebuild.unknown()
    if unknown:
        which = f"{unknown} items that are gone from the store"
        notes.append(f"the knowledge graph knows {which}: what they said stays, without proof")
    return notes
