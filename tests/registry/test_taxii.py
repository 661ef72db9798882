"""Collections of the TAXII server in the store: filled by investigations, read in pages, in both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from registry.database import Database
from registry.taxii import TaxiiCollections
from registry.taxii_reading import MAX_PAGE, TaxiiReading, Wanted
from registry.taxii_rows import MAX_VERSIONS
from vedette.clock import ManualClock

ONE, TWO = "feed", "partners"
SEEN = "2026-11-20T10:00:00.000Z"
LATER = "2026-11-21T10:00:00.000Z"
AMBER = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"

ALL = Wanted(versions=frozenset({"all"}))


def malware(number: int, *, modified: str = SEEN, **more: Any) -> dict[str, Any]:
    """An object that has versions."""
    id = f"malware--00000000-0000-4000-8000-{number:012x}"
    return {
        "type": "malware",
        "spec_version": "2.1",
        "id": id,
        "created": SEEN,
        "modified": modified,
        "name": f"Thing {number}",
        "is_family": False,
        **more,
    }


def address(number: int, **more: Any) -> dict[str, Any]:
    """An observable, which has none."""
    id = f"ipv4-addr--00000000-0000-5000-8000-{number:012x}"
    return {"type": "ipv4-addr", "spec_version": "2.1", "id": id, "value": f"192.0.2.{number}", **more}


@pytest.fixture
def collections(database: Database, clock: ManualClock) -> TaxiiCollections:
    """The collections of an empty store."""
    return TaxiiCollections(database=database, clock=clock)


async def everything(
    database: Database, wanted: Wanted = ALL, *, name: str = ONE, limit: int = MAX_PAGE
) -> list[dict[str, Any]]:
    """Return all objects of a collection, page after page, as a client reads them."""
    reading, found, after = TaxiiReading(database=database), [], wanted.after
    while True:
        step = Wanted(ids=wanted.ids, types=wanted.types, versions=wanted.versions, after=after)
        page = await reading.page(name, step, limit=limit, bodies=True)
        found += [orjson.loads(one.body) for one in page.versions]
        if not page.more:
            return found
        after = page.versions[-1].date_added


async def current(database: Database, *, name: str = ONE) -> dict[str, dict[str, Any]]:
    """Return the last versions by id."""
    return {one["id"]: one for one in await everything(database, Wanted(), name=name)}


async def test_what_is_put_in_comes_out_and_the_same_again_changes_nothing(
    database: Database, collections: TaxiiCollections
) -> None:
    objects = [malware(1), address(2), malware(3)]

    assert await collections.compare(ONE, "a", objects) == [("add", one["id"]) for one in objects]
    assert await collections.replace(ONE, "a", objects) == (3, 0, 0)
    assert await collections.compare(ONE, "a", objects) == []
    assert await collections.replace(ONE, "a", objects) == (0, 0, 0)

    assert await everything(database) == objects
    assert await everything(database, name=TWO) == []


async def test_a_change_is_a_new_version_with_a_later_time_even_where_the_statement_has_the_same(
    database: Database, collections: TaxiiCollections
) -> None:
    await collections.replace(ONE, "a", [malware(1)])

    assert await collections.replace(ONE, "a", [malware(1, name="Other")]) == (0, 1, 0)
    assert await collections.replace(ONE, "a", [malware(1, name="Third", modified=LATER)]) == (0, 1, 0)

    first, second, third = await everything(database)
    assert [first["modified"], second["modified"], third["modified"]] == [SEEN, "2026-11-20T10:00:00.001Z", LATER]
    assert (await current(database))[first["id"]] == third
    assert await everything(database, Wanted(versions=frozenset({"first"}))) == [first]
    assert await everything(database, Wanted(versions=frozenset({"first", "last"}))) == [first, third]


async def test_a_changed_observable_replaces_the_one_before(
    database: Database, collections: TaxiiCollections
) -> None:
    await collections.replace(ONE, "a", [address(1)])
    await collections.replace(ONE, "a", [address(1, defanged=True)])

    assert await everything(database) == [address(1, defanged=True)]


async def test_what_nobody_says_any_more_is_revoked_or_taken_away(
    database: Database, collections: TaxiiCollections, clock: ManualClock
) -> None:
    await collections.replace(ONE, "a", [malware(1), address(2)])
    assert await collections.compare(ONE, "a", []) == [("remove", address(2)["id"]), ("remove", malware(1)["id"])]

    assert await collections.replace(ONE, "a", []) == (0, 0, 2)

    [last] = (await current(database)).values()
    assert (last["id"], last["revoked"]) == (malware(1)["id"], True)
    assert last["modified"] > SEEN
    assert await collections.replace(ONE, "a", []) == (0, 0, 0)


async def test_what_comes_back_has_another_id_and_references_follow(
    database: Database, collections: TaxiiCollections
) -> None:
    link = {
        "type": "relationship",
        "spec_version": "2.1",
        "id": "relationship--00000000-0000-4000-8000-000000000009",
        "created": SEEN,
        "modified": SEEN,
        "relationship_type": "communicates-with",
        "source_ref": malware(1)["id"],
        "target_ref": address(2)["id"],
    }
    said = [link, malware(1), address(2)]
    for _ in range(2):
        await collections.replace(ONE, "a", said)
        await collections.replace(ONE, "a", [])
    await collections.replace(ONE, "a", said)

    now = await current(database)
    alive = {one["type"]: one for one in now.values() if not one.get("revoked")}
    assert sorted(alive) == ["ipv4-addr", "malware", "relationship"]
    assert alive["malware"]["id"] != malware(1)["id"]
    assert alive["relationship"]["source_ref"] == alive["malware"]["id"]
    assert alive["relationship"]["target_ref"] == address(2)["id"] == alive["ipv4-addr"]["id"]
    assert len(now) == 7  # twice revoked and once alive; the observable is the same
    assert await collections.replace(ONE, "a", said) == (0, 0, 0)
    # STIX 2.1, section 3.2: of what was revoked there is never a version again.
    for id, last in now.items():
        versions = await everything(database, Wanted(ids=frozenset({id}), versions=frozenset({"all"})))
        assert [one for one in versions if one.get("revoked")] in ([], [last])


async def test_two_investigations_do_not_take_turns(database: Database, collections: TaxiiCollections) -> None:
    mine, theirs = malware(1, name="Mine"), malware(1, name="Theirs")
    await collections.replace(ONE, "a", [mine])

    for _ in range(2):
        assert await collections.replace(ONE, "b", [theirs]) == (0, 0, 0)
        assert await collections.replace(ONE, "a", [mine]) == (0, 0, 0)
    assert (await current(database))[mine["id"]] == mine

    # The one whose word it was goes: the other's counts, as soon as it says it again.
    await collections.replace(ONE, "a", [])
    assert "revoked" not in (await current(database))[mine["id"]]
    assert await collections.replace(ONE, "b", [theirs]) == (0, 1, 0)
    assert (await current(database))[mine["id"]]["name"] == "Theirs"
    await collections.replace(ONE, "b", [])
    assert (await current(database))[mine["id"]]["revoked"] is True


async def test_the_strictest_marking_of_all_who_say_it_stays(
    database: Database, collections: TaxiiCollections
) -> None:
    await collections.replace(ONE, "a", [malware(1, object_marking_refs=[GREEN])])

    assert await collections.replace(ONE, "b", [malware(1, object_marking_refs=[AMBER])]) == (0, 1, 0)
    assert await collections.replace(ONE, "a", [malware(1, name="New", object_marking_refs=[GREEN])]) == (0, 1, 0)

    [last] = (await current(database)).values()
    assert (last["name"], last["object_marking_refs"]) == ("New", [AMBER])


async def test_only_so_many_versions_are_kept(database: Database, collections: TaxiiCollections) -> None:
    for number in range(MAX_VERSIONS + 5):
        await collections.replace(ONE, "a", [malware(1, name=f"Name {number}")])

    versions = await everything(database)
    assert [one["name"] for one in versions] == [f"Name {number}" for number in range(5, MAX_VERSIONS + 5)]
    assert await everything(database, Wanted(versions=frozenset({"first"}))) == versions[:1]


async def test_a_reader_misses_nothing_while_objects_are_added_and_changed(
    database: Database, collections: TaxiiCollections, clock: ManualClock
) -> None:
    await collections.replace(ONE, "a", [malware(number) for number in range(30)])
    reading, seen, after = TaxiiReading(database=database), {}, -1
    for turn in range(100):
        page = await reading.page(ONE, Wanted(after=after), limit=4, bodies=True)
        seen |= {one.object_id: orjson.loads(one.body) for one in page.versions}
        after = page.versions[-1].date_added if page.versions else after
        if turn < 10:
            # The clock stands still, and goes back once: the order of additions does not.
            clock.jump(-3_600 if turn == 3 else 0)
            await collections.replace(ONE, f"turn {turn}", [malware(100 + turn)])
            changed = [
                malware(number, name=f"Changed {turn}") if number < turn else malware(number) for number in range(30)
            ]
            await collections.replace(ONE, "a", changed)
        elif not page.more:
            break

    assert seen == await current(database)


async def test_writers_of_several_collections_and_groups_at_once_give_one_order(
    database: Database, collections: TaxiiCollections
) -> None:
    await asyncio.gather(
        *(
            collections.replace(name, f"group {group}", [malware(10 * group + number) for number in range(10)])
            for group in range(5)
            for name in (ONE, TWO)
        )
    )

    for name in (ONE, TWO):
        page = await TaxiiReading(database=database).page(name, ALL, limit=MAX_PAGE, bodies=False)
        assert len({one.date_added for one in page.versions}) == 50


async def test_two_processes_write_into_one_collection(store_url: str, clock: ManualClock) -> None:
    """An agent of its own fills what the hub takes posts for."""
    with Database(store_url) as one, Database(store_url) as two:
        filling = [TaxiiCollections(database=each, clock=clock) for each in (one, two)]
        await asyncio.gather(
            *(
                each.replace(ONE, f"group {number} {round}", [malware(number), malware(100 + round), address(round)])
                for round in range(8)
                for number, each in enumerate(filling)
            )
        )
        page = await TaxiiReading(database=two).page(ONE, ALL, limit=MAX_PAGE, bodies=False)
    assert sorted({one.object_id for one in page.versions}) == sorted(
        {malware(number)["id"] for number in (0, 1, *range(100, 108))} | {address(round)["id"] for round in range(8)}
    )
    assert len(page.versions) == 18


async def test_filters(database: Database, collections: TaxiiCollections) -> None:
    await collections.replace(ONE, "a", [malware(1), address(2), malware(3, modified=LATER)])

    async def ids(**wanted: Any) -> list[str]:
        return [one["id"] for one in await everything(database, Wanted(**wanted))]

    assert await ids(types=frozenset({"malware"})) == [malware(1)["id"], malware(3)["id"]]
    assert await ids(ids=frozenset({address(2)["id"]})) == [address(2)["id"]]
    assert await ids(types=frozenset({"malware"}), ids=frozenset({address(2)["id"]})) == []
    assert await ids(versions=frozenset({1_795_255_200_000_000})) == [malware(3)["id"]]


async def test_an_interrupted_filling_is_finished_by_the_next_one(
    database: Database, collections: TaxiiCollections
) -> None:
    objects = [malware(number) for number in range(600)]

    def cut() -> Any:
        yield from objects[:550]
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        await collections.replace(ONE, "a", cut())
    there = len(await everything(database))
    assert 0 < there < 600

    assert await collections.replace(ONE, "a", objects) == (600 - there, 0, 0)
    assert sorted(one["id"] for one in await everything(database)) == sorted(one["id"] for one in objects)
