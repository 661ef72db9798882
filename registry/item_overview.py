"""The items that are wanted, from above: how many, of what kind, and when they came; never counted one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from registry.check_names import MAX_CHECKS
from registry.item_facets import Facet, facets_of
from registry.item_list import ItemsWanted
from registry.item_sample import Sample, sample_of
from registry.item_targets import targets_beginning
from registry.item_timeline import Timeline, is_small, tallied_condition, timeline_of
from registry.reading import Reads
from registry.tally import ALL, KINDS
from registry.tally_reading import most_frequent, total, values_with
from vedette.clock import Clock
from vedette.storable import storable


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemOverview:
    """What there is of the items that are wanted."""

    facets: tuple[Facet, ...]
    """What they can be filtered by further, with how many items have which value."""
    facets_of_newest: int | None
    """Only so many of the newest were counted for the facets; None where all were."""
    timeline: Timeline | None
    """When they came; None where there is nothing to show."""
    items: int | None
    """How many there are; None where that is not known."""


class ItemOverviews:
    """The items of a store, from above."""

    def __init__(self, *, database: Reads, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def read(self, wanted: ItemsWanted) -> ItemOverview:
        """Return what there is of the items that are wanted.

        Raises:
            StoreError: the database failed.
        """
        if any(storable(value) != value for value in wanted.exact.values()):
            # Neither database could hold such a text.
            return ItemOverview(facets=(), facets_of_newest=None, timeline=None, items=0)
        now = self._clock.now()
        return await self._database.read(lambda connection: _overview(connection, wanted, now=now))

    async def named(self, text: str) -> Mapping[str, list[str]]:
        """Return the values with this in them, whatever the case, by what they are of; a bounded number.

        Raises:
            StoreError: the database failed.
        """
        wanted = storable(text).casefold()
        return await self._database.read(
            lambda connection: {kind: values_with(connection, kind, wanted) for kind in KINDS}
        )

    async def checks(self) -> list[str]:
        """Return the checks that most items have, a bounded number.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(
            lambda connection: [value for value, _ in most_frequent(connection, "check", limit=MAX_CHECKS)]
        )

    async def targets(self, beginning: str) -> list[str]:
        """Return targets that begin with this, by name, a bounded number.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: targets_beginning(connection, storable(beginning)))


def _overview(connection: Connection, wanted: ItemsWanted, *, now: int) -> ItemOverview:
    by_time_only = tallied_condition(wanted) == (ALL, "")
    sample = None if by_time_only and not is_small(connection, wanted) else sample_of(connection, wanted)
    return ItemOverview(
        facets=facets_of(connection, wanted, None if by_time_only else sample, now=now),
        facets_of_newest=None if by_time_only or sample is None or sample.is_whole else len(sample.times),
        timeline=timeline_of(connection, wanted, sample, now=now),
        items=_number(connection, wanted, sample),
    )


def _number(connection: Connection, wanted: ItemsWanted, sample: Sample | None) -> int | None:
    if sample is not None and sample.is_whole:
        return len(sample.times)
    condition = tallied_condition(wanted)
    if condition is None or wanted.since is not None or wanted.until is not None:
        return None
    return total(connection, *condition)
