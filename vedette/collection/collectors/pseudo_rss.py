"""`PSEUDO_RSS`: pages that list entries, newest first, one page leading to the next."""

from __future__ import annotations

from dataclasses import replace

from vedette.collection.collectors.entries import Entry, collect_entries
from vedette.collection.content import ProcessingError
from vedette.collection.desk import Desk
from vedette.collection.interface import Collector
from vedette.collection.look import Look
from vedette.collection.page_memory import digest_of_urls

_COMPLETE = "complete"
"""Mark: the last run saw all that was to be seen, so that a known entry means that all further ones are."""


class PseudoRss(Collector):
    """Reads lists of entries, found by regular expression or CSS selector, until it comes to what it knows."""

    summary = "Pages that list entries by entry-regex or entry-css, and further pages by next-page-regex or -css"

    async def collect(self, desk: Desk) -> None:
        """Walk the pages until an entry is known, a page has none, or a limit is reached."""
        stops = desk.mode == "new" and await desk.mark(_COMPLETE) == "yes"
        walk = _Walk(desk, stops=stops)
        url: str | None = desk.source.source_uri
        while url and url not in walk.seen and len(walk.seen) < desk.source.max_pages and walk.room > 0:
            url = await walk.read(url)
        desk.report.complete = desk.report.complete and walk.complete
        if walk.begun:
            await desk.commit((), marks={_COMPLETE: "yes" if walk.complete else ""})


class _Walk:
    """One walk over the pages of a list."""

    def __init__(self, desk: Desk, *, stops: bool) -> None:
        self._desk = desk
        self._stops = stops
        self.seen: set[str] = set()
        self.room = desk.source.max_entries
        self.complete = True
        self.begun = False

    async def read(self, url: str) -> str | None:
        """Collect the entries of one page and return the next page; None: it ends here."""
        desk = self._desk
        self.seen.add(url)
        look = await desk.look(url, is_list=True)
        if look.fetched is None:
            self.complete = self.complete and look.settled
            if look.verdict is not None:
                await desk.remember(look)
            return None
        if not self.begun:
            self.begun = True
            # Until this walk has ended, whatever ends it, a known entry says nothing of those behind it.
            await desk.commit((), marks={_COMPLETE: ""})
        entries, following = await _links(desk, look)
        entries = entries[: self.room]
        self.room -= len(entries)
        known = await desk.memory.pages(desk.source.identity, entries)
        done = await collect_entries(desk, [Entry(url=one, facts={"listed_by": url}) for one in entries])
        self.complete = self.complete and done
        listed = digest_of_urls(entries) if done else ""
        await desk.remember(replace(look, memory=replace(look.memory, listed=listed)))
        return None if not entries or (self._stops and known) else following


async def _links(desk: Desk, look: Look) -> tuple[list[str], str | None]:
    """Return the entries that a page lists, and the next page."""
    source = desk.source
    patterns = [(source.entry_regex, source.entry_css), (source.next_page_regex, source.next_page_css)]
    try:
        entries, following = await desk.isolation.find_links(look.content, base=look.location, patterns=patterns)
    except ProcessingError as error:
        desk.report.fail(f"{desk.report.uri}: {error}")
        desk.report.complete = False
        return [], None
    return entries, following[0] if following else None
