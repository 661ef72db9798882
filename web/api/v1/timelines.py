"""When items came and things were found, over HTTP: the bars of the console's timeline as a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.item_overview import ItemOverviews
from registry.item_timeline import Timeline
from registry.listing import Cursor, Order, Page, read_cursor, write_cursor
from web.api.access import Rules
from web.api.v1.items import ItemParameters
from web.api.v1.lists import Lists, add_list

TIMELINE: Final = Order(name="timeline", columns=(), kinds=(int,), descending=False)
"""Oldest first, by when a piece begins."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelinePiece:
    """One piece of time."""

    first: int
    """Microseconds since 1970: when it begins."""
    end: int
    """Microseconds since 1970: when it ends."""
    items: int
    """Items that came in it."""
    findings: int | None
    """What was found in it; null where the items are chosen by more than their time."""
    whole: bool
    """Whether all its items were counted; of very many only the newest are."""


class TimelineRoutes:
    """`GET /v1/timeline`."""

    def __init__(self, *, overviews: ItemOverviews, lists: Lists) -> None:
        self._overviews = overviews
        self._lists = lists

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        add_list(app, "/v1/timeline", self.list, kind=TimelinePiece, rule=Depends(rules.any_of(Scope.READ)))

    async def list(self, request: Request, asked: Annotated[ItemParameters, Query()]) -> Response:
        """List pieces of time, all of one length and at most 96, with how many items came in each; oldest first."""

        async def fetch(limit: int, cursor: str | None) -> Page[TimelinePiece]:
            after = None if cursor is None else int(read_cursor(TIMELINE, cursor).key[0])
            timeline = (await self._overviews.read(asked.wanted)).timeline
            left = [piece for piece in pieces_of(timeline) if after is None or piece.first > after]
            last = left[limit - 1] if len(left) > limit else None
            following = None if last is None else write_cursor(TIMELINE, Cursor(following=True, key=(last.first,)))
            return Page(rows=left[:limit], next=following)

        return await self._lists.answer(request, asked, fetch, kind=TimelinePiece, name="timeline")


def pieces_of(timeline: Timeline | None) -> list[TimelinePiece]:
    """Return the pieces of a timeline, none where there is nothing to show."""
    if timeline is None:
        return []
    buckets, known = timeline.buckets, timeline.counted_since
    starts = range(buckets.first, buckets.end, buckets.step)
    return [
        TimelinePiece(
            first=start,
            end=start + buckets.step,
            items=timeline.items[number],
            findings=None if timeline.findings is None else timeline.findings[number],
            whole=known is None or start >= known,
        )
        for number, start in enumerate(starts)
    ]
