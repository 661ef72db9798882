"""The API of a fleet's hub: wired from its configuration and its open store, and started."""

from __future__ import annotations

from fastapi import FastAPI

from registry.content import ContentFolder
from registry.corrections import Corrections
from registry.database import Database
from registry.documents import Documents
from registry.figures import Figures
from registry.graph_decisions import GraphDecisions
from registry.job_workers import JobWorkers
from registry.notices import Notices
from registry.reading import Reads
from registry.replica import Replica
from registry.sharing_desk import sharing_desk
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.documents.quota import Quotas
from vedette.graph.port import GraphReading
from web.api.application import Routes, create_app
from web.api.description import DescriptionRoutes
from web.api.documents import DocumentRoutes
from web.api.health import HealthRoutes
from web.api.hub_view import HubView, NoAgents
from web.api.live import Live
from web.api.measuring import HttpMeasures
from web.api.metrics import MetricsRoutes
from web.api.people import Access, open_access
from web.api.server import ApiServer
from web.api.shared import shared_routes
from web.api.sharing_view import SharingView
from web.api.v1.composition import v1_routes
from web.console.composition import console_routes


async def compose_api(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    *,
    database: Database,
    clock: Clock,
    access: Access,
    live: Live,
    hub: HubView | None = None,
    graph_store: Database | None = None,
    graph: GraphReading | None = None,
    decisions: GraphDecisions | None = None,
    replica: Replica | None = None,
    notices: Notices | None = None,
) -> FastAPI:
    """Return the whole application as the hub serves it, over an open store.

    Args:
        configuration: the fleet's.
        paths: where it keeps things.
        database: the store.
        clock: the time.
        access: who may come in.
        live: posted items and events.
        hub: the agents in this process.
        graph_store: where the knowledge graph is, for what is shared and corrected of it.
        graph: the knowledge graph; None: there is none here.
        decisions: what people decide about it.
        replica: of the store, for what is only listed and shown; None: there is none.
        notices: of what others commit, for the metrics.

    Raises:
        StoreError: the folder of documents cannot be used.
    """
    reads: Reads = database if replica is None else replica.reader(database)
    hub, measures, section = hub or NoAgents(), HttpMeasures(), configuration.api
    folder = ContentFolder(paths.documents, limit=section.document_limit, reserve=section.reserve)
    quotas = Quotas(usual=section.document_quota, own=section.document_quotas)
    documents = Documents(database=database, folder=folder, clock=clock, quotas=quotas)
    await documents.open()

    desk = await sharing_desk(
        configuration, paths, database=database, graph=graph_store, documents=folder, clock=clock
    )
    sharing = SharingView(desk=desk)
    corrections = None if graph_store is None else Corrections.over(graph_store, store=database, clock=clock)

    async def ready() -> None:
        await database.read(lambda connection: None)
        folder.check_room(0)

    routes: list[Routes] = [*access.routes, HealthRoutes(ready=ready), DocumentRoutes(documents=documents)]
    routes += console_routes(
        database=database,
        reads=reads,
        folder=folder,
        outboxes=paths.outboxes,
        gate=access.rules.gate,
        hub=hub,
        live=live,
        scope=configuration.jobs.scope,
        workers=JobWorkers.of_fleet(configuration, database=database),
        sharing=sharing,
        clock=clock,
        graph=graph,
        decisions=decisions,
        corrections=corrections,
    )
    routes += v1_routes(
        database=database,
        reads=reads,
        documents=documents,
        folder=folder,
        outboxes=paths.outboxes,
        gate=access.rules.gate,
        hub=hub,
        scope=configuration.jobs.scope,
        sharing=sharing,
        clock=clock,
        graph=graph,
        decisions=decisions,
        corrections=corrections,
    )
    routes += live.routes(documents=folder)
    routes += await shared_routes(
        configuration, paths, database=database, items=live.items, documents=documents, clock=clock
    )
    figures = Figures(database=database, data=paths.data, outboxes=paths.outboxes, clock=clock, graph=graph)
    metrics = MetricsRoutes(figures=figures, measures=measures, hub=hub, replica=replica, notices=notices)
    routes += [metrics, DescriptionRoutes()]
    return create_app(rules=access.rules, routes=routes, measures=measures)


async def start_api(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    *,
    database: Database,
    live: Live,
    port: int,
    clock: Clock,
    hub: HubView | None = None,
    graph_store: Database | None = None,
    graph: GraphReading | None = None,
    decisions: GraphDecisions | None = None,
    replica: Replica | None = None,
    notices: Notices | None = None,
) -> ApiServer:
    """Return the running API; `port` is where no other is configured, 0 for any free one.

    Raises:
        ConnectionFailedError: it cannot listen, or its certificate cannot be used.
        StoreError: the folder of documents cannot be used.
    """
    section = configuration.api
    access = open_access(section, database=database, clock=clock)
    server = ApiServer(
        app=await compose_api(
            configuration,
            paths,
            database=database,
            clock=clock,
            access=access,
            live=live,
            hub=hub,
            graph_store=graph_store,
            graph=graph,
            decisions=decisions,
            replica=replica,
            notices=notices,
        ),
        host=section.host,
        port=section.port or port,
        certificate=None if section.certificate is None else paths.near(section.certificate),
        key=None if section.key is None else paths.near(section.key),
    )
    await server.start()
    return server
