"""What `vedette export` does with the store and the graph of this machine."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import typer

from registry.callers import Actor
from registry.content import ContentFolder
from registry.export_destinations import ExportDestinations
from registry.export_running import ExportRunner
from registry.exports import Exports, UnknownExportError
from registry.graph import graph_database, has_graph
from registry.investigations import Investigations
from registry.taxii import TaxiiCollections
from vedette.cli.actor import command_line_actor
from vedette.cli.export_brought import Brought
from vedette.cli.output import Exit, complain
from vedette.cli.store import open_fleet, open_store
from vedette.clock import SystemClock
from vedette.errors import ConflictError
from vedette.sharing.investigation import Investigation
from vedette.sharing.policy import SharingPolicy
from vedette.sharing.request import Export, ExportRequest
from vedette.sharing.selection import Selection

T = TypeVar("T")

LOOK_EVERY: Final = 0.25
"""Seconds between looks at an export that somebody else runs."""

PATIENCE: Final = 600.0
"""Seconds that a command waits for somebody else's."""

_COMPARED: Final = 100
"""Characters of a reason by which it is known again: the store cuts long ones."""


class ExportsHere:
    """The exports of a fleet, and what runs them."""

    def __init__(
        self, *, exports: Exports, investigations: Investigations, destinations: ExportDestinations, by: Actor
    ) -> None:
        self.exports = exports
        """What was asked for, and what became of it."""
        self.by = by
        """Who asks."""
        self._investigations = investigations
        self._kept: set[str] = set()
        self.runner = ExportRunner(
            exports=exports,
            destinations=destinations,
            gathering=self,
            # Its own: another command of the same person must not take it for one that died.
            name=f"{by.who} {secrets.token_hex(4)}",
        )
        """Speaks to destinations."""

    async def gather(
        self, selection: Selection, *, policy: SharingPolicy | None = None, bundles: bool = True
    ) -> Investigation:
        """Return what may leave towards a destination, or by default into a file.

        Raises:
            RefusedError: it is too much, or stricter than may leave.
            StoreError: the store or the graph cannot be read.
        """
        allowed = policy or self.exports.sharing.policy_of(None)
        found = await self._investigations.gather(selection, policy=allowed, bundles=bundles and allowed.evidence)
        self._kept = {one.reason[:_COMPARED] for one in found.withheld}
        return found

    async def request(self, wanted: ExportRequest) -> Brought:
        """Enter an export and bring it as far as it goes.

        Raises:
            RefusedError: there is no such destination.
        """
        made = await self.exports.request(wanted, by=self.by)
        return await self.bring(made.uuid)

    async def bring(self, uuid: str) -> Brought:
        """Run an export here, or wait for whoever has it."""
        until = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                return self._brought(await self.runner.run_one(uuid))
            except ConflictError:
                # An agent took it, or has another of its destination.
                found = await self.exports.get(uuid)
                if found.state not in ("waiting", "running") or asyncio.get_running_loop().time() > until:
                    return self._brought(found)
                await asyncio.sleep(LOOK_EVERY)

    def _brought(self, export: Export) -> Brought:
        """Tell whether it is there wholly: what policy keeps back is meant to be."""
        told = () if export.exported is None else export.exported.withheld
        refused = any(one.reason[:_COMPARED] not in self._kept for one in told)
        return Brought(export=export, good=export.state in ("done", "planned", "approval") and not refused)


def with_exports(config: Path | None, work: Callable[[ExportsHere], Coroutine[Any, Any, T]]) -> T:
    """Do something with the exports of the fleet that a configuration names; where it cannot be so, the answer is no.

    Raises:
        ConfigurationError: there is no configuration, or it is wrong.
        StoreError: the store or the graph cannot be used.
    """

    async def run() -> T:
        async with _opened(config) as here:
            return await work(here)

    try:
        return asyncio.run(run())
    except (UnknownExportError, ConflictError) as error:
        complain(str(error))
        raise typer.Exit(Exit.NO) from error


@asynccontextmanager
async def _opened(config: Path | None) -> AsyncIterator[ExportsHere]:
    configuration, paths = open_fleet(config)
    clock, sharing = SystemClock(), configuration.sharing
    with ExitStack() as stack:
        database = stack.enter_context(open_store(paths))
        # Without RT there is no graph; what tools put out is shared all the same.
        graph = stack.enter_context(graph_database(paths.graph_url)) if has_graph(paths.graph_url) else None
        exports = Exports(database=database, clock=clock, sharing=sharing)
        investigations = await Investigations.of(
            sharing,
            database=database,
            graph=graph,
            clock=clock,
            folder=paths.file.parent,
            documents=ContentFolder(paths.documents, limit=configuration.api.document_limit),
        )
        destinations = ExportDestinations(
            exports=exports,
            near=paths.file.parent,
            data=paths.data,
            collections=TaxiiCollections(database=database, clock=clock),
        )
        yield ExportsHere(
            exports=exports, investigations=investigations, destinations=destinations, by=command_line_actor()
        )
