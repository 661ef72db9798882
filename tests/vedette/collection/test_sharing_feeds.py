"""Given TAXII collections and MISP feeds on local servers, then what is new comes once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.vedette.collection.rig import Rig, counts, payload, source
from tests.vedette.collection.test_social import Api, Query
from vedette.canonical import parse_json
from vedette.collection.interface import CollectorCatalogue

OBJECTS = "/api/collections/91a7b528-80eb-42ed-a74d-c6fbd5a26116/objects/"
COLLECTION = OBJECTS.removesuffix("objects/")


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    made = Api()
    await made.start()
    yield made
    await made.stop()


class Collection:
    """A collection as TAXII 2.1 has it, two objects a page."""

    def __init__(self, api: Api, *, names_pages: bool = True) -> None:
        self.api = api
        self.names_pages = names_pages
        self.added: list[str] = []
        api.pages[OBJECTS] = self.page

    def add(self, *minutes: int) -> None:
        self.added += [f"2026-11-22T10:{minute:02}:00.000000Z" for minute in minutes]

    def page(self, query: Query) -> Any:
        found = [at for at in self.added if at > query.get("added_after", "")]
        start = int(query.get("next", "0"))
        page = found[start : start + 2]
        self.api.headers = {"X_TAXII_Date_Added_Last": page[-1]} if page else {}
        envelope: dict[str, Any] = {"more": start + 2 < len(found)}
        if envelope["more"] and self.names_pages:
            envelope["next"] = str(start + 2)
        return envelope | ({"objects": [{"id": at} for at in page]} if page else {})


async def objects(rig: Rig) -> list[str]:
    return [one["id"][14:16] for item in await rig.items() for one in parse_json(payload(item))["objects"]]


@pytest.mark.parametrize("names_pages", [True, False], ids=["by name", "by time"])
async def test_a_collection_is_read_on_by_the_time_of_adding(api: Api, rig: Rig, names_pages: bool) -> None:
    collection = Collection(api, names_pages=names_pages)
    collection.add(1, 2, 3, 4, 5)
    (rig.folder / "key").write_text("user:secret-password")
    what = source(api.url(COLLECTION), "TAXII", api_key_file="key")
    report = await rig.run(what)
    assert (report.counts["items"], report.complete) == (3, True)
    assert api.requests[0].fields["accept"] == "application/taxii+json;version=2.1"
    assert api.requests[0].fields["authorization"].startswith("Basic ")
    collection.add(6)
    await rig.run(what)
    assert (await rig.run(what)).counts["items"] == 0
    assert await objects(rig) == ["01", "02", "03", "04", "05", "06"]
    assert "secret-password" not in str(await rig.items())


async def test_a_walk_that_was_cut_off_goes_on(api: Api, rig: Rig) -> None:
    collection = Collection(api)
    collection.add(1, 2, 3, 4, 5)
    what = source(api.url(COLLECTION), "TAXII", max_pages=1)
    for complete in (False, False, True):
        assert (await rig.run(what)).complete is complete
    assert await objects(rig) == ["01", "02", "03", "04", "05"]


async def test_a_server_that_says_more_for_ever_is_told(api: Api, rig: Rig) -> None:
    api.pages[OBJECTS] = lambda _: {"more": True, "objects": [{"id": "x"}]}
    report = await rig.run(source(api.url(COLLECTION), "TAXII"))
    assert "says that there is more, and not where" in report.problems[0]
    assert len(api.requests) == 1
    api.pages[OBJECTS] = lambda _: {"objects": "none"}
    report = await rig.run(source(api.url(COLLECTION), "TAXII"))
    assert "is no TAXII 2.1 envelope" in report.problems[0]


# MISP --------------------------------------------------------------------------------

UUIDS = [f"5a1b2c3d-0000-4000-8000-{number:012}" for number in range(3)]


def serve(api: Api, **timestamps: int) -> None:
    """A feed with events of these times."""
    events = dict(zip(UUIDS, timestamps.values(), strict=False))
    api.pages["/feed/manifest.json"] = lambda _: {
        uuid: {"timestamp": str(at), "info": "x"} for uuid, at in events.items()
    }
    for uuid, at in events.items():
        api.pages[f"/feed/{uuid}.json"] = lambda _, uuid=uuid, at=at: {"Event": {"uuid": uuid, "timestamp": str(at)}}


async def test_only_events_that_the_manifest_says_are_newer_are_asked_for(api: Api, rig: Rig) -> None:
    what = source(api.url("/feed/"), "MISP")
    serve(api, a=300, b=20)
    assert counts(await rig.run(what)) == {"fetched": 3, "items": 2, "new": 3}
    api.requests.clear()
    await rig.run(what)
    assert [path for path, _ in api.asked] == ["/feed/manifest.json"]
    serve(api, a=300, b=400, c=1)
    api.requests.clear()
    await rig.run(what)
    assert [path for path, _ in api.asked] == [
        "/feed/manifest.json",
        f"/feed/{UUIDS[2]}.json",
        f"/feed/{UUIDS[1]}.json",
    ]
    stamps = [parse_json(payload(item))["Event"]["timestamp"] for item in await rig.items()]
    # Oldest first.
    assert stamps == ["20", "300", "1", "400"]


async def test_what_is_left_over_comes_with_the_next_run(api: Api, rig: Rig) -> None:
    serve(api, a=1, b=2, c=3)
    what = source(api.url("/feed/manifest.json"), "MISP", max_entries=2)
    assert not (await rig.run(what)).complete
    report = await rig.run(what)
    assert (report.counts["items"], report.complete) == (1, True)


@pytest.mark.parametrize(
    "manifest", [[], {"../../secret": {"timestamp": "1"}}, {UUIDS[0]: "x"}], ids=["list", "path", "text"]
)
async def test_what_is_no_manifest_is_told(api: Api, rig: Rig, manifest: Any) -> None:
    api.pages["/feed/manifest.json"] = lambda _: manifest
    report = await rig.run(source(api.url("/feed"), "MISP"))
    assert "is no manifest of a MISP feed" in report.problems[0]
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    ("kind", "uri"), [("TAXII", "https://h/api/"), ("MISP", "file:///etc"), ("MISP", "https://")]
)
def test_what_is_no_address_is_refused(kind: str, uri: str) -> None:
    fine = {"TAXII": f"https://h{COLLECTION}", "MISP": "https://h/feed"}[kind]
    collector = CollectorCatalogue().collector(source(fine, kind), place="test")
    assert "source-URI" in (collector.objection(source(uri, kind)) or "")
