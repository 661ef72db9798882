"""Timelines: pages of posts, newest first, each page leading to an older one, down to what is known."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from dataclasses import dataclass, replace

from vedette.canonical import canonical_json, parse_json
from vedette.collection.credentials import as_client, read_key
from vedette.collection.desk import Desk
from vedette.collection.drawing import Origin
from vedette.collection.interface import Collector
from vedette.collection.look import Look
from vedette.errors import RefusedError
from vedette.fetching.authorization import authorization

_SINCE = "since"
_WALK = "walk"


@dataclass(frozen=True, kw_only=True, slots=True)
class Walk:
    """One walk down a timeline."""

    since: str = ""
    """Identifier of the newest post that is known; empty: none is."""
    newest: str = ""
    """Identifier of the newest post of this walk; empty: it has not begun."""
    following: str = ""
    """What names the next page; empty: the first."""

    @classmethod
    def read(cls, text: str) -> Walk | None:
        """Return a walk that was cut off; None: there is none."""
        try:
            since, newest, following = map(str, parse_json(text) if text else ())
        except (RefusedError, TypeError, ValueError):
            return None
        return cls(since=since, newest=newest, following=following)

    @property
    def text(self) -> str:
        """The walk, to be remembered."""
        return canonical_json([self.since, self.newest, self.following]).decode()


@dataclass(frozen=True, kw_only=True, slots=True)
class PostPage:
    """A page of posts."""

    posts: int
    """How many."""
    newest: str = ""
    """Identifier of the newest of them."""
    following: str = ""
    """What names the next page; empty: this is the last."""


class Timeline(Collector):
    """Walks a timeline; each page is an item as it came."""

    async def collect(self, desk: Desk) -> None:
        """Read page after page, each committed with where to go on; then remember the newest post."""
        as_client(desk)
        try:
            headers = authorization(await asyncio.to_thread(read_key, desk))
        except OSError as error:
            desk.report.fail(f"api-key-file: {error.strerror or error}")
            desk.report.complete = False
            return
        address = await self.address(desk, headers)
        walk = Walk.read(await desk.mark(_WALK)) or await self._begun(desk)
        taken = 0
        for _ in range(desk.source.max_pages if address else 0):
            page = await self._page(desk, address, walk, headers)
            if page is None:
                desk.report.complete = False
                return
            taken += page.posts
            newest = walk.newest or page.newest
            # The first time a timeline may have no end.
            enough = not walk.since and taken >= desk.source.max_entries
            if enough or not page.following or not page.posts:
                await desk.commit((), marks={_WALK: "", _SINCE: newest or walk.since})
                return
            walk = replace(walk, newest=newest, following=page.following)
        desk.report.complete = False

    @abstractmethod
    async def address(self, desk: Desk, headers: dict[str, str]) -> str:
        """Return the URL of the timeline; empty: it cannot be found, which is counted."""

    @abstractmethod
    def page_url(self, desk: Desk, address: str, walk: Walk) -> str:
        """Return the URL of a page."""

    @abstractmethod
    def read_page(self, body: bytes) -> PostPage:
        """Return what is on a page.

        Raises:
            RefusedError: it is none.
        """

    async def _begun(self, desk: Desk) -> Walk:
        return Walk(since=await desk.mark(_SINCE) if desk.mode == "new" else "")

    async def _page(self, desk: Desk, address: str, walk: Walk, headers: dict[str, str]) -> PostPage | None:
        """Read a page and commit it with where to go on; None: it cannot be had."""
        look = await desk.look(self.page_url(desk, address, walk), is_list=True, headers=headers)
        if look.fetched is None:
            if walk.following and look.memory.settled:
                # Names of pages expire: the next walk begins anew.
                await desk.commit((), marks={_WALK: ""})
            return None
        try:
            page = await asyncio.to_thread(self.read_page, look.fetched.body)
        except RefusedError as error:
            desk.report.fail(f"{look.fetched.url}: {error}")
            return None
        if page.posts:
            onward = replace(walk, newest=walk.newest or page.newest, following=page.following)
            marks = {_WALK: onward.text} if page.following else {}
            await desk.commit([desk.draw(look.content, _origin(desk, look, page.posts))], marks=marks)
        return page


def _origin(desk: Desk, look: Look, records: int) -> Origin:
    return api_origin(desk, look, {"records": records})


def api_origin(desk: Desk, look: Look, facts: dict[str, object]) -> Origin:
    """Return where an API's answer is from, with what is known of it."""
    return Origin(
        url=look.url,
        collected_at=desk.clock.now(),
        headers=look.fetched.headers if look.fetched is not None else {},
        status=look.fetched.status if look.fetched is not None else 0,
        sha256=look.memory.sha256,
        sha1=look.memory.sha1,
        facts=facts,
    )
