"""The API of a fleet's hub: wired from its configuration and its open store, and started."""

from __future__ import annotations

from registry.content import ContentFolder
from registry.database import Database
from registry.documents import Documents
from registry.keys import Keys
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from web.api.access import Rules
from web.api.application import Routes, create_app
from web.api.documents import DocumentRoutes
from web.api.health import HealthRoutes
from web.api.server import ApiServer


async def start_api(
    configuration: FleetConfiguration, paths: FleetPaths, *, database: Database, port: int, clock: Clock
) -> ApiServer:
    """Return the running API; `port` is where no other is configured, 0 for any free one.

    Raises:
        ConnectionFailedError: it cannot listen, or its certificate cannot be used.
        StoreError: the folder of documents cannot be used.
    """
    section = configuration.api
    folder = ContentFolder(paths.documents, limit=section.document_limit, reserve=section.reserve)
    documents = Documents(database=database, folder=folder, clock=clock)
    await documents.open()

    async def ready() -> None:
        await database.read(lambda connection: None)
        folder.check_room(0)

    routes: list[Routes] = [HealthRoutes(ready=ready), DocumentRoutes(documents=documents)]
    server = ApiServer(
        app=create_app(rules=Rules(keys=Keys(database=database, clock=clock)), routes=routes),
        host=section.host,
        port=section.port or port,
        certificate=None if section.certificate is None else paths.near(section.certificate),
        key=None if section.key is None else paths.near(section.key),
    )
    await server.start()
    return server
