"""`TAXII`: the objects of a TAXII 2.1 collection, by the time at which they were added."""

from __future__ import annotations

import asyncio
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from vedette.canonical import canonical_json, parse_json
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.credentials import as_client, read_key
from vedette.collection.desk import Desk
from vedette.collection.interface import Collector
from vedette.collection.look import Look
from vedette.collection.timeline import api_origin
from vedette.errors import RefusedError
from vedette.fetching.authorization import authorization
from vedette.sharing.taxii.resources import MEDIA_TYPE

PAGE = 1_000
"""Objects of a page; a server may give fewer."""

_PLACE = "place"


class Taxii(Collector):
    """Reads what was added to a collection since the last time."""

    summary = "The STIX objects of a TAXII 2.1 collection (https://HOST/ROOT/collections/ID/)"

    def objection(self, source: SourceConfiguration) -> str | None:
        """Return what is wrong with the collection's address."""
        try:
            where = urlsplit(source.source_uri)
        except ValueError:
            return "source-URI: is no URL"
        if where.scheme not in ("http", "https") or "/collections/" not in where.path or where.query:
            return "source-URI: must be the collection's URL, such as https://HOST/api/collections/ID/"
        return None

    async def collect(self, desk: Desk) -> None:
        """Read page after page, each committed with where to go on."""
        as_client(desk)
        try:
            headers = authorization(await asyncio.to_thread(read_key, desk)) | {"Accept": MEDIA_TYPE}
        except OSError as error:
            desk.report.fail(f"api-key-file: {error.strerror or error}")
            desk.report.complete = False
            return
        after, following = _place(await desk.mark(_PLACE)) if desk.mode == "new" else ("", "")
        for _ in range(desk.source.max_pages):
            look = await desk.look(_url(desk.source.source_uri, after, following), is_list=True, headers=headers)
            if look.fetched is None:
                if following and look.memory.settled:
                    # Names of pages expire (TAXII 2.1 section 3.5): it goes on from the last time that is known.
                    await desk.commit((), marks={_PLACE: _text(after, "")})
                desk.report.complete = False
                return
            page = await self._keep(desk, look, after)
            if page is None:
                desk.report.complete = False
                return
            after, following, more = page
            if not more:
                return
        desk.report.complete = False

    async def _keep(self, desk: Desk, look: Look, after: str) -> tuple[str, str, bool] | None:
        """Commit a page with the place after it; returns that, and whether there is more. None: it is no page."""
        if look.fetched is None:
            return None
        try:
            count, following, more = await asyncio.to_thread(_envelope, look.fetched.body)
        except RefusedError as error:
            desk.report.fail(f"{look.fetched.url}: {error}")
            return None
        last = _moment(look.fetched.headers.get("x-taxii-date-added-last", ""))
        stuck = more and not following and (not last or last == after)
        if stuck:
            desk.report.fail(f"{look.fetched.url}: says that there is more, and not where")
        # With a page's name the filter stays as it was; without, or at the end, it moves on.
        place = (after, following, True) if more and following else (last or after, "", more and not stuck)
        items = [desk.draw(look.content, api_origin(desk, look, {"records": count}))] if count else []
        # The last time is remembered at the end of the walk: pages that are left are within it.
        await desk.commit(items, marks={_PLACE: _text(place[0], place[1])})
        return place


def _url(start: str, after: str, following: str) -> str:
    base = start.rstrip("/")
    base = base if base.endswith("/objects") else f"{base}/objects"
    query = {"limit": str(PAGE), "added_after": after, "next": following}
    return f"{base}/?{urlencode({name: value for name, value in query.items() if value})}"


def _envelope(body: bytes) -> tuple[int, str, bool]:
    """Return how many objects there are, the name of the next page, and whether there is one.

    Raises:
        RefusedError: it is no envelope (TAXII 2.1 section 3.7).
    """
    value = parse_json(body)
    objects = value.get("objects", []) if isinstance(value, dict) else None
    if not isinstance(objects, list):
        raise RefusedError("json", "is no TAXII 2.1 envelope")
    return len(objects), str(value.get("next") or ""), value.get("more") is True


def _moment(text: str) -> str:
    """Return a time as the server wrote it; empty: it is none."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return ""
    return text


def _place(text: str) -> tuple[str, str]:
    try:
        after, following = map(str, parse_json(text) if text else ("", ""))
    except (RefusedError, TypeError, ValueError):
        return "", ""
    return after, following


def _text(after: str, following: str) -> str:
    return canonical_json([after, following]).decode()
