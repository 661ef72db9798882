"""The picture of the graph in a browser: it settles, is walked with mouse and keyboard, and is a table without."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.timing import PATIENCE
from tests.web.api.v1.conftest import Hub
from tests.web.api.v1.graph_content import KRAKEN, ZEUS, id_of
from tests.web.conftest import HOSTILE
from tests.web.console.hostile_graph import poison_graph
from web.console.graph_addresses import picture_address, vertex_address

STATE = "return document.getElementById('picture').dataset.state"
PIXELS = """const canvas = document.getElementById('canvas'), context = canvas.getContext('2d');
const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
return new Set(new Uint32Array(data.buffer)).size"""


class Viewer:
    """Somebody who looks at a picture; all of it blocks."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self.browser = browser
        self.url = url

    def open(self, path: str) -> None:
        """Go to a picture and wait until it is still."""
        self.browser.get(self.url + path)
        self.until(lambda: self.browser.execute_script(STATE) == "still")

    def until(self, condition: Callable[[], Any]) -> None:
        """Wait until something is so."""
        WebDriverWait(self.browser, PATIENCE, poll_frequency=0.05).until(lambda _: condition())

    @property
    def canvas(self) -> WebElement:
        """What it is drawn on."""
        return self.browser.find_element(By.ID, "canvas")

    @property
    def note(self) -> str:
        """What is said of what is chosen."""
        return self.browser.find_element(By.ID, "picture-note").text

    def press(self, *keys: str) -> None:
        """Press keys while the picture has the focus."""
        self.canvas.send_keys(*keys)

    def click_until_something_is_chosen(self) -> tuple[int, int]:
        """Click here and there; return where something was, from the middle."""
        size = self.canvas.size
        for across in range(1, 16):
            for down in range(1, 16):
                place = (
                    size["width"] * across // 16 - size["width"] // 2,
                    size["height"] * down // 16 - size["height"] // 2,
                )
                self.click(*place)
                if self.note:
                    return place
        raise AssertionError("there is nothing in the picture")

    def click(self, x: int, y: int) -> None:
        """Click at a place, from the middle."""
        ActionChains(self.browser, duration=0).move_to_element_with_offset(self.canvas, x, y).click().perform()


async def test_a_picture_is_walked_with_the_keyboard_and_the_mouse(
    hub: Hub, address: str, browser: webdriver.Chrome
) -> None:
    metrics = {"width": 1000, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    viewer = Viewer(browser, address)

    def look() -> None:
        viewer.open(f"{picture_address(id_of(ZEUS))}&depth=2")
        assert browser.execute_script(PIXELS) > 20, "something is drawn"
        viewer.press(Keys.ARROW_RIGHT)
        assert "Malware" in viewer.note, "the first that is chosen is in the middle"
        seen = {viewer.note}
        for key in (Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_LEFT, Keys.ARROW_UP) * 3:
            viewer.press(key)
            seen.add(viewer.note)
        assert len(seen) > 1
        viewer.press(Keys.ESCAPE)
        assert viewer.note == ""
        viewer.press("+", "-", "0", Keys.ARROW_LEFT, Keys.ENTER)
        viewer.until(lambda: "/graph/vertex/" in browser.current_url)
        viewer.open(f"{picture_address(id_of(ZEUS))}&depth=2")
        ActionChains(browser, duration=20).drag_and_drop_by_offset(viewer.canvas, 60, 30).perform()
        assert "/graph/picture" in browser.current_url, "who drags opens nothing"
        viewer.open(f"{picture_address(id_of(ZEUS))}&depth=2")
        place = viewer.click_until_something_is_chosen()
        viewer.click(*place)
        viewer.until(lambda: "/graph/picture" not in browser.current_url)

    await asyncio.to_thread(look)


async def test_the_picture_of_one_vertex_alone_is_still_at_once(
    hub: Hub, address: str, browser: webdriver.Chrome
) -> None:
    viewer = Viewer(browser, address)
    await asyncio.to_thread(viewer.open, picture_address(id_of(KRAKEN)))
    assert await asyncio.to_thread(browser.execute_script, PIXELS) > 5
    await asyncio.to_thread(viewer.press, Keys.ARROW_UP, Keys.ENTER)
    await asyncio.to_thread(viewer.until, lambda: browser.current_url.endswith(vertex_address(id_of(KRAKEN))))


async def test_whatever_is_in_a_picture_is_text(hub: Hub, address: str, browser: webdriver.Chrome) -> None:
    pictures = (await poison_graph(hub.graph, list(HOSTILE)))["/graph/picture"]
    viewer = Viewer(browser, address)

    def look() -> None:
        viewer.open(pictures[0])
        for key in (Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_LEFT, Keys.ARROW_UP) * 6:
            viewer.press(key)
        # Names that are links and nothing else.
        inside = browser.execute_script(
            "return [...document.querySelectorAll('#picture-note *')].map((one) => one.tagName)"
        )
        assert set(inside) == {"A"}
        assert browser.execute_script("return window.ran ?? null") is None

    await asyncio.to_thread(look)


async def test_without_a_script_there_is_the_table(hub: Hub, address: str, browser: webdriver.Chrome) -> None:
    def look() -> tuple[bool, int]:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        try:
            browser.get(f"{address}{picture_address(id_of(ZEUS))}")
            shown = browser.find_element(By.ID, "picture").is_displayed()
            return shown, len(browser.find_elements(By.CSS_SELECTOR, "#table ~ .sheet tbody tr"))
        finally:
            browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    assert await asyncio.to_thread(look) == (False, 3)
