"""`MISP`: the events of a MISP feed: its manifest, and of the events those that are new or were changed."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from vedette.canonical import parse_json
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.credentials import as_client, read_key
from vedette.collection.desk import Desk
from vedette.collection.interface import Collector
from vedette.collection.page_memory import PageMemory, digest_of_urls
from vedette.errors import RefusedError
from vedette.fetching.authorization import authorization

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MANIFEST = "manifest.json"


class Misp(Collector):
    """Reads a feed."""

    summary = "The events of a MISP feed (the URL of its folder, or of its manifest.json)"

    def objection(self, source: SourceConfiguration) -> str | None:
        """Return what is wrong with the feed's address."""
        try:
            where = urlsplit(source.source_uri)
        except ValueError:
            return "source-URI: is no URL"
        good = where.scheme in ("http", "https") and where.hostname and not where.query
        return None if good else "source-URI: must be the URL of a feed's folder, such as https://HOST/feed/"

    async def collect(self, desk: Desk) -> None:
        """Look at the manifest, then at what it says is newer; it is remembered last, so that all is made up for."""
        as_client(desk)
        try:
            headers = authorization(await asyncio.to_thread(read_key, desk), scheme="")
        except OSError as error:
            desk.report.fail(f"api-key-file: {error.strerror or error}")
            desk.report.complete = False
            return
        manifest = _manifest_url(desk.source.source_uri)
        look = await desk.look(manifest, is_list=True, headers=headers)
        if look.verdict is None:
            return
        if look.fetched is None:
            await desk.remember(look)
            return
        try:
            events = await asyncio.to_thread(_events, look.fetched.body)
        except RefusedError as error:
            desk.report.fail(f"{look.fetched.url}: {error}")
            desk.report.complete = False
            return
        urls = {urljoin(manifest, f"{uuid}.json"): changed for uuid, changed in events}
        done = await _collect_events(desk, urls, headers)
        desk.report.complete = desk.report.complete and done
        listed = digest_of_urls([f"{url} {changed}" for url, changed in urls.items()]) if done else ""
        await desk.remember(replace(look, memory=replace(look.memory, listed=listed)))


async def _collect_events(desk: Desk, urls: dict[str, str], headers: dict[str, str]) -> bool:
    """Collect events that are new or newer than what is known, oldest first; tell whether all are done."""
    known = await desk.memory.pages(desk.source.identity, list(urls))
    wanted = [url for url, changed in urls.items() if desk.mode == "all" or not _is_done(known.get(url), changed)]
    desk.report.counts["unchanged"] += len(urls) - len(wanted)
    complete = len(wanted) <= desk.source.max_entries
    for url in wanted[: desk.source.max_entries]:
        look = await desk.look(url, headers=headers)
        if look.verdict is not None:
            look = replace(
                look, memory=replace(look.memory, listed=urls[url]), facts={"feed": desk.source.source_uri}
            )
            await (desk.keep(look) if look.fresh else desk.remember(look))
        complete = complete and look.settled
    return complete


def _is_done(memory: PageMemory | None, changed: str) -> bool:
    """Tell whether an event is known as it is in the manifest, or cannot be had."""
    return memory is not None and (memory.settled or (memory.known and memory.listed == changed))


def _manifest_url(uri: str) -> str:
    return uri if uri.endswith("/" + _MANIFEST) else f"{uri.rstrip('/')}/{_MANIFEST}"


def _events(body: bytes) -> list[tuple[str, str]]:
    """Return the events with when they were changed, oldest first.

    Raises:
        RefusedError: it is no manifest.
    """
    value: Any = parse_json(body)
    if not isinstance(value, dict):
        raise RefusedError("json", "is no manifest of a MISP feed")
    found = []
    for uuid, said in value.items():
        # The identifier becomes a part of a URL.
        if not _UUID.fullmatch(uuid) or not isinstance(said, dict):
            raise RefusedError("json", f"is no manifest of a MISP feed: {uuid[:60]!r} is no event")
        found.append((uuid, str(said.get("timestamp", ""))[:20]))
    return sorted(found, key=lambda event: (event[1].zfill(20), event[0]))
