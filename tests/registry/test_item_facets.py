"""What items may be filtered by: every value that occurs, once, and not more than a page can show."""

from __future__ import annotations

from typing import Any

from registry.database import Database
from registry.intake import Intake
from registry.item_facets import MAX_VALUES, Facets


async def test_an_empty_store_has_the_usual_verdict_only(database: Database) -> None:
    facets = await Facets(database=database).read()
    assert (facets.types, facets.agents, facets.verdicts) == ((), (), ("as expected",))


async def test_each_value_is_there_once(database: Database, intake: Intake, sender: Any) -> None:
    items = [sender.item(type=kind) for kind in ("scan", "log", "scan", "flow")]
    items += [sender.item(verdict=verdict) for verdict in ("deviates", "as expected", "deviates", "x" * 600)]
    await intake.commit([sender.deliver(*items)])
    facets = await Facets(database=database).read()
    assert sorted(facets.types) == ["flow", "log", "scan"]
    assert facets.agents == (sender.jid,)
    # A verdict that is too long for an index is found by its own address only.
    assert facets.verdicts == ("as expected", "deviates")


async def test_whoever_invents_types_does_not_fill_the_page(database: Database, intake: Intake, sender: Any) -> None:
    items = [sender.item(type=f"type{number:03}") for number in range(MAX_VALUES + 10)]
    await intake.commit([sender.deliver(*items)])
    assert len((await Facets(database=database).read()).types) == MAX_VALUES
