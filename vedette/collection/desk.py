"""What a collector works with: it looks at URLs politely, and keeps what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urldefrag

from vedette.clock import Clock
from vedette.collection.charset import decode
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.content import Content, ProcessingError
from vedette.collection.courtesy import HostRestsError
from vedette.collection.doorman import Doorman, ForbiddenError
from vedette.collection.drawing import FORMAT, Origin, draw
from vedette.collection.isolation import Isolation
from vedette.collection.look import Look
from vedette.collection.memory import Changes, Drawn, SourceMemory
from vedette.collection.page_memory import PageMemory, Verdict, judge
from vedette.collection.report import Report
from vedette.fetching.interface import Fetched, Fetcher, FetchError, FetchRefusedError, FetchRequest
from vedette.fetching.urls import shown_url
from vedette.log import Logger

Mode = Literal["new", "all"]
"""Whether what is known already is looked at, too."""

_FINAL = frozenset({400, 401, 403, 404, 405, 406, 410, 414, 451, 501})
"""Statuses after which asking again is useless."""

_TEXT_LIKE = (
    "text/",
    "application/json",
    "application/xml",
    "application/xhtml",
    "application/rss",
    "application/atom",
)
_COMPARED = 512 * 1024
"""Bytes of a text that are looked at for near-duplicates."""

_OFF_LOOP = 64 * 1024
"""Bytes from which hashing and comparing go to a thread."""


class Desk:
    """One run of one source."""

    def __init__(
        self,
        *,
        source: SourceConfiguration,
        mode: Mode,
        clock: Clock,
        fetcher: Fetcher,
        doorman: Doorman,
        memory: SourceMemory,
        isolation: Isolation,
        folder: Path,
        log: Logger,
        lasting: bool = False,
        committed: Callable[[], None] | None = None,
    ) -> None:
        self.lasting = lasting
        """Whether the run goes on until it is ended; otherwise it takes what there is."""
        self._on_commit = committed
        self.folder = folder
        """What paths of sources are relative to."""
        self.source = source
        """What is collected."""
        self.mode = mode
        """Whether what is known already is looked at, too."""
        self.clock = clock
        """Tells the time."""
        self.memory = memory
        """What the source remembers."""
        self.isolation = isolation
        """Parses what strangers wrote."""
        self.report = Report(source=source.source_name, uri=shown_url(source.source_uri))
        """What came of it so far."""
        self._fetcher = fetcher
        self._doorman = doorman
        self._log = log

    # Looking -------------------------------------------------------------------------

    async def look(
        self,
        url: str,
        *,
        is_list: bool = False,
        delay: float = 0.0,
        memory: PageMemory | None = None,
        **request: Any,
    ) -> Look:
        """Ask for a URL, conditionally where something is remembered of it; failures are counted and remembered.

        Args:
            url: what is asked for; its fragment is not.
            is_list: whether it names others: then it is asked for unconditionally until all of them are done.
            delay: seconds between requests that the collector wants, beside the source's.
            memory: what is remembered of the URL, where the caller knows it already.
            request: further fields of the request, such as `headers`.

        Raises:
            StoreError: what is remembered cannot be read or written.
        """
        url = urldefrag(url).url
        memory = memory or await self.memory.page(self.source.identity, url)
        conditional = memory.known and self.mode == "new" and not (is_list and not memory.listed)
        try:
            return await self._ask(url, memory, conditional=conditional, delay=delay, request=request)
        except (ForbiddenError, FetchRefusedError) as error:
            return await self._failed(url, memory, error, final=True)
        except HostRestsError as error:
            # Not the URL's fault: it is not counted against it.
            self.report.fail(str(error))
            self.report.complete = False
            return Look(url=url, verdict=None, memory=memory)
        except FetchError as error:
            return await self._failed(url, memory, error, final=error.status in _FINAL)

    async def _ask(
        self, url: str, memory: PageMemory, *, conditional: bool, delay: float, request: dict[str, Any]
    ) -> Look:
        source = self.source
        wait = await self._doorman.check(
            url, source=source.identity, delay=max(delay, source.crawl_delay), robots=source.robots
        )
        if conditional and memory.asks_head_first:
            memory, same = await self._head(url, memory, wait)
            if same:
                self.report.counts["unchanged"] += 1
                return Look(url=url, verdict=Verdict.UNCHANGED, memory=memory.checked(now=self.clock.now()))
        asked = FetchRequest(
            url=url,
            compressed=True,
            etag=memory.etag if conditional else "",
            last_modified=memory.last_modified if conditional else "",
            on_redirect=self._may_follow,
            **request,
        )
        async with self._doorman.turn(url, source=source.identity, delay=wait):
            fetched = await self._fetcher.fetch(asked)
        return await self._judged(url, memory, fetched, conditional=bool(asked.etag or asked.last_modified))

    async def _head(self, url: str, memory: PageMemory, wait: float) -> tuple[PageMemory, bool]:
        """Ask for the head alone; return what is remembered then, and whether the body is as it was."""
        request = FetchRequest(url=url, method="HEAD", on_redirect=self._may_follow)
        try:
            async with self._doorman.turn(url, source=self.source.identity, delay=wait):
                head = await self._fetcher.fetch(request)
        except FetchError as error:
            if error.status not in (400, 403, 404, 405, 501):
                raise
            return replace(memory, refuses_head=True), False
        return memory, memory.matches_head(head)

    async def _judged(self, url: str, memory: PageMemory, fetched: Fetched, *, conditional: bool) -> Look:
        if fetched.not_modified:
            self.report.counts["unchanged"] += 1
            after = memory.checked(now=self.clock.now(), head=fetched)
            return Look(url=url, verdict=Verdict.UNCHANGED, memory=after)
        self.report.counts["fetched"] += 1
        now = self.clock.now()

        def work() -> tuple[Verdict, PageMemory]:
            judged = judge(memory, fetched, now=now, text=_text_of(fetched), conditional=conditional)
            return judged.verdict, judged.memory

        verdict, after = await asyncio.to_thread(work) if len(fetched.body) > _OFF_LOOP else work()
        return self._counted(url, verdict, after, fetched)

    async def _may_follow(self, url: str) -> None:
        """Ask robots.txt of where a redirect leads to, too."""
        await self._doorman.check(url, source=self.source.identity, delay=0.0, robots=self.source.robots)

    async def _failed(self, url: str, memory: PageMemory, error: Exception, *, final: bool) -> Look:
        # The error may be about robots.txt, or where a redirect led to.
        reason = str(error) if str(error).startswith(shown_url(url)) else f"{shown_url(url)}: {error}"
        if isinstance(error, ForbiddenError | FetchRefusedError):
            self.report.refuse(reason)
        else:
            self.report.fail(reason)
        after = memory.failed(reason, now=self.clock.now(), final=final)
        await self.memory.commit(Changes(source=self.source.identity, pages=[after]))
        self._log.warning("could not be collected", source=self.source.source_name, reason=reason)
        self.report.complete = self.report.complete and after.settled
        return Look(url=url, verdict=None, memory=after)

    def judged(self, url: str, memory: PageMemory, fetched: Fetched) -> Look:
        """Compare what was read elsewhere, such as from a file, with what is remembered, and count it."""
        self.report.counts["fetched"] += 1
        judged = judge(memory, fetched, now=self.clock.now(), text=_text_of(fetched), conditional=False)
        return self._counted(url, judged.verdict, judged.memory, fetched)

    def _counted(self, url: str, verdict: Verdict, memory: PageMemory, fetched: Fetched) -> Look:
        if verdict is Verdict.UNCHANGED and self.mode == "all":
            # Asked for again on purpose: it is sent again.
            verdict = Verdict.CHANGED
        self.report.counts[verdict.value] += 1
        return Look(url=url, verdict=verdict, memory=memory, fetched=fetched)

    # Keeping -------------------------------------------------------------------------

    async def keep(self, look: Look, *, marks: dict[str, str] | None = None) -> None:
        """Process what a look brought, and commit its items and what is remembered together.

        What cannot be processed is kept as it came, with the reason: nothing is lost.

        Raises:
            OutboxFullError: nothing more fits; nothing is stored.
            StoreError: it cannot be written.
        """
        memory = look.memory
        near = await self.memory.near(memory.simhash) if memory.simhash is not None and look.fresh else None
        parts, problem = await self._processed(look.content)
        origin = Origin(
            url=look.url,
            collected_at=memory.checked_at,
            location=look.location,
            headers=look.fetched.headers if look.fetched is not None else {},
            status=look.fetched.status if look.fetched is not None else 0,
            sha256=memory.sha256,
            sha1=memory.sha1,
            simhash=memory.simhash,
            near=near if near and near != memory.uuid else "",
            verdict=look.verdict.value if look.verdict is not None else "",
            facts={**look.facts, "processing_error": problem},
        )

        def work() -> list[Drawn]:
            return [draw(self.source, part, origin) for part in parts]

        large = sum(len(part.data) for part in parts) > _OFF_LOOP
        drawn = await asyncio.to_thread(work) if large else work()
        first = drawn[0].item["meta"]["uuid"] if drawn else ""
        await self.commit(drawn, pages=[replace(memory, uuid=first)], marks=marks)

    async def _processed(self, content: Content) -> tuple[list[Content], str]:
        steps = self.source.post_process
        if not steps:
            return [content], ""
        try:
            return await self.isolation.process(content, steps), ""
        except ProcessingError as error:
            self.report.fail(f"{self.report.uri}: {error}")
            self._log.warning("could not be processed", source=self.source.source_name, reason=str(error))
            return [content], str(error)[:1_000]

    async def remember(self, look: Look, *, marks: dict[str, str] | None = None) -> None:
        """Commit what is remembered of a URL, without an item.

        Raises:
            StoreError: it cannot be written.
        """
        await self.commit((), pages=[look.memory], marks=marks)

    async def commit(
        self, items: Sequence[Drawn], *, pages: Sequence[PageMemory] = (), marks: dict[str, str] | None = None
    ) -> None:
        """Commit items and what is remembered together.

        Raises:
            OutboxFullError: nothing more fits; nothing is stored.
            StoreError: it cannot be written.
        """
        await self.memory.commit(Changes(source=self.source.identity, items=items, pages=pages, marks=marks or {}))
        self.report.counts["items"] += len(items)
        if self.lasting:
            # Nobody waits for its end, and there may be no end to them.
            if items and self._on_commit is not None:
                self._on_commit()
            return
        self.report.items += [one.item["meta"]["uuid"] for one in items]

    async def mark(self, name: str) -> str:
        """Return what the source remembers by a name; empty: nothing.

        Raises:
            StoreError: it cannot be read.
        """
        return await self.memory.mark(self.source.identity, name)

    def draw(self, content: Content, origin: Origin, *, form: str = FORMAT) -> Drawn:
        """Return the item that a content becomes."""
        return draw(self.source, content, origin, form=form)


def _text_of(fetched: Fetched) -> str | None:
    """Return a body as text where it is one; as much of it as is compared."""
    if not fetched.content_type.startswith(_TEXT_LIKE):
        return None
    return decode(fetched.body[:_COMPARED], declared=fetched.charset)[0]
