"""`RSS`: a feed (RSS, RDF, Atom or JSON Feed) and the pages that it names."""

from __future__ import annotations

from dataclasses import replace

from vedette.collection.collectors.entries import Entry, collect_entries
from vedette.collection.content import ProcessingError
from vedette.collection.desk import Desk
from vedette.collection.interface import Collector
from vedette.collection.links import absolute
from vedette.collection.look import Look
from vedette.collection.page_memory import digest_of_urls


class Rss(Collector):
    """Reads a feed, and keeps each entry that it did not know."""

    summary = "A feed and the pages that it names"

    async def collect(self, desk: Desk) -> None:
        """Look at the feed; where its set of URLs is another one, collect what is new in it.

        The feed is remembered last, so that a run that was cut off is made up for.
        """
        look = await desk.look(desk.source.source_uri, is_list=True)
        if look.verdict is None:
            return
        if look.fetched is None:
            await desk.remember(look)
            return
        entries = await _entries(desk, look)
        if entries is None:
            return
        listed = digest_of_urls([entry.url for entry in entries])
        if listed == look.memory.listed and desk.mode == "new":
            desk.report.counts["unchanged"] += len(entries)
        elif not await collect_entries(desk, entries):
            listed = ""
        await desk.remember(replace(look, memory=replace(look.memory, listed=listed)))


async def _entries(desk: Desk, look: Look) -> list[Entry] | None:
    """Return what a feed names; None: it is no feed, which is counted."""
    try:
        feed = await desk.isolation.read_feed(look.content)
    except ProcessingError as error:
        desk.report.fail(f"{desk.report.uri}: {error}")
        desk.report.complete = False
        return None
    if feed["unlinked"]:
        desk.report.problems.append(f"{desk.report.uri}: {feed['unlinked']} entries name no page")
    entries = []
    for entry in feed["entries"][: desk.source.max_entries]:
        url = absolute(look.location, entry["url"])
        if url:
            said = {name: entry[name] for name in ("title", "author", "date") if entry[name]}
            entries.append(Entry(url=url, facts={"feed": desk.source.source_uri, **said}))
    return entries
