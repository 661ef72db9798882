"""What others come for: the TAXII server and the MISP feeds, wired from the fleet's configuration."""

from __future__ import annotations

from collections.abc import Sequence

from registry.database import Database
from registry.documents import Documents
from registry.sharing_instance import instance_of
from registry.taxii_posting import TaxiiPosting
from registry.taxii_reading import TaxiiReading
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.sharing.feeds import shared_feeds
from vedette.sharing.taxii.collections import shared_collections
from web.api.application import Routes
from web.api.feeds import FeedRoutes
from web.api.scandale_intake import ItemIntake
from web.api.taxii import TaxiiRoutes
from web.api.taxii_intake import TaxiiIntake


async def shared_routes(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    *,
    database: Database,
    items: ItemIntake,
    documents: Documents,
    clock: Clock,
) -> Sequence[Routes]:
    """Return the routes; they are there even where nothing is shared, and say so.

    Args:
        configuration: the fleet's.
        paths: where it keeps things.
        database: the store.
        items: takes what clients post.
        documents: takes what is too large for an item.
        clock: the time.

    Raises:
        ConfigurationError: a collection cannot be used.
        StoreError: the database failed.
    """
    section = configuration.sharing
    instance = await instance_of(database, configured=section.instance)
    posting = TaxiiPosting(database=database, clock=clock)
    return [
        TaxiiRoutes(
            collections=shared_collections(section.destinations, instance=instance),
            reading=TaxiiReading(database=database),
            posting=posting,
            intake=TaxiiIntake(posting=posting, items=items, documents=documents, clock=clock),
            organisation=section.organisation,
        ),
        FeedRoutes(feeds=shared_feeds(section.destinations, near=paths.file.parent, data=paths.data)),
    ]
