"""Round trips: investigations into our own collections, from there to clients, collectors and other fleets."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registry.callers import Scope
from tests.sharing_cases import CASES, empty, hostile, large, scanned
from tests.sharing_memory import KeptMemory, connect
from tests.vedette.collection.rig import Rig, payload, source
from tests.web.api.shared_room import Room, shared_room
from vedette.canonical import canonical_json, parse_json
from vedette.collection.collectors import taxii
from vedette.collection.content import ProcessingLimits
from vedette.collection.isolation import Isolation
from vedette.configuration.sharing import SharingSection
from vedette.errors import ConfigurationError
from vedette.extraction.stix.bundle import BundleReader
from vedette.sharing.exporter import Destination, ExporterCatalogue, ExportError, Outfit
from vedette.sharing.stix.objects import stix_objects
from vedette.sharing.taxii.exporter import CollectionExporter, TaxiiExporter

SHARING = SharingSection.model_validate(
    {
        "destinations": [
            {"name": "open", "exporter": "collection", "title": "For all"},
            {"name": "inbox", "exporter": "collection", "write": True},
        ]
    }
)


@pytest.fixture
async def room(migrated: Path, tmp_path: Path) -> AsyncIterator[Room]:
    """A hub with two collections."""
    async with shared_room(migrated, tmp_path, SHARING) as served:
        yield served


def filler(room: Room, name: str = "open", **settings: Any) -> Destination:
    """A collection as a destination of exports."""
    outfit = Outfit(
        clock=room.clock,
        name=name,
        settings=settings,
        folder=Path(),
        memory=KeptMemory(),
        collections=room.filling,
    )
    return CollectionExporter().connect(outfit)


async def held(room: Room, alias: str = "open", **query: str) -> list[dict[str, Any]]:
    """What a collection shows."""
    found: list[dict[str, Any]] = []
    async with await room.client(Scope.SHARE) as client:
        following: dict[str, str] = {}
        while True:
            where = f"/taxii2/shared/collections/{alias}/objects/"
            page = (await client.get(where, params={**query, **following})).json()
            found += page.get("objects", [])
            if not page.get("more"):
                return found
            following = {"next": page["next"]}


def by_id(objects: Any) -> list[bytes]:
    """Objects in one order, to compare."""
    return sorted(canonical_json(dict(one)) for one in objects)


async def test_a_collection_holds_what_an_investigation_says_to_the_byte(room: Room) -> None:
    there = filler(room)
    for name, make in CASES.items():
        plan = await there.plan(make())
        done = await there.send(make(), only=plan.digest)
        assert (done.sent, done.requests) == (plan.total, int(plan.total > 0)), name
        again = await there.send(make())
        assert (again.sent, again.requests, (await there.plan(make())).total) == (0, 0, 0), name

    one = filler(room, "inbox")
    await one.send(scanned())
    assert by_id(await held(room, "inbox")) == by_id(stix_objects(scanned()))


async def test_a_plan_shows_what_changes_and_another_is_not_carried_out(room: Room) -> None:
    there = filler(room)
    await there.send(scanned())
    changed = replace(scanned(), title="Another title")
    plan = await there.plan(changed)
    assert [(one.action, "Another title" in one.what) for one in plan.changes] == [("change", True)]

    with pytest.raises(ExportError, match="approve that"):
        await there.send(replace(scanned(), title="A third"), only=plan.digest)
    assert (await there.plan(changed)).digest == plan.digest
    assert (await there.send(changed, only=plan.digest)).sent == 1


async def test_what_is_empty_now_is_revoked(room: Room) -> None:
    there = filler(room)
    await there.send(scanned())
    nothing = replace(empty(), instance=scanned().instance, key=scanned().key)
    done = await there.send(nothing)

    left = await held(room)
    assert done.sent > 0
    still = {one["id"] for one in stix_objects(nothing)}
    assert all(one.get("revoked") is True for one in left if one["id"] not in still)


async def test_a_collector_of_another_fleet_reads_it_and_goes_on_where_it_was(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taxii, "PAGE", 100)
    many = large(350, edges=False)
    await filler(room).send(many)
    (tmp_path / "key").write_text(await room.key(Scope.SHARE))
    async with Isolation(limits=ProcessingLimits(seconds=60), workers=1) as isolation:
        rig = Rig(tmp_path, isolation=isolation)
        await rig.open()
        try:
            what = source(f"{room.root}collections/open/", "TAXII", api_key_file="key")
            assert (await rig.run(what)).complete
            pages = [parse_json(payload(item))["objects"] for item in await rig.items()]
            assert len(pages) > 3
            assert by_id(one for page in pages for one in page) == by_id(stix_objects(many))

            assert (await rig.run(what)).complete
            assert len(await rig.items()) == len(pages)

            await filler(room).send(hostile())
            assert (await rig.run(what)).complete
            later = (await rig.items())[len(pages) :]
            known = {one["id"] for page in pages for one in page}
            fresh = [one for one in stix_objects(hostile()) if one["id"] not in known]
            assert by_id(one for item in later for one in parse_json(payload(item))["objects"]) == by_id(fresh)
        finally:
            await rig.close()


async def test_the_push_client_of_another_fleet_fills_it_and_an_item_is_made(room: Room, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(await room.key(Scope.INGEST, Scope.SHARE, name="other fleet"))
    settings = {"url": f"{room.root}collections/inbox/", "key_file": "key"}
    memory = KeptMemory()
    there = connect(TaxiiExporter(), tmp_path, memory=memory, **settings)
    try:
        assert "inbox" in await there.check()
        done = await there.send(scanned())
        assert done.withheld == []
        assert (await there.send(scanned())).requests == 0
        memory.values.clear()
        assert (await there.send(scanned())).withheld == []
    finally:
        await there.aclose()

    assert by_id(await held(room, "inbox")) == by_id(stix_objects(scanned()))
    [item] = await room.items()
    subgraph = BundleReader(base64.b64decode(item["payload"]["raw"])).read()
    assert "192.0.2.7" in {vertex.name for vertex in subgraph.vertices.values()}


def test_it_needs_the_hubs_collections(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="where the store is"):
        connect(CollectionExporter(), tmp_path)


async def test_settings_are_checked(room: Room) -> None:
    with pytest.raises(ConfigurationError, match=r"sharing\.destinations\.open: colour"):
        filler(room, colour="blue")
    with pytest.raises(ConfigurationError, match="keys"):
        filler(room, keys="acme")


def test_both_are_found_by_name() -> None:
    names = ExporterCatalogue().names
    assert {"collection", "taxii"} <= set(names)
