"""Entries that a list names: each a page, or a page with tabs; several at a time, each committed by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from vedette.collection.content import ProcessingError
from vedette.collection.desk import Desk
from vedette.collection.look import Look
from vedette.collection.page_memory import PageMemory, digest_of_urls

AT_ONCE = 8
"""Entries of one source that are looked at at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What a list says of one of its entries."""

    url: str
    """Where it is."""
    facts: dict[str, str] = field(default_factory=dict)
    """What else is said, for the item."""


async def collect_entries(desk: Desk, entries: Sequence[Entry]) -> bool:
    """Collect those entries that are not known yet (or all, where that is asked for); tell whether all are done."""
    known = await desk.memory.pages(desk.source.identity, [entry.url for entry in entries])
    wanted: dict[str, Entry] = {}
    for entry in entries:
        memory = known.get(entry.url)
        done = memory is not None and (memory.settled or _is_done(desk, memory.known, memory.listed))
        if done and desk.mode == "new":
            desk.report.counts["unchanged"] += 1
        else:
            # A list may name a page twice.
            wanted.setdefault(entry.url, entry)
    # A task an entry would make thousands of tasks for a long list.
    waiting = iter(wanted.values())
    complete = True

    async def work() -> None:
        nonlocal complete
        for entry in waiting:
            memory = known.get(entry.url) or PageMemory(url=entry.url)
            complete = await collect_entry(desk, entry, memory) and complete

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(wanted))):
                group.create_task(work())
    except ExceptionGroup as error:
        # A full outbox stops all of them, and each says so.
        raise error.exceptions[0] from error
    return complete


async def collect_entry(desk: Desk, entry: Entry, memory: PageMemory | None = None) -> bool:
    """Collect one entry, with its tabs where the source has a pattern for them; tell whether it is done.

    `memory` is what is remembered of it, where that is known already.
    """
    if desk.source.tab_regex or desk.source.tab_css:
        return await collect_tabs(desk, entry)
    look = await desk.look(entry.url, memory=None if "#" in entry.url else memory)
    look = replace(look, facts=dict(entry.facts))
    if look.fresh:
        await desk.keep(look)
    elif look.verdict is not None:
        await desk.remember(look)
    return look.settled


async def collect_tabs(desk: Desk, entry: Entry) -> bool:
    """Collect the tabs that an entry's page names, and the page where that is wanted; tell whether all is done.

    The page is remembered last: a run that was cut off looks at it once more, and at its missing tabs.
    """
    look = await desk.look(entry.url, is_list=True)
    if look.verdict is None:
        return look.settled
    if look.fetched is None:
        await desk.remember(look)
        return True
    try:
        (tabs,) = await desk.isolation.find_links(
            look.content, base=look.location, patterns=[(desk.source.tab_regex, desk.source.tab_css)]
        )
    except ProcessingError as error:
        desk.report.fail(f"{look.fetched.url}: {error}")
        tabs = []
    complete = True
    for tab in tabs[: desk.source.max_entries]:
        found = await desk.look(tab)
        if found.fresh:
            await desk.keep(replace(found, facts={**entry.facts, "entry": entry.url}))
        elif found.verdict is not None:
            await desk.remember(found)
        complete = complete and found.settled
    await _finish(desk, look, entry, tabs, complete=complete)
    return complete


async def _finish(desk: Desk, look: Look, entry: Entry, tabs: Sequence[str], *, complete: bool) -> None:
    """Remember an entry's page; without the mark of completeness it will be looked at again."""
    listed = digest_of_urls(list(tabs)) if complete else ""
    done = replace(look, memory=replace(look.memory, listed=listed), facts={**entry.facts, "tabs": list(tabs)})
    if desk.source.store_entry and look.fresh:
        await desk.keep(done)
    else:
        await desk.remember(done)


def _is_done(desk: Desk, known: bool, listed: str) -> bool:
    return known and (bool(listed) or not (desk.source.tab_regex or desk.source.tab_css))
