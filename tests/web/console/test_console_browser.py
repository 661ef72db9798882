"""The console in a real browser at a real fleet: first run, live presence, an item's proof, a lost hub."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

from agents.base import BaseAgent
from agents.identity import Identity
from tests.timing import PATIENCE, bound
from tests.vedette.cli.commands import Running, called, running, until
from tests.web.api.whole import PASSWORD
from vedette.clock import SystemClock

SEEN = """
window.seen = {};
const look = () => {
  for (const [text] of document.getElementById("live").textContent.matchAll(/turn \\d/g)) seen[text] ??= Date.now();
};
new MutationObserver(look).observe(document.getElementById("live"), {
  subtree: true, childList: true, characterData: true, attributes: true,
});
"""
"""Notes when the page shows what."""

SEEN_GONE = 2.0
"""Seconds until a page shows that an agent died."""


JOBS = """
jobs:
  scope:
    commands:
      tick: [sh, -c, 'i=0; while :; do i=$((i+1)); echo "tick $i <b>$0"; sleep 0.3; done', "{target}"]
"""
"""A command that goes on until it is ended."""


REPAIRS = "repairs: {look_every: 0.5, agent_gone: 1.0}\n"
"""What is wrong is seen soon."""


def write_probe(folder: Path, name: str) -> None:
    """Write a probe that says the same every second."""
    content = {"command": ["echo", "alive"], "credentials": f"var/credentials/{name}.json", "period": 1.0}
    content |= {"jid": f"{name}@localhost", "expected_value": "alive"}
    (folder / f"{name}.json").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, put_databases: Callable[[Path], None]) -> Path:
    """A fleet with one probe, and another one that is not the fleet's."""
    folder = tmp_path_factory.mktemp("console")
    put_databases(folder)
    (folder / "vedette.yml").write_text(f"batch: {{seconds: 0.2}}\nprobes: [clock.json]\n{REPAIRS}{JOBS}")
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

    def until_says(self, text: str, selector: str = "main", *, seconds: float = PATIENCE) -> None:
        """Wait until a person sees a text."""
        until(
            lambda: self.says(text, selector),
            seconds=seconds,
            what=lambda: f"{text!r} in {self.browser.find_element(By.TAG_NAME, 'body').text}",
        )

    def script(self, text: str) -> Any:
        """Return what a script says of the page."""
        return self.browser.execute_script(text)

    def press(self, selector: str) -> None:
        """Press a button of a page that changes by itself: found and pressed at once, before it is drawn anew."""
        assert self.script(
            f"const button = document.querySelector({selector!r}); button?.click(); return button !== null"
        )

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
    done = called("enroll", "guest", "--role", "probe", folder=folder)
    assert done.returncode == 0, done.stderr
    console.open("/")
    until(console.is_live)
    # A mark that only this load of the page has: it changes by itself.
    console.script("window.mark = 1")
    assert seen_gone_after(console, folder) <= bound(SEEN_GONE)
    assert console.script("return window.mark") == 1
    assert console.is_live()


def seen_gone_after(console: Console, folder: Path) -> float:
    """Start the guest, kill it, and return the seconds until the page says that it is gone."""
    row = console.row("guest@localhost")
    with running("agent", "probe", "-c", "guest.json", folder=folder, name="guest") as guest:
        until(lambda: row("Available"), what=guest.complained)
        # Its card makes it present a moment before the registry is subscribed to its presence, and so sees it go.
        until(lambda: "guest" in called("items", "--agent", "guest@localhost", folder=folder).stdout)
        guest.process.kill()
        killed = time.monotonic()
        until(lambda: row("Gone"), what=lambda: console.browser.find_element(By.TAG_NAME, "main").text)
        return time.monotonic() - killed


def test_a_presence_is_on_the_page_as_soon_as_its_stanza_came(console: Console, folder: Path) -> None:
    """From the stanza that leaves the agent to the page that shows it, five times; the median is what counts."""
    done = called("enroll", "herald", "--role", "probe", folder=folder)
    assert done.returncode == 0, done.stderr
    console.open("/")
    until(console.is_live)
    console.script(SEEN)
    sent = asyncio.run(herald(folder, lambda text: bool(console.script(f"return {text!r} in window.seen"))))
    seen: dict[str, float] = console.script("return window.seen")
    took = sorted(seen[text] / 1000 - at for text, at in sent.items())
    print(f"stanza to page: median {took[2] * 1000:.0f} ms, of {[round(one * 1000) for one in took]}")
    assert took[2] <= bound(0.5)


async def herald(folder: Path, shown: Callable[[str], bool]) -> dict[str, float]:
    """Be an agent that says something else of itself again and again; returns when it said what."""
    identity = Identity.load(folder / "var" / "credentials" / "herald.json")
    agent = BaseAgent(identity=identity, clock=SystemClock(), view_port=None)
    agent.compose_behaviours = lambda: [agent.registering()]  # type: ignore[method-assign]
    sent: dict[str, float] = {}
    await agent.start()
    try:
        for number in range(6):
            text = f"turn {number}"
            sent[text] = time.time()
            agent.set_presence(show="away" if number % 2 else "available", status=text)
            async with asyncio.timeout(PATIENCE):
                while not await asyncio.to_thread(shown, text):
                    await asyncio.sleep(0.1)
            # One refresh is over before the next begins, as with people.
            await asyncio.sleep(0.5)
    finally:
        await agent.stop()
    # The first has to wait until the registry has asked to see its presence.
    del sent["turn 0"]
    return sent


def test_an_agent_that_runs_elsewhere_has_its_own_page_here(console: Console) -> None:
    console.open("/agents/clock@localhost")
    console.until_says("Behaviours")
    assert console.says("run check")
    assert console.says("Presence, as the registry saw it")
    until(console.is_live)
    console.open("/agents/guest@localhost")
    console.until_says("only what the directory knows")


def test_a_repair_appears_by_itself_and_is_taken_note_of(console: Console, folder: Path) -> None:
    # Given the page of repairs, open
    console.open("/repairs")
    until(console.is_live)
    console.script("window.mark = 1")
    # When an agent is enrolled that never comes
    done = called("enroll", "late", "--role", "probe", folder=folder)
    assert done.returncode == 0, done.stderr
    # Then the page says so, and the bar counts it
    console.until_says("late@localhost is enrolled and never came.")
    console.until_says("open", ".menu .badge")
    assert console.script("return window.mark") == 1
    card = "[...document.querySelectorAll('.entry-card')].find((one) => one.innerText.includes('late@localhost'))"
    console.script(f"{card}.querySelector('summary').click()")
    until(lambda: console.script(f"return {card}.querySelector('[name=reason]').checkVisibility()"))
    console.script(f"{card}.querySelector('[name=reason]').focus()")
    # A refresh meanwhile must not take away what is typed.
    console.browser.switch_to.active_element.send_keys("it comes on Friday")
    console.script(f"{card}.querySelector('form button').click()")
    console.until_says("Taken note of")
    console.until_says("user anna took note")
    assert console.says("it comes on Friday")
    # And when the agent is not expected any more, it is right again
    assert called("revoke", "late", folder=folder).returncode == 0
    until(lambda: not console.says("late@localhost"))


def test_from_an_item_to_a_bundle_that_verifies(console: Console, folder: Path, tmp_path: Path) -> None:
    console.open("/items?agent=clock%40localhost")
    # The list may change between a look at a row and a click on it.
    console.browser.get(console.script("return document.querySelector('.rows tbody a').href"))
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
    roots = folder / "var" / "tsa" / "roots.pem"
    verified = called("verify", bundle, "--trust", roots, folder=folder)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    # And by somebody who has OpenSSL and nothing of ours.
    with zipfile.ZipFile(bundle) as opened:
        opened.extractall(tmp_path / "bundle")
    script = ["bash", "verify.sh", roots]
    said = subprocess.run(script, cwd=tmp_path / "bundle", capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr


def test_from_a_form_to_live_lines_and_the_end_of_it(console: Console) -> None:
    # Given a fleet of which nobody said who does its jobs
    console.open("/jobs")
    for text in ("New job", "tick"):
        console.browser.find_element(By.LINK_TEXT, text).click()
    console.until_says("Choose another tool")
    console.browser.find_element(By.NAME, "targets").send_keys("127.0.0.1")
    console.until_says("sh -c", "#preview")
    # When one is run
    console.press("button[value=run]")
    # Then its output is there line by line, as text, until it is cancelled
    console.until_says("tick 3 <b>127.0.0.1", "#output")
    console.until_says("Live", "#output-contact")
    assert console.script("return document.querySelectorAll('#output b').length") == 0
    console.press("form[action$='/cancel'] button")
    console.until_says("The job has ended", "#output-contact")
    console.until_says("cancelled", ".job-state")
    console.open("/jobs?state=cancelled")
    assert console.says("tick")


def test_a_hub_that_dies_is_said_to_be_lost_and_comes_back_by_itself(console: Console, fleet: Running) -> None:
    console.open("/")
    until(console.is_live)
    hub = fleet.children()["hub"]
    # Whoever would start it again waits until a person has seen it.
    fleet.process.suspend()
    try:
        hub.kill()
        console.until_says("Reconnecting:", "#alarm")
        # Nothing stale looks live.
        assert not console.is_live()
        assert console.says("Last known:")
    finally:
        fleet.process.resume()
    until(console.is_live)
    row = console.row("clock@localhost")
    until(lambda: row("Available"))
