"""The pages in a real browser: set-up from the link, login, password, logout; they fit and can be read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.timing import PATIENCE
from tests.web.api.whole import BY, PASSWORD, Whole

NEW = "another horse battery"


class Browsing:
    """A browser at the hub."""

    def __init__(self, browser: webdriver.Chrome, whole: Whole) -> None:
        self.browser = browser
        self.url = whole.server.url

    async def open(self, path: str) -> None:
        """Go to a page."""
        await asyncio.to_thread(self.browser.get, self.url + path)

    async def at(self, path: str) -> None:
        """Wait until the browser is at a page."""
        waiting = WebDriverWait(self.browser, PATIENCE, poll_frequency=0.05, ignored_exceptions=[WebDriverException])
        await asyncio.to_thread(waiting.until, lambda browser: browser.current_url == self.url + path)

    async def fill(self, **fields: str) -> None:
        """Fill in the main form and send it."""

        def work() -> None:
            for name, value in fields.items():
                field = self.browser.find_element(By.CSS_SELECTOR, f"main input[name={name}]")
                field.clear()
                field.send_keys(value)
            self.browser.find_element(By.CSS_SELECTOR, "main button").click()

        await asyncio.to_thread(work)

    def script(self, text: str) -> Any:
        """Return what a script says of the page."""
        return self.browser.execute_script(text)

    def text(self, selector: str = "body") -> str:
        """Return the text that a person sees."""
        return self.browser.find_element(By.CSS_SELECTOR, selector).text

    def complaints(self) -> list[str]:
        """Return what the browser's console holds since the last look."""
        return [entry["message"] for entry in self.browser.get_log("browser")]  # type: ignore[no-untyped-call]


@pytest.fixture
def browsing(browser: webdriver.Chrome, whole: Whole) -> Browsing:
    browsing = Browsing(browser, whole)
    browsing.complaints()
    return browsing


async def test_from_the_link_to_the_logout(whole: Whole, browsing: Browsing, screenshots: Path | None) -> None:
    token = await whole.links.make(by=BY, only_first=True)
    await browsing.open("/v1/items?limit=5")
    await browsing.at("/login?next=/v1/items%3Flimit%3D5")
    await _look(browsing, screenshots, "login")

    await browsing.open(f"/setup#{token}")
    await browsing.at("/setup")
    assert browsing.script("return document.getElementById('link').value") == token
    assert "Set-up code" not in browsing.text()
    await _look(browsing, screenshots, "setup")
    await browsing.fill(name="anna", password=PASSWORD, repeated=PASSWORD)
    await browsing.at("/")
    assert browsing.text("h1") == "Fleet"
    await browsing.open("/account")
    assert browsing.text("h1") == "anna"
    assert browsing.script("return document.cookie") == ""
    await _look(browsing, screenshots, "account")

    await browsing.fill(current="wrong horse battery", password=NEW, repeated=NEW)
    await browsing.at("/account/password")
    assert "the current password is wrong" in browsing.text("[role=alert]")
    await browsing.fill(current=PASSWORD, password=NEW, repeated=NEW)
    await browsing.at("/account?changed=true")
    await asyncio.to_thread(browsing.browser.find_element(By.CSS_SELECTOR, "header button").click)
    await browsing.at("/login")
    await browsing.open("/account")
    await browsing.at("/login?next=/account")
    await browsing.fill(name="anna", password=PASSWORD)
    await browsing.at("/login")
    assert "wrong" in browsing.text("[role=alert]")
    await _look(browsing, screenshots, "login-refused")
    await browsing.fill(name="Anna", password=NEW)
    await browsing.at("/account")
    assert [text for text in browsing.complaints() if "401" not in text and "403" not in text] == []


async def _look(browsing: Browsing, screenshots: Path | None, name: str) -> None:
    """Check that a page fits on a telephone and on a screen, and keep how it looks where that is asked for."""
    for width in (360, 1280):
        for scheme in ("light", "dark"):
            await asyncio.to_thread(_set_look, browsing.browser, width, scheme)
            assert browsing.script("return document.documentElement.scrollWidth") <= width
            unlabelled = "return [...document.querySelectorAll('input:not([type=hidden]):not([hidden])')]"
            assert (
                browsing.script(f"{unlabelled}.filter((field) => !field.labels.length).map((field) => field.id)")
                == []
            )
            if screenshots:
                path = str(screenshots / f"{name}-{width}-{scheme}.png")
                await asyncio.to_thread(browsing.browser.save_screenshot, path)


def _set_look(browser: webdriver.Chrome, width: int, scheme: str) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
