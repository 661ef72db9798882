"""What items may be filtered by: every value that occurs, with how many have it, not more than a page can show."""

from __future__ import annotations

from typing import Any

import pytest

from registry import item_facets, item_sample
from registry.database import Database
from registry.intake import Intake
from registry.item_list import ItemsWanted
from registry.item_overview import ItemOverview, ItemOverviews
from registry.proof_state import ProofState
from registry.proofs import Proofs
from registry.tally import DAY
from vedette.clock import ManualClock


@pytest.fixture
def overviews(database: Database, clock: ManualClock) -> ItemOverviews:
    return ItemOverviews(database=database, clock=clock)


def values_of(overview: ItemOverview, name: str) -> dict[str, int]:
    """The values of a facet, those that most have first."""
    (facet,) = [one for one in overview.facets if one.name == name]
    return {one.value: one.items for one in facet.values}


async def test_an_empty_store_has_nothing_to_choose(overviews: ItemOverviews) -> None:
    overview = await overviews.read(ItemsWanted())
    assert [facet.values for facet in overview.facets] == [()] * 6
    assert (overview.timeline, overview.items) == (None, 0)


async def test_each_value_is_there_once_with_how_many_have_it(
    overviews: ItemOverviews, intake: Intake, sender: Any
) -> None:
    items = [sender.item(type=kind) for kind in ("scan", "log", "scan", "flow", "scan", "log")]
    items += [sender.item(verdict=verdict) for verdict in ("deviates", "as expected", "deviates", "x" * 600)]
    await intake.commit([sender.deliver(*items)])
    overview = await overviews.read(ItemsWanted())
    assert list(values_of(overview, "type").items()) == [("scan", 7), ("log", 2), ("flow", 1)]
    assert values_of(overview, "agent") == {sender.jid: 10}
    assert values_of(overview, "format") == {"text": 10}
    # A verdict that is too long for an index is found by its own address only.
    assert list(values_of(overview, "verdict")) == ["deviates", "as expected"]
    assert (overview.items, overview.facets_of_newest) == (10, None)


async def test_counts_are_of_what_fits_the_other_conditions(
    overviews: ItemOverviews, intake: Intake, sender: Any
) -> None:
    items = [
        sender.item(type="scan" if number % 2 else "log", verdict="deviates" if number < 4 else "as expected")
        for number in range(12)
    ]
    await intake.commit([sender.deliver(*items)])
    overview = await overviews.read(ItemsWanted(type="scan"))
    assert values_of(overview, "verdict") == {"as expected": 4, "deviates": 2}
    assert overview.items == 6
    both = await overviews.read(ItemsWanted(type="scan", verdict="deviates", state=ProofState.PENDING))
    assert (values_of(both, "type"), both.items) == ({"scan": 2}, 2)
    assert (await overviews.read(ItemsWanted(type="a\0b"))).items == 0


async def test_of_very_many_only_the_newest_are_counted_and_it_says_so(
    overviews: ItemOverviews, intake: Intake, sender: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_sample, "LOOKED_AT", 5)
    old = [sender.item(type="scan", verdict="deviates") for _ in range(4)]
    new = [sender.item(type="scan", verdict="as expected") for _ in range(5)]
    await intake.commit([sender.deliver(*old, received_at=1_795_305_600_000_000)])
    await intake.commit([sender.deliver(*new, received_at=1_795_305_600_000_001)])
    overview = await overviews.read(ItemsWanted(type="scan"))
    assert (values_of(overview, "verdict"), overview.facets_of_newest) == ({"as expected": 5}, 5)
    # How many there are is known all the same.
    assert overview.items == 9


async def test_whoever_invents_types_does_not_fill_the_page(
    overviews: ItemOverviews, intake: Intake, sender: Any
) -> None:
    items = [sender.item(type=f"type{number:03}") for number in range(item_facets.MAX_VALUES + 10)]
    await intake.commit([sender.deliver(*items)])
    overview = await overviews.read(ItemsWanted())
    assert len(values_of(overview, "type")) == item_facets.MAX_VALUES
    assert [facet.more for facet in overview.facets if facet.name == "type"] == [True]


async def test_a_time_is_counted_in_whole_hours_or_days(
    overviews: ItemOverviews, intake: Intake, sender: Any, clock: ManualClock
) -> None:
    start = clock.now() - 20 * DAY
    for day in range(20):
        await intake.commit([sender.deliver(sender.item(type=f"type{day % 2}"), received_at=start + day * DAY)])
    near = await overviews.read(ItemsWanted(since=start + 16 * DAY))
    assert values_of(near, "type") == {"type0": 2, "type1": 2}
    far = await overviews.read(ItemsWanted(since=start + 4 * DAY, until=start + 16 * DAY))
    assert values_of(far, "type") == {"type0": 6, "type1": 6}


@pytest.mark.parametrize(("most", "failed_at_least"), [(5_000, False), (3, False), (2, False), (1, True)])
async def test_how_many_are_proved_is_known_from_the_batches(
    database: Database,
    overviews: ItemOverviews,
    intake: Intake,
    sender: Any,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    failed_at_least: bool,
) -> None:
    """Also where there are more batches of one state than are looked at; of two such states it says "at least"."""
    proofs = Proofs(database=database, engine="engine@localhost", clock=clock)
    await intake.commit([sender.deliver(count=10)])
    for number in range(3):
        batch = await proofs.close_batch(max_items=2)
        assert batch is not None
        if number:
            await proofs.set_failed(batch, "nobody answers")
    monkeypatch.setattr(item_facets, "MAX_BATCHES", most)
    overview = await overviews.read(ItemsWanted())
    (facet,) = [one for one in overview.facets if one.name == "state"]
    found = {one.value: (one.items, one.at_least) for one in facet.values}
    if failed_at_least:
        # Both states have as many batches as are looked at.
        assert found == {"failed": (2, True), "pending": (6, True)}
    else:
        assert found == {"failed": (4, False), "pending": (6, False)}


async def test_names_are_found_by_a_part_and_targets_by_their_beginning(
    overviews: ItemOverviews, intake: Intake, sender: Any
) -> None:
    targets = ["www.example.org", "www.example.net", "mail.example.org", "WWW.example.org", "y" * 600, "www.é"]
    items = [sender.item(target=target, check=f"tls {target[:20]}") for target in targets]
    await intake.commit([sender.deliver(*items)])
    assert sorted(await overviews.targets("www.")) == ["www.example.net", "www.example.org", "www.é"]
    assert await overviews.targets("y") == []
    assert await overviews.targets("%") == []
    named = await overviews.named("MAIL")
    assert named == {"agent": [], "type": [], "format": [], "check": ["tls mail.example.org"], "verdict": []}
    assert (await overviews.named("probe@"))["agent"] == [sender.jid]
    assert await overviews.targets("a\0\ud800") == []
