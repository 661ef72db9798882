"""Hostile names, statuses, targets, payloads and reasons on every page, in a real browser: they are text."""

from __future__ import annotations

import asyncio
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import httpx
from selenium import webdriver

from tests.web.api.v1.conftest import Hub
from tests.web.conftest import HOSTILE
from tests.web.console.hostile import poison
from tests.web.console.hostile_graph import poison_graph
from tests.web.console.page_list import pages

INTERACTIVE = "a[href], button, input:not([type=hidden]), select, summary, textarea, [tabindex='0']"
NAMELESS = f"""return [...document.querySelectorAll("{INTERACTIVE}")].filter((one) => one.checkVisibility()
    && !(one.labels?.length || one.textContent.trim() || one.getAttribute('aria-label')))
    .map((one) => one.outerHTML)"""
FOREIGN = """return document.querySelectorAll(
    'main script, main img, main iframe, base, main link, main meta, main object, main embed').length"""
LEVELS = "return [...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))"
ADDRESSES = """return [...document.querySelectorAll('[href], [src], [action], [formaction]')].map((one) =>
    one.href || one.src || one.action).filter((one) => typeof one === 'string' && !one.startsWith(location.origin))"""
NOT_FOUND = "Failed to load resource: the server responded with a status of 404"


async def test_whatever_others_write_is_text_on_every_page(
    hub: Hub, address: str, browser: webdriver.Chrome, screenshots: Path | None
) -> None:
    addresses = {**await poison(hub.database, list(HOSTILE)), **await poison_graph(hub.graph, list(HOSTILE))}
    assert len(addresses["/items/{uuid}"]) >= len(HOSTILE) // 2, "most of the corpus gets in, so it is shown"
    for number, path in enumerate(pages(hub.app, addresses)):
        seen = await asyncio.to_thread(_look, browser, address + path)
        assert seen == {
            "ran": None,
            "foreign": 0,
            "outside": [],
            "wide": False,
            "nameless": [],
            "skipped": [],
            "said": [],
        }, path
        if screenshots:
            await asyncio.to_thread(browser.save_screenshot, str(screenshots / f"hostile-{number}.png"))


async def test_a_filter_is_text_too(reader: httpx.AsyncClient) -> None:
    fields = {"/": "text", "/items": "target", "/findings": "subject", "/jobs": "requested_by", "/graph": "text"}
    for text, (path, name) in product(HOSTILE[:17], fields.items()):
        answer = await reader.get(path, params={name: text})
        assert answer.status_code == (422 if "\0" in text else 200), text
        for harm in ("<script>window", "<img src=x", 'value=""><'):
            assert harm not in answer.text, text


def _look(browser: webdriver.Chrome, url: str) -> dict[str, Any]:
    """Open a page on a telephone and return what would be wrong with it."""
    metrics = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(url)
    levels = browser.execute_script(LEVELS)
    assert levels[:1] == [1], f"{url}: {levels}"
    return {
        "ran": browser.execute_script("return window.ran ?? null"),
        "foreign": browser.execute_script(FOREIGN),
        "outside": browser.execute_script(ADDRESSES),
        "wide": browser.execute_script("return document.documentElement.scrollWidth > 360"),
        "nameless": browser.execute_script(NAMELESS),
        "skipped": [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1],
        # The browser reports whatever the Content-Security-Policy refused here.
        "said": [text for text in _said(browser) if NOT_FOUND not in text],
    }


def _said(browser: webdriver.Chrome) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser")]  # type: ignore[no-untyped-call]
