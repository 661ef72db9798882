"""The console of a large fleet: how long each page takes, at the server and in a browser, and how soon it is true.

`python bench/console.py [--quick]` starts ejabberd, a hub and processes of 1,000 registered agents, and fills the
store with 1,000,000 items and 100,000 jobs (4, 3,000 and 100 with `--quick`). Every page that links lead to is asked
for again and again, alone; then it is opened in Chromium. Last, an agent changes its presence while a browser shows
the fleet: the time from the stanza until the page says so.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent))

import many_agents
from console_store import BY, Filler
from console_visits import Visitor, chromium, crawl, times
from figures import Figure, cpu_seconds, percentile, say
from places import Hub, bench_folder, has_ejabberd, running_ejabberd, running_hub
from told import Told, told

from registry.callers import Scope
from registry.keys import Keys
from registry.roles import UserRole
from registry.sessions import Sessions
from registry.users import Users
from vedette import log
from vedette.clock import SystemClock

PROCESSES = 2
"""Processes that the agents are spread over; few agents are in one."""

TOGETHER = 4
"""Agents of a process that log in at the same time: a busy machine should not keep them waiting too long."""

SERVER_LIMIT, BROWSER_LIMIT, PRESENCE_LIMIT = 300.0, 1000.0, 500.0
WORDS = {"available": "Available", "away": "Away", "dnd": "Busy"}
FILTERS = ("/items?agent=agent1%40localhost&verdict=deviates", "/items?type=type3&state=pending", "/?text=agent1")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much."""

    agents: int
    items: int
    jobs: int
    rounds: int
    changes: int
    opened: int


QUICK = Plan(agents=4, items=3_000, jobs=100, rounds=1, changes=2, opened=2)
LONG = Plan(agents=1_000, items=1_000_000, jobs=100_000, rounds=7, changes=20, opened=1_000)


class Console:
    """The hub's console, and who looks at it."""

    def __init__(self, hub: Hub, client: httpx.AsyncClient, plan: Plan) -> None:
        self._hub = hub
        self._client = client
        self._plan = plan

    async def server(self) -> list[str]:
        """Print how long the server takes for each page; returns the pages."""
        pages = await crawl(self._client, start=["/", *FILTERS])
        cpu = cpu_seconds([self._hub.pids["hub"]])
        slowest = []
        for address in pages:
            measured = await times(self._client, address, rounds=self._plan.rounds)
            slowest.append(percentile(measured, 0.5))
            Figure(
                name=f"server: {_named(address)}",
                value=slowest[-1],
                unit="ms",
                target=SERVER_LIMIT,
                at_most=True,
            ).emit()
        used = cpu_seconds([self._hub.pids["hub"]]) - cpu
        Figure(
            name=f"server: the slowest of {len(pages)} pages",
            value=max(slowest),
            unit="ms",
            target=SERVER_LIMIT,
            at_most=True,
            cpu_s=used,
        ).emit()
        return pages

    async def browser(self, visiting: Visitor, pages: list[str]) -> None:
        """Print how long a person waits for each page."""
        slowest = []
        for address in pages[: self._plan.opened]:
            measured = [
                await asyncio.to_thread(visiting.shown_after, address) for _ in range(min(3, self._plan.rounds))
            ]
            slowest.append(percentile(measured, 0.5))
            Figure(
                name=f"browser: {_named(address)}", value=slowest[-1], unit="ms", target=BROWSER_LIMIT, at_most=True
            ).emit()
        Figure(
            name=f"browser: the slowest of {len(slowest)} pages",
            value=max(slowest),
            unit="ms",
            target=BROWSER_LIMIT,
            at_most=True,
        ).emit()

    async def presence(self, visiting: Visitor, process: Told) -> None:
        """Print how soon a page shows what an agent became."""
        await asyncio.to_thread(visiting.watch, "/?text=agent0%40")
        waits = []
        shows = [show for _ in range(self._plan.changes) for show in ("away", "dnd", "available")][
            : self._plan.changes
        ]
        for show in shows:
            answer = await process.do("become", show=show)
            wait = await asyncio.to_thread(visiting.seen, WORDS[show], since=answer["at"])
            # What was not seen counts as the longest wait there was.
            waits.append(10_000.0 if wait is None else wait)
            # Each by itself: what comes at once is shown at once.
            await asyncio.sleep(0.6)
        for share in (0.5, 1.0):
            name = "from the stanza to the page, " + ("p50" if share < 1 else "the slowest")
            value = percentile(waits, share)
            Figure(name=name, value=value, unit="ms", target=PRESENCE_LIMIT, at_most=True).emit()


def _named(address: str) -> str:
    """Return an address without what differs from run to run."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", re.sub(r"cursor=[^&]*", "cursor", address))


async def _session(hub: Hub) -> str:
    users = Users(database=hub.database, clock=SystemClock())
    await users.add(name="anna", role=UserRole.ADMIN, password_hash="", by=BY)
    found = await users.find("anna")
    assert found is not None
    sessions = Sessions(database=hub.database, clock=SystemClock())
    return await sessions.start(found[0], verified=found[1], origin="127.0.0.1")


async def look(hub: Hub, folder: Path, plan: Plan, process: Told) -> None:
    """Time everything at a hub that is full."""
    url = str(hub.fleet.supervisor.report("hub")["api"])
    key = await Keys(database=hub.database, clock=SystemClock()).issue(name="bench", scopes=list(Scope))
    headers = {"X-API-Key": key, "Accept": "text/html"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as client:
        console = Console(hub, client, plan)
        pages = await console.server()
        session = await _session(hub)
        with chromium(folder / "chromium") as browser:
            if browser is None:
                say("chromium is not installed; nothing is measured in a browser")
                return
            visiting = Visitor(browser, url)
            await asyncio.to_thread(visiting.enter, session)
            await console.browser(visiting, pages)
            await console.presence(visiting, process)


async def measure(folder: Path, plan: Plan) -> None:
    """Start everything, fill the store, and look."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running_ejabberd(folder / "xmpp"))
        xmpp = {"server": "ejabberd", "folder": str(folder / "xmpp")}
        hub = await stack.enter_async_context(running_hub(folder / "fleet", xmpp=xmpp, server_pid=server.pid))
        say(f"enrolling {plan.agents} agents")
        files = await hub.enrol(*(f"agent{number}" for number in range(plan.agents)))
        processes = []
        count = PROCESSES if plan.agents > 100 else 1
        for number in range(count):
            share = [str(file) for file in files[number::count]]
            processes.append(await stack.enter_async_context(told(Path(many_agents.__file__), *share)))
        await Filler(hub).fill(items=plan.items, jobs=plan.jobs, agents=plan.agents)
        say("starting the agents")
        answers = await asyncio.gather(*(process.do("start", together=TOGETHER) for process in processes))
        say(f"  registered after {max(answer['seconds'] for answer in answers):.0f} s")
        await look(hub, folder, plan, processes[0])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few of everything, for the tests")
    parser.add_argument("--agents", type=int, help="simulated agents")
    parser.add_argument("--items", type=int, help="items in the store")
    parser.add_argument("--jobs", type=int, help="jobs in the store")
    arguments = parser.parse_args()
    log.configure(level="error")
    if not has_ejabberd("nothing can be measured"):
        return
    usual = QUICK if arguments.quick else LONG
    plan = Plan(
        agents=arguments.agents or usual.agents,
        items=arguments.items or usual.items,
        jobs=arguments.jobs or usual.jobs,
        rounds=usual.rounds,
        changes=usual.changes,
        opened=usual.opened,
    )
    with bench_folder() as folder:
        asyncio.run(measure(folder, plan))


if __name__ == "__main__":
    main()
