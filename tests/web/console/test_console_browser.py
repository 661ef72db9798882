"""The console in a real browser at a real fleet: first run, live presence, an item's proof, a lost hub."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

from tests.vedette.cli.commands import Running, running, until, vedette
from tests.web.api.whole import PASSWORD

SEEN_GONE = 2.0
"""Seconds until a page shows that an agent died."""


def write_probe(folder: Path, name: str) -> None:
    """Write a probe that says the same every second."""
    content = {"command": ["echo", "alive"], "credentials": f"var/credentials/{name}.json", "period": 1.0}
    content |= {"jid": f"{name}@localhost", "expected_value": "alive"}
    (folder / f"{name}.json").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fleet with one probe, and another one that is not the fleet's."""
    folder = tmp_path_factory.mktemp("console")
    (folder / "vedette.yml").write_text("batch: {seconds: 0.2}\nprobes: [clock.json]\n")
    write_probe(folder, "clock")
    write_probe(folder, "guest")
    return folder


@pytest.fixture(scope="module")
def fleet(folder: Path) -> Iterator[Running]:
    """The fleet, running."""
    with running("up", "--log-level", "warning", folder=folder, name="up") as fleet:
        fleet.until_said("The fleet is up")
        yield fleet


class Console:
    """A browser at the console."""

    def __init__(self, browser: webdriver.Chrome, base: str) -> None:
        self.browser = browser
        self.base = base

    def open(self, path: str) -> None:
        """Go to a page."""
        self.browser.get(self.base + path)

    def says(self, text: str, selector: str = "main") -> bool:
        """Tell whether a person sees a text."""
        try:
            return text in self.browser.find_element(By.CSS_SELECTOR, selector).text
        except WebDriverException:
            # The page is just being replaced.
            return False

    def until_says(self, text: str, selector: str = "main", *, seconds: float = 20.0) -> None:
        """Wait until a person sees a text."""
        until(
            lambda: self.says(text, selector),
            seconds=seconds,
            what=lambda: f"{text!r} in {self.browser.find_element(By.TAG_NAME, 'body').text}",
        )

    def script(self, text: str) -> Any:
        """Return what a script says of the page."""
        return self.browser.execute_script(text)

    def row(self, jid: str) -> Callable[[str], bool]:
        """Return what tells whether an agent's row on the fleet page has a text."""
        find = "return [...document.querySelectorAll('tbody tr')].find((row) => row.innerText.includes(arguments[0]))"
        return lambda text: text in (self.browser.execute_script(f"{find}?.innerText ?? ''", jid) or "")

    def is_live(self) -> bool:
        """Tell whether the page calls itself live."""
        return bool(self.script("return document.documentElement.dataset.contact === 'live'"))


@pytest.fixture(scope="module")
def console(fleet: Running, browser: webdriver.Chrome, tidy: None) -> Console:
    """A browser in which the first administrator was just made, with the link that `vedette up` printed."""
    found = re.search(r"(http://127\.0\.0\.1:\d+)/setup#\S+", fleet.said())
    assert found is not None, fleet.said()
    browser.get(found[0])
    until(lambda: browser.current_url.endswith("/setup"))
    for name, value in {"name": "anna", "password": PASSWORD, "repeated": PASSWORD}.items():
        browser.find_element(By.CSS_SELECTOR, f"main input[name={name}]").send_keys(value)
    browser.find_element(By.CSS_SELECTOR, "main button").click()
    return Console(browser, found[1])


def test_after_the_first_start_one_sees_a_fleet_that_is_alive(console: Console) -> None:
    until(lambda: console.browser.current_url == f"{console.base}/")
    until(console.is_live)
    row = console.row("clock@localhost")
    until(lambda: row("Available"))
    assert console.says("Live", "#contact")
    assert not console.script("return document.getElementById('alarm').checkVisibility()")


def test_an_agent_that_dies_is_seen_gone_at_once(console: Console, folder: Path) -> None:
    done = vedette("enroll", "guest", "--role", "probe", folder=folder)
    assert done.returncode == 0, done.stderr
    console.open("/")
    until(console.is_live)
    # A mark that only this load of the page has: it changes by itself.
    console.script("window.mark = 1")
    # A machine that is busy with something else at this very moment gets another try, not another limit.
    assert any(seen_gone_after(console, folder) <= SEEN_GONE for _ in range(3))
    assert console.script("return window.mark") == 1
    assert console.is_live()


def seen_gone_after(console: Console, folder: Path) -> float:
    """Start the guest, kill it, and return the seconds until the page says that it is gone."""
    row = console.row("guest@localhost")
    with running("agent", "probe", "-c", "guest.json", folder=folder, name="guest") as guest:
        until(lambda: row("Available"), seconds=60, what=guest.complained)
        guest.process.kill()
        killed = time.monotonic()
        until(lambda: row("Gone"), what=lambda: console.browser.find_element(By.TAG_NAME, "main").text)
        return time.monotonic() - killed


def test_an_agent_that_runs_elsewhere_has_its_own_page_here(console: Console) -> None:
    console.open("/agents/clock@localhost")
    console.until_says("Behaviours")
    assert console.says("run check")
    assert console.says("Presence, as the registry saw it")
    until(console.is_live)
    console.open("/agents/guest@localhost")
    console.until_says("only what the directory knows")


def test_from_an_item_to_a_bundle_that_verifies(console: Console, folder: Path, tmp_path: Path) -> None:
    console.open("/items?agent=clock%40localhost")
    console.browser.find_element(By.CSS_SELECTOR, "tbody a").click()
    console.until_says("Certificate of local")
    links = console.browser.find_elements(By.CSS_SELECTOR, ".chain .link")
    assert [link.get_attribute("class") for link in links] == ["link is-held"] * 5
    assert console.says("Nothing differs.") or console.says("This is the first run")
    assert console.says("alive", ".raw")
    console.browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    console.browser.find_element(By.LINK_TEXT, "Download bundle").click()
    until(lambda: list(tmp_path.glob("*.zip")))
    (bundle,) = tmp_path.glob("*.zip")
    verified = vedette("verify", bundle, "--trust", folder / "var" / "tsa" / "roots.pem", folder=folder)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_hub_that_dies_is_said_to_be_lost_and_comes_back_by_itself(console: Console, fleet: Running) -> None:
    console.open("/")
    until(console.is_live)
    fleet.children()["hub"].kill()
    console.until_says("Reconnecting:", "#alarm", seconds=5)
    # Nothing stale looks live.
    assert not console.is_live()
    assert console.says("Last known:")
    until(console.is_live, seconds=120)
    row = console.row("clock@localhost")
    until(lambda: row("Available"), seconds=120)
