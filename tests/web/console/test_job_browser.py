"""Jobs in a real browser: the preview while one types, output line by line, and a stream that breaks and goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from registry.callers import Actor
from registry.jobs import Jobs, Leased, Report, Taker
from registry.roles import UserRole
from tests.timing import PATIENCE
from tests.web.api.whole import Whole
from tests.web.conftest import HOSTILE
from vedette.jobs.request import JobRequest, Plan
from web.api.server import ApiServer

TAKER = Taker(jid="job1@localhost", life="a")
BY = Actor(who="user olga", origin="127.0.0.1")
LINES = "return [...document.querySelectorAll('.output-line bdi:last-child')].map((one) => one.textContent)"


class Watcher:
    """An operator's browser."""

    def __init__(self, browser: webdriver.Chrome, base: str) -> None:
        self.browser = browser
        self.base = base

    async def open(self, path: str) -> None:
        """Go to a page."""
        await asyncio.to_thread(self.browser.get, self.base + path)

    async def says(self, selector: str) -> str:
        """Return what a person sees there."""
        found = f"return document.querySelector({selector!r})?.innerText ?? ''"
        return str(await asyncio.to_thread(self.browser.execute_script, found))

    async def until_says(self, text: str, selector: str = "main") -> None:
        """Wait until a person sees a text."""
        async with asyncio.timeout(PATIENCE):
            while text not in await self.says(selector):
                await asyncio.sleep(0.05)

    async def lines(self) -> list[str]:
        """Return the lines of output that are shown."""
        return list(await asyncio.to_thread(self.browser.execute_script, LINES))

    async def until_lines(self, wanted: list[str]) -> None:
        """Wait until so many lines are shown, and check that they are these."""
        async with asyncio.timeout(PATIENCE):
            while len(await self.lines()) < len(wanted):
                await asyncio.sleep(0.05)
        assert await self.lines() == wanted

    async def type(self, name: str, text: str) -> None:
        """Type into a field, in place of what was there."""

        def type_it() -> None:
            field = self.browser.find_element(By.NAME, name)
            field.clear()
            field.send_keys(text)

        await asyncio.to_thread(type_it)


@pytest.fixture
async def watcher(whole: Whole, browser: webdriver.Chrome, tidy: None) -> AsyncIterator[Watcher]:
    """An operator who is logged in."""
    await whole.add("olga", UserRole.OPERATOR)
    cookie = (await whole.session_of("olga"))["Cookie"].partition("=")[2]
    await asyncio.to_thread(browser.get, f"{whole.server.url}/login")
    browser.add_cookie({"name": "vedette_session", "value": cookie})
    yield Watcher(browser, whole.server.url)
    # What is watched holds a stream open: the server would wait for it.
    await asyncio.to_thread(browser.get, "about:blank")


async def at_work(whole: Whole) -> tuple[Jobs, Leased]:
    """A job of one run that somebody has."""
    jobs = Jobs(database=whole.database, clock=whole.clock)
    request = JobRequest(tool="echo", targets=["127.0.0.1"])
    plan = Plan(request=request, words=("echo",), targets=("127.0.0.1",), commands=())
    await jobs.request(plan, by=BY)
    (leased,) = await jobs.take(TAKER, held=[], limit=1)
    return jobs, leased


def report(leased: Leased, first: int, *lines: str) -> Report:
    return Report(run=leased.run, attempt=1, first=first, lines=lines, dropped=0)


async def test_what_will_run_is_shown_while_one_types(watcher: Watcher) -> None:
    await watcher.open("/jobs/new?tool=nmap")
    await watcher.type("targets", "127.0.0.1")
    await watcher.until_says("nmap -oX - -- 127.0.0.1", "#preview")
    await watcher.type("a.ports", "22")
    await watcher.until_says("nmap -oX - -p 22 -- 127.0.0.1", "#preview")
    # What is wrong is said beside its field, while the rest of what was typed stays untouched.
    await watcher.type("a.timing", "9")
    await watcher.until_says("must be less than or equal to 5", "main form")
    await watcher.type("a.timing", "4")
    await watcher.type("targets", "127.0.0.1\n192.0.2.1")
    await watcher.until_says("192.0.2.1 is in no allowed network", "#refusals")
    await watcher.type("targets", "127.0.0.0/30")
    await watcher.until_says("2 runs:", "#preview")
    assert await watcher.says("#refusals") == ""
    assert "-T4" in await watcher.says("#preview")


async def test_a_stream_that_breaks_off_goes_on_where_it_was(watcher: Watcher, whole: Whole) -> None:
    # Given somebody who watches a job at work
    jobs, leased = await at_work(whole)
    await jobs.hear(TAKER, [report(leased, 0, "before")])
    await watcher.open(f"/jobs/{leased.job}")
    await watcher.until_says("Live: each line", "#output-contact")
    await jobs.hear(TAKER, [report(leased, 1, "one", "two")])
    await watcher.until_lines(["before", "one", "two"])
    # When the hub goes away, and lines come meanwhile
    port = urlsplit(whole.server.url).port
    assert port is not None
    await whole.server.stop()
    await watcher.until_says("Reconnecting:", "#output-contact")
    await jobs.hear(TAKER, [report(leased, 3, "three")])
    whole.server = ApiServer(app=whole.app, port=port)
    await whole.server.start()
    # Then the page goes on by itself; nothing is missing and nothing is there twice
    await watcher.until_says("Live: each line", "#output-contact")
    await watcher.until_lines(["before", "one", "two", "three"])
    await jobs.finish(TAKER, leased.run, outcome="done", exit_code=0, report=report(leased, 4, "last"))
    await watcher.until_says("The job has ended", "#output-contact")
    await watcher.until_lines(["before", "one", "two", "three", "last"])
    await watcher.until_says("done", ".job-state")


async def test_output_is_text_whatever_it_says(watcher: Watcher, whole: Whole) -> None:
    jobs, leased = await at_work(whole)
    texts = [text.replace("\0", "")[:2_000] for text in HOSTILE]
    await watcher.open(f"/jobs/{leased.job}")
    await watcher.until_says("Live: each line", "#output-contact")
    await jobs.hear(TAKER, [report(leased, 0, *texts)])
    await watcher.until_lines([text.replace("\r", "\n") for text in texts])
    assert await asyncio.to_thread(watcher.browser.execute_script, "return window.ran ?? null") is None
    harm = "return document.querySelectorAll('#output script, #output img, #output iframe, #output svg').length"
    assert await asyncio.to_thread(watcher.browser.execute_script, harm) == 0
