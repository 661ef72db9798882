"""Running one collector for a command: until Ctrl-C, or each source once and all confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agents.collector import CollectorAgent
from vedette.cli.collect_progress import Progress
from vedette.cli.output import Exit, complain, print_json, print_line
from vedette.cli.running import stop_on_signals
from vedette.collection.desk import Mode
from vedette.collection.report import COUNTED, Report


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What was asked for."""

    once: Mode | None
    wait: float
    """Seconds for the confirmation."""
    as_json: bool


async def run_collector(make: Callable[[], CollectorAgent], terms: Terms) -> int:
    """Run a collector until a signal, or until all its sources were collected once; return the exit code.

    Raises:
        ConfigurationError: a source cannot be collected.
        StoreError: the outbox cannot be used, or another process uses it.
        ConnectionFailedError: the server cannot be reached, trusted or refuses the account.
    """
    # Made here, because its connection belongs to the event loop that it is made on.
    collector = make()
    stop = stop_on_signals()
    try:
        await collector.start()
        if terms.once is None:
            print_line(f"{collector.identity.jid} is up: {collector.address}; Ctrl-C ends it.")
            await stop.wait()
            return Exit.GOOD
        return await _once(collector, stop, terms)
    finally:
        await collector.stop()


async def _once(collector: CollectorAgent, stop: asyncio.Event, terms: Terms) -> int:
    stopped = asyncio.ensure_future(stop.wait())
    with Progress(collector, shown=not terms.as_json) as progress:
        working = asyncio.ensure_future(_outcome(collector, progress, terms))
        try:
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            working.cancel()
            await asyncio.gather(working, stopped, return_exceptions=True)
    problem = "stopped before all was done" if working.cancelled() else working.result()
    collected = collector.collecting.collected
    reports = [collected[one.identity].report for one in collector.section.sources if one.identity in collected]
    _tell(reports, problem, as_json=terms.as_json)
    good = not problem and len(reports) == len(collector.section.sources)
    failed = any(report.counts["errors"] or report.counts["refused"] for report in reports)
    return Exit.NO if failed or not good else Exit.GOOD


async def _outcome(collector: CollectorAgent, progress: Progress, terms: Terms) -> str:
    """Wait until all sources were collected and their items confirmed; return "" or why they are not."""
    while not collector.collecting.done.is_set():
        await asyncio.sleep(0.05)
        progress.update()
    until = asyncio.get_running_loop().time() + terms.wait
    # An empty outbox means that the engine has confirmed everything, or that what it refused was given up.
    while waiting := (await collector.outbox.status()).items:
        if asyncio.get_running_loop().time() > until:
            return f"{waiting} items are not confirmed within {terms.wait:.0f} s; they stay in the outbox"
        await asyncio.sleep(0.05)
    ours = {uuid for one in collector.collecting.collected.values() for uuid in one.report.items}
    refused = [letter for letter in await collector.outbox.dead_letters() if letter.uuid in ours]
    return f"{refused[0].uuid} is refused: {refused[0].field}: {refused[0].reason}" if refused else ""


def _tell(reports: Sequence[Report], problem: str, *, as_json: bool) -> None:
    if as_json:
        sources = [report.as_json() | {"uuids": report.items} for report in reports]
        print_json({"confirmed": not problem, "problem": problem or None, "sources": sources})
        return
    for report in reports:
        numbers = ", ".join(f"{report.counts[name]} {name}" for name in COUNTED if name != "changed")
        print_line(f"{report.source}: {numbers}")
        for reason in report.problems:
            complain(f"{report.source}: {reason}")
    if problem:
        complain(problem)
