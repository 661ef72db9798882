"""Who visits the console: a program that times the server, and a browser that times what a person waits for."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

_ELSEWHERE = re.compile(r"/(v1|static)/|/(docs|openapi\.json|logout|login)\b|.*(/bundle|/payload)$")
_ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic")
_SHOWN = """const [page] = performance.getEntriesByType('navigation');
const paint = performance.getEntriesByName('first-contentful-paint')[0];
return Math.max(page.loadEventEnd, paint ? paint.startTime : 0)"""
_WATCH = """window.seen = [];
const look = () => { const text = document.querySelector('tbody .presence')?.textContent.trim();
    if (text !== window.seen.at(-1)?.[0]) window.seen.push([text, Date.now()]) };
new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true,
    attributes: true}); look()"""


async def crawl(client: httpx.AsyncClient, *, start: list[str]) -> list[str]:
    """Return an address of every page that can be reached by links from some pages."""
    waiting, found = list(start), dict[str, str]()
    while waiting:
        address = waiting.pop(0)
        kind = _kind(address)
        if not kind or kind in found:
            continue
        answer = await client.get(address)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        found[kind] = address
        links = (unescape(link) for link in re.findall(r'href="(/[^"#]*)"', answer.text))
        # Facets lead from each choice to all others: one at a time says enough.
        waiting += [link for link in links if link.count("=") <= 1]
    return list(found.values())


def _kind(address: str) -> str:
    """Return what pages have in common that show different things: path and parameters; empty for what is no page."""
    parts = urlsplit(address)
    if _ELSEWHERE.match(parts.path):
        return ""
    path = re.sub(r"(/agents|/items|/jobs|/schedules|/users|/dead-letters)/(?!new)[^?]+", r"\1/one", parts.path)
    path = re.sub(r"(/graph/vertex)/[^/]+", r"\1/one", path)
    names = sorted(re.findall(r"(?:^|&)([^=&]+)=[^&]", parts.query))
    return f"{path}?{'&'.join(names)}"


async def times(client: httpx.AsyncClient, address: str, *, rounds: int) -> list[float]:
    """Return the milliseconds of some requests for a page."""
    measured = []
    for _ in range(rounds):
        started = time.perf_counter()
        answer = await client.get(address)
        measured.append((time.perf_counter() - started) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{address}: {answer.status_code}: {answer.text[:200]}")
    return measured


class Visitor:
    """A browser in which somebody is logged in."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self._browser = browser
        self._url = url

    def enter(self, session: str) -> None:
        """Log in with a session."""
        self._browser.get(f"{self._url}/login")
        self._browser.add_cookie({"name": "vedette_session", "value": session})

    def shown_after(self, address: str) -> float:
        """Open a page and return the milliseconds until it is there and drawn."""
        self._browser.get(self._url + address)
        return float(self._browser.execute_script(_SHOWN))

    def watch(self, address: str) -> None:
        """Open a page that keeps itself current, and note from now on what its first presence is, and when."""
        self._browser.get(self._url + address)
        self._wait(lambda: self._browser.execute_script("return document.documentElement.dataset.contact") == "live")
        self._browser.execute_script(_WATCH)

    def seen(self, word: str, *, since: float) -> float | None:
        """Return the milliseconds from a time (seconds since 1970) until the watched page showed a presence."""
        found: list[float] = []

        def there() -> bool:
            entries: list[Any] = self._browser.execute_script("return window.seen")
            found[:] = [at for text, at in entries if text == word and at >= since * 1000 - 1]
            return bool(found)

        self._wait(there)
        return found[0] - since * 1000 if found else None

    def _wait(self, condition: Any) -> None:
        deadline = time.monotonic() + 10
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.02)


@contextmanager
def chromium(folder: Path) -> Iterator[webdriver.Chrome | None]:
    """Start a headless Chromium; None where there is none."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        yield None
        return
    options = Options()
    options.binary_location = program
    for argument in (*_ARGUMENTS, "--window-size=1280,800", f"--user-data-dir={folder}"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=Service(executable_path=driver))
    try:
        yield browser
    finally:
        browser.quit()
