"""What runs the exports of a fleet, made of its configuration: for the agent and for the command line."""

from __future__ import annotations

from dataclasses import dataclass

from registry.database import Database
from registry.export_destinations import ExportDestinations
from registry.export_readiness import ShareReadiness
from registry.export_running import ExportRunner
from registry.exports import Exports
from registry.fleet_evidence import documents_of
from registry.investigations import Investigations
from registry.taxii import TaxiiCollections
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.sharing.exporter import ExporterCatalogue


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """The sharing of a fleet."""

    exports: Exports
    """Asked for, decided about, read."""
    destinations: ExportDestinations
    """Where they go."""
    gathering: Investigations
    """Brings what they are about."""
    runner: ExportRunner
    """Runs them."""


async def sharing_of(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    *,
    database: Database,
    graph: Database | None,
    name: str,
    clock: Clock,
    catalogue: ExporterCatalogue | None = None,
) -> Sharing:
    """Return what a configuration describes.

    Args:
        configuration: the fleet's.
        paths: where it keeps things.
        database: the store, open.
        graph: the graph, open; None: there is none.
        name: who runs exports: an agent's JID, or a command line.
        clock: tells the time.
        catalogue: the exporters; None: those that are installed.

    Raises:
        StoreError: the store cannot be read or written.
        ConfigurationError: warning lists cannot be read.
    """
    section, near = configuration.sharing, paths.file.parent
    exports = Exports(database=database, clock=clock, sharing=section)
    destinations = ExportDestinations(
        exports=exports,
        near=near,
        data=paths.data,
        catalogue=catalogue,
        collections=TaxiiCollections(database=database, clock=clock),
    )
    gathering = await Investigations.of(
        section,
        database=database,
        graph=graph,
        clock=clock,
        folder=near,
        documents=documents_of(configuration, paths),
    )
    readiness = ShareReadiness(database=database, clock=clock, sharing=section, reading=configuration.rt.queue)
    runner = ExportRunner(
        exports=exports, destinations=destinations, gathering=gathering, name=name, readiness=readiness
    )
    return Sharing(exports=exports, destinations=destinations, gathering=gathering, runner=runner)
