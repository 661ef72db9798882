"""Given NVD's API 2.0 as a local server speaks it, when it is collected, then pages and windows follow each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.vedette.collection.local_web import NO_ROBOTS, page
from tests.vedette.collection.rig import Rig, payload, source
from tests.vedette.fetching.origin import Answer, Origin, reply
from vedette.canonical import canonical_json, parse_json
from vedette.clock import ManualClock
from vedette.collection.collectors import nvd
from vedette.collection.isolation import Isolation

API = "/rest/json/cves/2.0"
DAY = 86_400


class Nvd(Origin):
    """The API: so many records whenever they were changed, some at a time."""

    total = 5
    failing = False

    @property
    def queries(self) -> list[dict[str, str]]:
        """What was asked for."""
        asked = [one.path for one in self.requests if one.path.startswith(API)]
        return [{name: value[0] for name, value in parse_qs(urlsplit(path).query).items()} for path in asked]

    def answer(self) -> Answer:
        async def answer(writer: asyncio.StreamWriter) -> None:
            query = self.queries[-1]
            start = int(query["startIndex"])
            if self.failing and start:
                await reply(status="500 Oops")(writer)
                return
            total = self.total if "lastModStartDate" not in query else 1
            found = [{"cve": {"id": f"CVE-{number}"}} for number in range(start, min(start + 2, total))]
            body = {"resultsPerPage": 2, "startIndex": start, "totalResults": total, "vulnerabilities": found}
            await reply(canonical_json(body), Content_Type="application/json")(writer)

        return answer


class _Answers(dict[str, Answer]):
    """Whatever is asked of the API is answered by it, whatever the query."""

    def __init__(self) -> None:
        super().__init__()
        self.server: Nvd | None = None

    def get(self, path: str, default: Answer) -> Answer:  # type: ignore[override]
        return self.server.answer() if self.server is not None and path.startswith(API) else NO_ROBOTS


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Nvd]:
    monkeypatch.setattr(nvd, "PAGE", 2)
    answers = _Answers()
    server = answers.server = Nvd(answers=answers)
    await server.start()
    yield server
    await server.stop()


async def test_all_then_what_changed(api: Nvd, tmp_path: Path, isolation: Isolation) -> None:
    clock = ManualClock()
    rig = Rig(tmp_path, isolation=isolation, clock=clock)
    await rig.open()
    key = tmp_path / "key"
    key.write_text("secret-key\n")
    what = source(api.url(API), "NVD", api_key_file="key", source_name="nvd")
    try:
        report = await rig.run(what)
        assert (report.counts["items"], report.complete) == (3, True)
        assert [query["startIndex"] for query in api.queries] == ["0", "2", "4"]
        assert "lastModStartDate" not in api.queries[0]
        assert {one.fields.get("apikey") for one in api.requests if API in one.path} == {"secret-key"}
        ids = [one["cve"]["id"] for item in await rig.items() for one in parse_json(payload(item))["vulnerabilities"]]
        assert ids == [f"CVE-{number}" for number in range(5)]
        assert "secret-key" not in str(await rig.items())
        api.requests.clear()
        assert (await rig.run(what)).counts["items"] == 0
        assert api.queries == []
        # Longer than the API allows in one window.
        clock.advance(200 * DAY)
        assert (await rig.run(what)).counts["items"] == 2
        windows = [(query["lastModStartDate"], query["lastModEndDate"]) for query in api.queries]
        assert windows[0][1] == windows[1][0]
        assert all(_length(window) <= timedelta(days=120) for window in windows)
    finally:
        await rig.close()


def _length(window: tuple[str, str]) -> timedelta:
    since, until = map(datetime.fromisoformat, window)
    return until - since


async def test_a_run_that_was_cut_off_goes_on_where_it_stopped(api: Nvd, rig: Rig) -> None:
    what = source(api.url(API), "NVD")
    api.failing = True
    report = await rig.run(what)
    assert (report.counts["items"], report.complete) == (1, False)
    api.failing = False
    api.requests.clear()
    report = await rig.run(what)
    # The two pages that were missing, and what changed since the first run began.
    assert (report.counts["items"], report.complete) == (3, True)
    assert [query["startIndex"] for query in api.queries] == ["2", "4", "0"]
    assert "lastModStartDate" in api.queries[2]


async def test_what_is_no_answer_of_the_api_is_told(web: Origin, rig: Rig) -> None:
    web.answers[f"{API}?resultsPerPage=2000&startIndex=0"] = page(web, b"[1]", content_type="application/json")
    report = await rig.run(source(web.url(API), "NVD"))
    assert report.counts["errors"] == 1
    assert "is no answer of NVD's CVE API 2.0" in report.problems[0]


async def test_the_old_feeds_are_files(web: Origin, rig: Rig) -> None:
    web.answers["/nvdcve-2.0-modified.xml.gz"] = page(web, b"<nvd/>", content_type="text/xml")
    report = await rig.run(source(web.url("/nvdcve-2.0-modified.xml.gz"), "NVD", post_process="unzip"))
    assert report.counts["items"] == 1
