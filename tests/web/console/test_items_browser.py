"""Items in a real browser: what is new appears or announces itself, and a time is chosen by hand or by key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from registry.intake import Intake
from registry.roles import UserRole
from tests.timing import PATIENCE
from tests.web.api.v1.conftest import ENGINE, an_item, delivery, uuid_of
from tests.web.api.whole import Whole
from vedette.clock import MICROSECONDS, SystemClock

HOUR = 3600 * MICROSECONDS
DAY = 24 * HOUR
ROWS = "return [...document.querySelectorAll('tbody [data-key]')].map((row) => row.dataset.key)"
FACTS = (
    "const chart = document.getElementById('chart'), {first, step, number} = chart.dataset;"
    "return [...[first, step, number].map(Number), chart.clientWidth]"
)
PLACE = "const {left, top} = document.getElementById('chart').getBoundingClientRect(); return [left, top]"
TOP = "return document.querySelector('.list').getBoundingClientRect().top"


class Reader:
    """A browser at a hub to which items come."""

    def __init__(self, browser: webdriver.Chrome, whole: Whole, intake: Intake) -> None:
        self.browser = browser
        self.whole = whole
        self.intake = intake

    async def open(self, path: str) -> None:
        """Go to a page and wait until it is live."""
        await asyncio.to_thread(self.browser.get, self.whole.server.url + path)
        await self.until(lambda: self.script("return document.documentElement.dataset.contact === 'live'"))

    async def script(self, text: str, *values: Any) -> Any:
        """Return what a script says of the page."""
        return await asyncio.to_thread(self.browser.execute_script, text, *values)

    async def until(self, condition: Callable[[], Awaitable[Any]]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE):
            while not await condition():
                await asyncio.sleep(0.05)

    async def commit(self, *numbers: int, at: int | None = None) -> None:
        """Let items come."""
        items = [an_item(number, target=f"host{number}") for number in numbers]
        await self.intake.commit([delivery(items, received_at=at or SystemClock().now())])
        self.whole.live.wake()

    async def shows(self, number: int) -> bool:
        """Tell whether an item is in the list."""
        return uuid_of(number) in await self.script(ROWS)

    async def news(self) -> str:
        """Return what is announced, empty where nothing is."""
        found = "const news = document.getElementById('news'); return news.hidden ? '' : news.textContent"
        return str(await self.script(found))

    async def act(self, work: Callable[[ActionChains], ActionChains]) -> None:
        """Do something with mouse or keyboard."""
        await asyncio.to_thread(lambda: work(ActionChains(self.browser, duration=20)).perform())


@pytest.fixture
async def reader(whole: Whole, browser: webdriver.Chrome, tidy: None) -> AsyncIterator[Reader]:
    """Somebody who is logged in, at a store with items of three days."""
    intake = Intake(database=whole.database, engine=ENGINE, clock=SystemClock())
    await intake.open()
    await whole.add("rita", UserRole.VIEWER)
    cookie = (await whole.session_of("rita"))["Cookie"].partition("=")[2]
    await asyncio.to_thread(browser.get, f"{whole.server.url}/login")
    browser.add_cookie({"name": "vedette_session", "value": cookie})
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 1280, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    )
    reader = Reader(browser, whole, intake)
    for day in range(3):
        await reader.commit(*range(day * 20, day * 20 + 20), at=SystemClock().now() - (3 - day) * DAY)
    yield reader
    # A live page holds a stream open: the server would wait for it.
    await asyncio.to_thread(browser.get, "about:blank")


async def test_what_is_new_appears_at_the_top_and_announces_itself_to_who_reads(reader: Reader) -> None:
    # Given a list that is open, with a mark that only this load of the page has
    await reader.open("/items")
    await reader.script("window.mark = 1")
    # When an item comes while one is at the top, it appears
    await reader.commit(100)
    await reader.until(lambda: reader.shows(100))
    assert (await reader.script(ROWS))[0] == uuid_of(100)
    assert await reader.news() == ""
    # When one reads further down, no row moves, and the news says how many there are
    await reader.script("scrollTo(0, document.querySelector('.list tr:nth-child(20)').offsetTop)")
    before, rows = await reader.script(TOP), await reader.script(ROWS)
    await reader.commit(101)
    await reader.until(lambda: _is(reader, "1 new: show"))
    await reader.commit(102)
    await reader.until(lambda: _is(reader, "2 new: show"))
    assert await reader.script(ROWS) == rows
    assert await reader.script(TOP) == pytest.approx(before, abs=1)
    assert await reader.script("return document.documentElement.dataset.contact") == "live"
    # Then they are there as soon as one wants them
    await asyncio.to_thread(reader.browser.find_element(By.ID, "news").click)
    await reader.until(lambda: reader.shows(102))
    assert (await reader.script(ROWS))[:3] == [uuid_of(102), uuid_of(101), uuid_of(100)]
    assert await reader.news() == ""
    assert await reader.script("return window.mark") == 1


async def _is(reader: Reader, text: str) -> bool:
    return await reader.news() == text


async def test_the_keyboard_stays_on_its_row(reader: Reader) -> None:
    await reader.open("/items")
    await reader.script("document.querySelector('tbody [data-key] a').focus()")
    focused = "return document.activeElement.closest('[data-key]').dataset.key"
    row = await reader.script(focused)
    await reader.commit(100)
    await reader.until(lambda: _is(reader, "1 new: show"))
    assert await reader.script(focused) == row


async def test_a_span_is_chosen_with_the_mouse(reader: Reader) -> None:
    await reader.open("/items?type=scan")
    first, step, number, width = await reader.script(FACTS)
    chart = await asyncio.to_thread(reader.browser.find_element, By.ID, "chart")
    piece = width / number
    # From the second piece into the fifth; offsets are from the middle.
    start, stop = round(1.5 * piece - width / 2), round(4.5 * piece - width / 2)
    await reader.act(
        lambda chain: (
            chain.move_to_element_with_offset(chart, start, 20)
            .click_and_hold()
            .move_to_element_with_offset(chart, stop, 20)
            .release()
        )
    )
    await reader.until(lambda: _address(reader, "since="))
    assert await _span(reader) == ((first + step) // MICROSECONDS, (first + 5 * step) // MICROSECONDS)
    assert await _address(reader, "type=scan")


async def test_a_span_is_chosen_with_a_finger_and_none_by_scrolling(reader: Reader) -> None:
    devtools, narrow = reader.browser.execute_cdp_cmd, {"width": 360, "height": 700, "deviceScaleFactor": 2}

    async def swipe(*points: tuple[float, float]) -> None:
        for number, (x, y) in enumerate(points):
            touch = {"type": "touchMove" if number else "touchStart", "touchPoints": [{"x": x, "y": y}]}
            await asyncio.to_thread(devtools, "Input.dispatchTouchEvent", touch)
        await asyncio.to_thread(devtools, "Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    devtools("Emulation.setDeviceMetricsOverride", narrow | {"mobile": True})
    devtools("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        await reader.open("/items")
        first, step, number, width = await reader.script(FACTS)
        left, top = await reader.script(PLACE)
        piece, middle = width / number, top + 40
        begin, end = left + 10.5 * piece, left + 30.5 * piece
        # A finger that goes up scrolls the page, although it began on a bar.
        await swipe(*((begin + up / 4, middle - up) for up in range(0, 64, 8)))
        assert await reader.script("return document.querySelector('.brush').hidden")
        assert not await _address(reader, "since=")
        # Where it scrolled to is where the bars are now.
        await reader.script("scrollTo(0, 0)")
        await swipe(*((begin + (end - begin) * part / 10, middle) for part in range(11)))
        await reader.until(lambda: _address(reader, "since="))
        assert await _span(reader) == ((first + 10 * step) // MICROSECONDS, (first + 31 * step) // MICROSECONDS)
    finally:
        devtools("Emulation.setTouchEmulationEnabled", {"enabled": False})


async def test_a_span_is_chosen_with_the_keyboard(reader: Reader) -> None:
    await reader.open("/items")
    first, step, number, _ = await reader.script(FACTS)
    await reader.script("document.getElementById('brush-from').focus()")
    await reader.act(lambda chain: chain.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.TAB))
    await reader.act(lambda chain: chain.send_keys(Keys.ARROW_LEFT, Keys.TAB, Keys.ENTER))
    await reader.until(lambda: _address(reader, "since="))
    assert await _span(reader) == (
        (first + 2 * step) // MICROSECONDS,
        (first + (number - 1) * step) // MICROSECONDS,
    )


async def _address(reader: Reader, text: str) -> bool:
    return text in await asyncio.to_thread(lambda: reader.browser.current_url)


async def _span(reader: Reader) -> tuple[int, int]:
    """The time in the address, in seconds."""
    times = (
        "return ['since', 'until'].map((name) => Date.parse(new URLSearchParams(location.search).get(name)) / 1000)"
    )
    since, until = await reader.script(times)
    return int(since), int(until)
