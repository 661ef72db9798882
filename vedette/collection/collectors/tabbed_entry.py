"""`TABBED_ENTRY`: a page and those that it names as its tabs."""

from __future__ import annotations

from vedette.collection.collectors.entries import Entry, collect_tabs
from vedette.collection.desk import Desk
from vedette.collection.interface import Collector


class TabbedEntry(Collector):
    """Reads the tabs of one page."""

    summary = "One page and the tabs that it names by tab-regex or tab-css"

    async def collect(self, desk: Desk) -> None:
        """Look at the page, and keep what is new of its tabs."""
        await collect_tabs(desk, Entry(url=desk.source.source_uri))
