"""Given timelines as local servers of the X and Mastodon APIs speak them, then each post comes once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.vedette.collection.rig import Rig, payload, source
from tests.vedette.fetching.origin import Answer, Origin, reply
from vedette.canonical import canonical_json, parse_json
from vedette.collection.collectors.x import ADDRESS, X
from vedette.collection.interface import CollectorCatalogue

Query = dict[str, str]
NOT_HERE = reply(b"not here", status="404 Not Found")


class Api(Origin):
    """An API: functions of the query, by path; what was asked for is kept, robots.txt included."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, Callable[[Query], Any]] = {}
        self.headers: dict[str, str] = {}
        self.answers = _Answers(self)

    @property
    def asked(self) -> list[tuple[str, Query]]:
        """Paths and queries."""
        parts = [urlsplit(one.path) for one in self.requests]
        return [(part.path, {name: value[0] for name, value in parse_qs(part.query).items()}) for part in parts]

    def answer(self, path: str) -> Answer:
        make = self.pages.get(path)

        async def answer(writer: asyncio.StreamWriter) -> None:
            body = make(self.asked[-1][1]) if make is not None else None
            if body is None:
                await reply(b"{}", status="400 Bad Request")(writer)
            else:
                await reply(canonical_json(body), Content_Type="application/json", **self.headers)(writer)

        return answer if make is not None else NOT_HERE


class _Answers(dict[str, Answer]):
    def __init__(self, api: Api) -> None:
        super().__init__()
        self._api = api

    def get(self, path: str, default: Answer) -> Answer:  # type: ignore[override]
        return self._api.answer(urlsplit(path).path)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    made = Api()
    await made.start()
    yield made
    await made.stop()


async def posts(rig: Rig, key: str | None = None) -> list[str]:
    """The posts' identifiers, in the order in which they came."""
    pages = [parse_json(payload(item)) for item in await rig.items()]
    return [one["id"] for page in pages for one in (page if key is None else page[key])]


# X -----------------------------------------------------------------------------------


def search(timeline: list[int]) -> Callable[[Query], Any]:
    """The recent search over posts, two a page."""

    def answer(query: Query) -> Any:
        found = [one for one in sorted(timeline, reverse=True) if one > int(query.get("since_id", 0))]
        start = int(query.get("next_token", "t0")[1:])
        page = found[start : start + 2]
        meta: dict[str, Any] = {"result_count": len(page)}
        if page:
            meta |= {"newest_id": str(page[0]), "oldest_id": str(page[-1])}
        if start + 2 < len(found):
            meta["next_token"] = f"t{start + 2}"
        return {"data": [{"id": str(one), "text": "x"} for one in page], "meta": meta} if page else {"meta": meta}

    return answer


def recent(rig: Rig, number: int) -> int:
    """The identifier of a post of a moment ago: its time is in it."""
    return ((rig.clock.now() // 1_000 - 1_288_834_974_657 - 60_000) << 22) + number


async def test_a_search_is_walked_down_to_what_is_known(api: Api, rig: Rig) -> None:
    timeline = [recent(rig, number) for number in range(5)]
    api.pages["/2/tweets/search/recent"] = search(timeline)
    (rig.folder / "token").write_text("secret-token\n")
    what = source(api.url("/2/tweets/search/recent#@alice"), "X", api_key_file="token")
    report = await rig.run(what)
    assert (report.counts["items"], report.complete) == (3, True)
    assert [query["query"] for _, query in api.asked] == ["from:alice"] * 3
    assert {one.fields["authorization"] for one in api.requests} == {"Bearer secret-token"}
    timeline.append(recent(rig, 9))
    api.requests.clear()
    assert (await rig.run(what)).counts["items"] == 1
    assert [query["since_id"] for _, query in api.asked] == [str(timeline[4])]
    assert (await rig.run(what)).counts["items"] == 0
    assert await posts(rig, "data") == [str(one) for one in (*reversed(timeline[:5]), timeline[5])]
    assert "secret-token" not in str(await rig.items())


async def test_a_walk_that_was_cut_off_goes_on_and_one_whose_pages_expired_begins_anew(api: Api, rig: Rig) -> None:
    timeline = [recent(rig, number) for number in range(5)]
    answer = search(timeline)
    api.pages["/s"] = answer
    (rig.folder / "token").write_text("t")
    what = source(api.url("/s#words"), "X", api_key_file="token", max_pages=1)
    assert not (await rig.run(what)).complete
    assert not (await rig.run(what)).complete
    assert (await rig.run(what)).complete
    assert await posts(rig, "data") == [str(one) for one in reversed(timeline)]
    # New ones, and the name of the second page is not known any more.
    timeline += [recent(rig, 10 + number) for number in range(3)]
    await rig.run(what)
    api.pages["/s"] = lambda query: None if "next_token" in query else answer(query)
    assert not (await rig.run(what)).complete
    api.requests.clear()
    await rig.run(what)
    assert "next_token" not in api.asked[0][1]


async def test_what_the_search_does_not_reach_back_to_is_not_asked_for(api: Api, rig: Rig) -> None:
    api.pages["/s"] = search([5])
    (rig.folder / "token").write_text("t")
    what = source(api.url("/s#%23tag"), "X", api_key_file="token")
    await rig.run(what)
    await rig.run(what)
    assert [("since_id" in query, query["query"]) for _, query in api.asked] == [(False, "#tag")] * 2


@pytest.mark.parametrize("uri", ["@alice", "#hashtag", "two words"])
def test_what_is_asked_of_the_real_one(uri: str) -> None:
    what = source(uri, "X", api_key_file="token")
    assert X().objection(what) is None
    assert "api-key-file" in (X().objection(source(uri, "X")) or "")
    assert ADDRESS.startswith("https://api.x.com/2/")


# Mastodon ----------------------------------------------------------------------------


def statuses(timeline: list[int]) -> Callable[[Query], Any]:
    """A timeline, two posts a page."""

    def answer(query: Query) -> Any:
        below = int(query.get("max_id", 10**9))
        found = [one for one in sorted(timeline, reverse=True) if int(query.get("since_id", 0)) < one < below]
        return [{"id": str(one), "content": "x"} for one in found[:2]]

    return answer


async def test_a_hashtag_and_an_account(api: Api, rig: Rig) -> None:
    timeline = [1, 2, 3]
    api.pages["/api/v1/timelines/tag/infosec"] = statuses(timeline)
    api.pages["/api/v1/accounts/lookup"] = lambda query: (
        {"id": "77"} if query == {"acct": "bob@other.example"} else None
    )
    api.pages["/api/v1/accounts/77/statuses"] = statuses([11])
    tag = source(api.url("/tags/infosec"), "MASTODON")
    account = source(api.url("/@bob@other.example"), "MASTODON")
    await rig.run(tag)
    assert await posts(rig) == ["3", "2", "1"]
    timeline += [4]
    await rig.run(tag)
    await rig.run(account)
    await rig.run(account)
    assert await posts(rig) == ["3", "2", "1", "4", "11"]
    paths = [path for path, _ in api.asked]
    # The account is looked up once, and robots.txt is for crawlers.
    assert paths.count("/api/v1/accounts/lookup") == 1
    assert "/robots.txt" not in paths


async def test_the_first_walk_ends_where_it_has_enough(api: Api, rig: Rig) -> None:
    api.pages["/api/v1/timelines/tag/a"] = statuses(list(range(1, 100)))
    what = source(api.url("/tags/a"), "MASTODON", max_entries=4)
    assert (await rig.run(what)).complete
    assert await posts(rig) == ["99", "98", "97", "96"]
    assert (await rig.run(what)).counts["items"] == 0


@pytest.mark.parametrize("body", [{"error": "x"}, [1], [{"no": "id"}]], ids=["object", "numbers", "no id"])
async def test_what_is_no_timeline_is_told(api: Api, rig: Rig, body: Any) -> None:
    api.pages["/api/v1/timelines/tag/a"] = lambda _: body
    report = await rig.run(source(api.url("/tags/a"), "MASTODON"))
    assert (report.counts["errors"], report.counts["items"], report.complete) == (1, 0, False)


async def test_an_account_that_is_not_there(api: Api, rig: Rig) -> None:
    api.pages["/api/v1/accounts/lookup"] = lambda _: {"id": "../../x"}
    report = await rig.run(source(api.url("/@bob"), "MASTODON"))
    assert "names no account" in report.problems[0]
    assert not report.complete


@pytest.mark.parametrize("uri", ["https://h.example/", "ftp://h.example/tags/a", "https:///tags/a"])
def test_what_is_no_timeline_is_refused(uri: str) -> None:
    collector = CollectorCatalogue().collector(source("https://h.example/tags/a", "MASTODON"), place="test")
    assert "source-URI" in (collector.objection(source(uri, "MASTODON")) or "")
