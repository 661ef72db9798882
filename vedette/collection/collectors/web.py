"""`WEB`: one page."""

from __future__ import annotations

from vedette.collection.desk import Desk
from vedette.collection.interface import Collector


class Web(Collector):
    """Reads one page, and keeps it when it is new."""

    summary = "One page or file, when it is new or changed"

    async def collect(self, desk: Desk) -> None:
        """Look at the page, and keep what is new."""
        look = await desk.look(desk.source.source_uri)
        if look.fresh:
            await desk.keep(look)
        elif look.verdict is not None:
            await desk.remember(look)
