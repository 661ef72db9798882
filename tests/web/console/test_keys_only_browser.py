"""The main tasks with the keyboard alone, and in a browser without JavaScript."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from registry.roles import UserRole
from registry.users import Users
from tests.timing import PATIENCE
from tests.vedette.cli.commands import until
from tests.web.api.v1.conftest import Hub
from tests.web.api.whole import BY, CHEAP, PASSWORD
from tests.web.console.lively import enliven
from vedette.clock import SystemClock

FOCUSED = (
    "return [document.activeElement.innerText, document.activeElement.name, document.activeElement.value].join(' ')"
)
VISIBLE = """const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
return one === document.body || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
    && box.width > 0 && box.height > 0)"""
MOST_STOPS = 120


class Hands:
    """Somebody who has a keyboard and no mouse."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self.browser = browser
        self.url = url

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        actions = ActionChains(self.browser)
        for key in keys:
            actions.send_keys(key)
        actions.perform()

    def tab_to(self, text: str) -> None:
        """Go on with the tabulator to what has a text; where one is must be seen at each stop."""
        for _ in range(MOST_STOPS):
            self.press(Keys.TAB)
            assert self.browser.execute_script(VISIBLE), f"focus is not seen: {self.focused()}"
            if text in self.focused():
                return
        pytest.fail(f"{text!r} was not reached at {self.browser.current_url}")

    def focused(self) -> str:
        """Return what has the focus, in words."""
        return str(self.browser.execute_script(FOCUSED))

    def enter(self, text: str) -> None:
        """Follow a link or press a button."""
        self.tab_to(text)
        self.press(Keys.ENTER)

    def until_at(self, path: str) -> None:
        """Wait until the browser is at a page whose address begins so."""
        self.until(lambda: self.browser.current_url.startswith(self.url + path), path)

    def until_says(self, text: str) -> None:
        """Wait until the page has a text."""
        self.until(lambda: text in self.browser.find_element(By.TAG_NAME, "main").text, text)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something holds, whatever page is just being replaced."""

        def holds() -> bool:
            try:
                return condition()
            except WebDriverException:
                return False

        until(holds, seconds=PATIENCE, what=lambda: f"{what}: {self.browser.current_url}")


@pytest.fixture
def hands(hub: Hub, browser: webdriver.Chrome, tidy: None) -> Iterator[Hands]:
    """A browser as somebody has it at the first visit."""
    browser.delete_all_cookies()
    metrics = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    yield Hands(browser, hub.server.url)
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


async def add_operator(hub: Hub) -> None:
    users = Users(database=hub.database, clock=SystemClock())
    await users.add(name="otto", role=UserRole.OPERATOR, password_hash=CHEAP.hash(PASSWORD), by=BY)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_from_the_login_to_a_cancelled_job_and_a_proof(hub: Hub, hands: Hands, scripts: bool) -> None:
    await enliven(hub.database)
    await add_operator(hub)

    def walk() -> None:
        hands.browser.get(f"{hands.url}/login")
        if not scripts:
            hands.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
            hands.browser.get(f"{hands.url}/login")
        _log_in(hands)
        _launch_and_cancel(hands)
        # A page that keeps itself current needs its script for that, and only for that.
        contact = hands.browser.execute_script("return document.documentElement.dataset.contact ?? null")
        assert (contact is not None) is scripts
        _follow_a_proof(hands)

    await asyncio.to_thread(walk)


def _log_in(hands: Hands) -> None:
    # The first field has the focus by itself.
    hands.press("otto", Keys.TAB, PASSWORD, Keys.ENTER)
    hands.until_at("/")
    hands.until_says("Start here")
    # The first stop of each page skips what is the same on all.
    hands.tab_to("Skip to the content")
    hands.press(Keys.ENTER)
    hands.enter("Close")
    hands.until(lambda: "Start here" not in hands.browser.find_element(By.TAG_NAME, "main").text, "the tour ends")


def _launch_and_cancel(hands: Hands) -> None:
    hands.enter("Jobs")
    hands.until_at("/jobs")
    hands.enter("New job")
    hands.until_at("/jobs/new")
    hands.enter("tcp-connect")
    hands.until_says("Targets")
    hands.tab_to("targets")
    hands.press("127.0.0.1")
    hands.tab_to("ports")
    hands.press("7")
    hands.enter("Preview")
    hands.until_says("127.0.0.1")
    hands.enter("Run")
    hands.until(lambda: "/jobs/new" not in hands.browser.current_url, "the job is launched")
    hands.enter("Cancel")
    hands.until_says("cancelled")


def _follow_a_proof(hands: Hands) -> None:
    hands.enter("Items")
    hands.until_says("newest first")
    hands.browser.get(f"{hands.url}/tour/proof")
    hands.until_says("Hash tree of the batch")
    hands.enter("Download bundle")
