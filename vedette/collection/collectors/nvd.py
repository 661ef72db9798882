"""`NVD`: the CVE API 2.0 by pages and windows of time; NVD's old XML feeds are files like others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from vedette.canonical import parse_json
from vedette.clock import from_datetime, to_datetime
from vedette.collection.collectors.web import Web
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.credentials import read_key
from vedette.collection.desk import Desk
from vedette.collection.drawing import Origin
from vedette.collection.interface import Collector
from vedette.collection.look import Look
from vedette.errors import RefusedError

PAGE = 2_000
"""Records of a page: the most that the API gives."""

WINDOW = timedelta(days=119)
"""The longest window that is asked for; the API's limit is 120 days."""

_HOST = "services.nvd.nist.gov"
_DELAY = 6.0
_DELAY_WITH_KEY = 0.6
_UNTIL = "until"
_PAGE = "page"


class Nvd(Collector):
    """Reads what NVD changed since the last time, first all that it has."""

    summary = "NVD's CVE API 2.0 (pages, windows of lastModStartDate, key), or one of its old XML feeds"

    def objection(self, source: SourceConfiguration) -> str | None:
        """Return what is wrong with the source's key file."""
        if source.api_key_file is not None and not _is_api(source):
            return "api-key-file: is for the API, not for the XML feeds"
        return None

    async def collect(self, desk: Desk) -> None:
        """Read page after page, each committed with where to go on; then remember until when all is known."""
        if not _is_api(desk.source):
            await Web().collect(desk)
            return
        try:
            headers = await asyncio.to_thread(_headers, desk)
        except OSError as error:
            desk.report.fail(f"api-key-file: {error.strerror or error}")
            return
        # To the millisecond, as it is written: what is past it belongs to the next run.
        now = datetime.fromisoformat(_written(to_datetime(desk.clock.now())))
        for _ in range(desk.source.max_pages):
            # Where a run was cut off, its window is gone through to its end first.
            page = _Page.read(await desk.mark(_PAGE)) or await self._next_window(desk, now)
            if page is None or not await self._read_page(desk, page, headers):
                return
        desk.report.complete = False

    async def _next_window(self, desk: Desk, now: datetime) -> _Page | None:
        """Return the first page of the next window; the first has no beginning: all that there is."""
        known = _moment(await desk.mark(_UNTIL))
        if known is None or (desk.mode == "all" and not desk.report.counts["fetched"]):
            return _Page(index=0, since=None, until=now)
        return _Page(index=0, since=known, until=min(now, known + WINDOW)) if known < now else None

    async def _read_page(self, desk: Desk, page: _Page, headers: dict[str, str]) -> bool:
        """Read one page and commit it with where to go on; tell whether to go on."""
        url = page.url(desk.source.source_uri)
        look = await desk.look(url, is_list=True, delay=_delay(desk.source, headers), headers=headers)
        if look.fetched is None:
            desk.report.complete = False
            return False
        try:
            taken, total = await asyncio.to_thread(_counts, look.fetched.body)
        except RefusedError as error:
            desk.report.fail(f"{look.fetched.url}: {error}")
            desk.report.complete = False
            return False
        ended = not taken or page.index + taken >= total
        following = replace(page, index=page.index + taken)
        marks = {_PAGE: "", _UNTIL: _written(page.until)} if ended else {_PAGE: following.text}
        items = [desk.draw(look.content, _origin(desk, look, page, taken, total))] if taken else []
        await desk.commit(items, marks=marks)
        return True


@dataclass(frozen=True, kw_only=True, slots=True)
class _Page:
    """A page of a window."""

    index: int
    since: datetime | None
    until: datetime

    @classmethod
    def read(cls, text: str) -> _Page | None:
        try:
            index, since, until = text.split(" ")
            return cls(index=int(index), since=_moment(since), until=datetime.fromisoformat(until))
        except ValueError:
            return None

    @property
    def text(self) -> str:
        return f"{self.index} {_written(self.since) if self.since else '-'} {_written(self.until)}"

    def url(self, start: str) -> str:
        query: dict[str, Any] = {"resultsPerPage": PAGE, "startIndex": self.index}
        if self.since is not None:
            query |= {"lastModStartDate": _written(self.since), "lastModEndDate": _written(self.until)}
        return f"{start}{'&' if urlsplit(start).query else '?'}{urlencode(query)}"


def _origin(desk: Desk, look: Look, page: _Page, taken: int, total: int) -> Origin:
    return Origin(
        url=look.url,
        collected_at=desk.clock.now(),
        headers=look.fetched.headers if look.fetched is not None else {},
        status=200,
        sha256=look.memory.sha256,
        sha1=look.memory.sha1,
        facts={"first_record": page.index, "records": taken, "total_records": total},
    )


def _is_api(source: SourceConfiguration) -> bool:
    return urlsplit(source.source_uri).path.rstrip("/").endswith("/rest/json/cves/2.0")


def _delay(source: SourceConfiguration, headers: dict[str, str]) -> float:
    """Return NVD's own pace at NVD's own host; a mirror's stands in its robots.txt or `crawl-delay`."""
    if urlsplit(source.source_uri).hostname != _HOST:
        return 0.0
    return _DELAY_WITH_KEY if headers else _DELAY


def _headers(desk: Desk) -> dict[str, str]:
    key = read_key(desk)
    return {"apiKey": key} if key else {}


def _counts(body: bytes) -> tuple[int, int]:
    """Return how many records a page has, and how many there are.

    Raises:
        RefusedError: it is no answer of the API.
    """
    value = parse_json(body)
    found = value.get("vulnerabilities") if isinstance(value, dict) else None
    total = value.get("totalResults") if isinstance(value, dict) else None
    if not isinstance(found, list) or not isinstance(total, int):
        raise RefusedError("json", "is no answer of NVD's CVE API 2.0")
    return len(found), total


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _written(moment: datetime) -> str:
    """Return a time as the API reads it: milliseconds, with its offset."""
    return to_datetime(from_datetime(moment.astimezone(UTC))).isoformat(timespec="milliseconds")
