"""The agent's view in a real browser: it loads clean, stays current, and says when it is not."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.timing import PATIENCE
from vedette.messages.state import AgentState
from web.agent_view import AgentView

HURRY = 4
"""How much faster time passes for the page that is hurried; its limits stay what they are, by its own clock."""

_HURRIED = f"""
(() => {{
  const [now, later, often] = [Date.now.bind(Date), window.setTimeout.bind(window), window.setInterval.bind(window)];
  const began = now();
  Date.now = () => began + (now() - began) * {HURRY};
  window.setTimeout = (work, wait = 0) => later(work, wait / {HURRY});
  window.setInterval = (work, wait = 0) => often(work, wait / {HURRY});
}})();
"""


@dataclass
class Ticking:
    """A state whose clock moves with every look, as a living agent's does."""

    state: AgentState
    looks: int = 0
    frozen: bool = False
    changes: dict[str, Any] = field(default_factory=dict)

    def __call__(self) -> AgentState:
        if not self.frozen:
            self.looks += 1
        return self.state.model_copy(update={"now": self.state.now + self.looks * 1_000_000, **self.changes})


@dataclass
class Shown:
    """A view that is being served, and the browser that shows it."""

    view: AgentView
    source: Ticking
    browser: webdriver.Chrome

    async def open(self) -> None:
        """Load the page."""
        await asyncio.to_thread(self.browser.get, self.view.url)

    async def until(self, condition: Callable[[webdriver.Chrome], bool]) -> None:
        """Wait until the browser shows it."""
        waiting = WebDriverWait(self.browser, PATIENCE, poll_frequency=0.1, ignored_exceptions=[WebDriverException])
        await asyncio.to_thread(waiting.until, condition)

    async def contact(self, state: str) -> None:
        """Wait until the page says that its contact is so."""
        await self.until(lambda browser: self.script("return document.documentElement.dataset.contact") == state)

    def script(self, text: str) -> Any:
        """Return what a script says of the page."""
        return self.browser.execute_script(text)

    def text(self, selector: str) -> str:
        """Return the text that a person sees there."""
        return self.browser.find_element(By.CSS_SELECTOR, selector).text

    def complaints(self) -> list[str]:
        """Return what the browser's console holds since the last look."""
        return [entry["message"] for entry in self.browser.get_log("browser")]  # type: ignore[no-untyped-call]


@pytest.fixture
async def shown(full_state: AgentState, browser: webdriver.Chrome) -> AsyncIterator[Shown]:
    source = Ticking(full_state)
    view = AgentView(state=source)
    await view.start()
    shown = Shown(view=view, source=source, browser=browser)
    shown.complaints()
    try:
        yield shown
    finally:
        await view.stop()
        await asyncio.to_thread(browser.get, "about:blank")


@pytest.fixture
async def hurried(shown: Shown) -> AsyncIterator[Shown]:
    """The same, where the page's clock and its timers run faster: nobody waits for what takes seconds."""
    command = "Page.addScriptToEvaluateOnNewDocument"
    added = await asyncio.to_thread(shown.browser.execute_cdp_cmd, command, {"source": _HURRIED})
    yield shown
    command = "Page.removeScriptToEvaluateOnNewDocument"
    await asyncio.to_thread(shown.browser.execute_cdp_cmd, command, {"identifier": added["identifier"]})


async def test_the_page_loads_without_a_complaint_and_becomes_live(shown: Shown) -> None:
    await shown.open()
    await shown.contact("live")
    assert shown.text("h1") == "probe1@localhost"
    assert shown.text("#contact-word") == "Live,"
    assert shown.complaints() == []


async def test_a_changed_counter_appears_without_a_reload_and_open_details_stay_open(hurried: Shown) -> None:
    shown = hurried
    await shown.open()
    shown.script("document.querySelector('summary').click(); window.sameDocument = true;")
    shown.source.changes = {"counters": {"runs": 777_777}}
    await shown.until(lambda _: "777,777" in shown.text(".cards"))
    assert shown.script("return window.sameDocument && document.querySelector('details').open") is True
    assert "dead letters" not in shown.text(".cards")
    assert shown.complaints() == []


async def test_a_stopped_agent_is_said_to_be_lost_with_the_time_of_its_last_answer(hurried: Shown) -> None:
    shown = hurried
    await shown.open()
    await shown.contact("live")
    await shown.view.stop()
    await shown.contact("lost")
    alarm = shown.text("#alarm")
    assert "Reconnecting: the agent does not answer." in alarm
    assert "The last answer came at 20" in alarm
    assert shown.text("#contact-word") == "Last answer"
    assert shown.browser.title.startswith("No contact")


async def test_an_agent_that_comes_back_is_live_again(hurried: Shown) -> None:
    shown = hurried
    await shown.open()
    await shown.contact("live")
    port = int(shown.view.url.rsplit(":", 1)[1].strip("/"))
    await shown.view.stop()
    await shown.contact("lost")
    again = AgentView(state=shown.source, port=port)
    await again.start()
    try:
        await shown.contact("live")
        assert not shown.browser.find_element(By.ID, "alarm").is_displayed()
        assert not shown.browser.title.startswith("No contact")
    finally:
        await again.stop()


async def test_an_answer_that_only_repeats_old_news_is_not_called_live(hurried: Shown) -> None:
    shown = hurried
    await shown.open()
    await shown.contact("live")
    shown.source.frozen = True
    await shown.contact("lost")
    await shown.until(lambda _: "has sent nothing new" in shown.text("#alarm"))


async def test_an_agent_that_answers_with_errors_is_lost(shown: Shown) -> None:
    await shown.open()
    await shown.contact("live")
    shown.source.changes = {"presence": None}
    await shown.contact("lost")
    # A first answer may be late while the failure is logged; the next one comes two seconds after it.
    await shown.until(lambda _: "answered with error 500" in shown.text("#alarm"))


async def test_another_agent_at_the_same_address_is_not_taken_for_this_one(hurried: Shown) -> None:
    shown = hurried
    await shown.open()
    await shown.contact("live")
    shown.source.changes = {"jid": "other@localhost"}
    await shown.contact("lost")
    await shown.until(lambda _: "something else answers" in shown.text("#alarm"))
    assert shown.text("h1") == "probe1@localhost"


async def test_an_agent_that_accepts_but_never_answers_is_lost(hurried: Shown) -> None:
    shown = hurried
    await shown.open()
    await shown.contact("live")
    port = int(shown.view.url.rsplit(":", 1)[1].strip("/"))
    await shown.view.stop()
    with socket.create_server(("127.0.0.1", port)):
        await shown.until(lambda _: "takes too long" in shown.text("#alarm"))


async def test_paused_updates_stay_paused_and_resume(shown: Shown) -> None:
    await shown.open()
    await shown.contact("live")
    shown.browser.find_element(By.ID, "pause").click()
    await shown.contact("paused")
    assert shown.text("#contact-word") == "Paused at"
    shown.source.changes = {"counters": {"runs": 777_777}}
    shown.browser.find_element(By.ID, "pause").click()
    await shown.contact("live")
    assert "777,777" in shown.text(".cards")


def _set_look(shown: Shown, width: int, scheme: str) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    shown.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    shown.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


def _capture(shown: Shown, path: Path) -> None:
    picture = shown.browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    path.write_bytes(base64.b64decode(picture["data"]))


# Text against the nearest painted ground, by WCAG 2's formula; large text may have 3:1.
_CONTRAST = """
const lightness = (colour) => {
  const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (colour !== "rgba(0, 0, 0, 0)") return colour;
  }
  return "rgb(255, 255, 255)";
};
const faint = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
  const style = getComputedStyle(element);
  const [a, b] = [lightness(style.color), lightness(ground(element))].sort((x, y) => y - x);
  const large = parseFloat(style.fontSize) >= 24;
  if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) faint.push(walker.currentNode.data.trim());
}
return faint;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_the_page_fits_and_can_be_read(
    hurried: Shown, screenshots: Path | None, width: int, scheme: str
) -> None:
    shown = hurried
    _set_look(shown, width, scheme)
    await shown.open()
    await shown.contact("live")
    assert shown.script("return document.documentElement.scrollWidth") <= width
    assert shown.script(_CONTRAST) == []
    if screenshots:
        await asyncio.to_thread(_capture, shown, screenshots / f"full-{width}-{scheme}.png")
    await shown.view.stop()
    await shown.contact("lost")
    assert shown.script("return document.documentElement.scrollWidth") <= width
    assert shown.script(_CONTRAST) == []
    if screenshots:
        await asyncio.to_thread(_capture, shown, screenshots / f"lost-{width}-{scheme}.png")


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("fixture", ["empty_state", "hostile_state"])
async def test_empty_and_hostile_states_fit_run_nothing_and_load_nothing(
    shown: Shown, screenshots: Path | None, request: pytest.FixtureRequest, fixture: str, width: int
) -> None:
    shown.source.state = request.getfixturevalue(fixture)
    _set_look(shown, width, "light")
    await shown.open()
    await shown.contact("live")
    assert shown.script("return document.documentElement.scrollWidth") <= width
    assert shown.script("return window.ran") is None
    loaded = shown.script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [address for address in loaded if not address.startswith(shown.view.url)] == []
    assert shown.complaints() == []
    if screenshots:
        await asyncio.to_thread(_capture, shown, screenshots / f"{fixture}-{width}.png")


async def test_every_control_can_be_reached_by_keyboard_and_shows_its_focus(shown: Shown) -> None:
    await shown.open()
    await shown.contact("live")
    reached = []
    for _ in range(5):
        ActionChains(shown.browser).send_keys(Keys.TAB).perform()
        reached.append(
            shown.script(
                "const at = document.activeElement;"
                "return [at.tagName, getComputedStyle(at).outlineStyle !== 'none' && at.checkVisibility()];"
            )
        )
    assert reached == [["A", True], ["A", True], ["BUTTON", True], ["SUMMARY", True], ["A", True]]
