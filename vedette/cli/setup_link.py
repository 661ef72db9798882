"""The link with which the first administrator is made, or with which one gets back in."""

from __future__ import annotations

from registry.database import Database
from registry.setup_links import SetupLinks
from registry.users import Users
from vedette.cli.actor import command_line_actor
from vedette.cli.api_address import api_url
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths


async def first_link(
    configuration: FleetConfiguration, paths: FleetPaths, *, database: Database, clock: Clock
) -> str | None:
    """Return a link as long as there is no administrator, else None.

    Raises:
        StoreError: the store failed.
    """
    if await Users(database=database, clock=clock).has_admin():
        return None
    return await new_link(configuration, paths, database=database, clock=clock, only_first=True)


async def new_link(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    *,
    database: Database,
    clock: Clock,
    only_first: bool = False,
    person: str | None = None,
) -> str:
    """Return a new link that makes an administrator, or sets a person's password; the older one of its kind ends.

    Raises:
        RefusedError: there is no such person, or they are disabled.
        StoreError: the store failed.
    """
    links, by = SetupLinks(database=database, clock=clock), command_line_actor()
    token = await (links.make(by=by, only_first=only_first) if person is None else links.make_for(person, by=by))
    address = api_url(configuration, paths) or "http://ADDRESS-OF-THE-HUB"
    return f"{address}/setup#{token}"
