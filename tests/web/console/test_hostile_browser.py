"""Hostile names, statuses, targets, payloads and reasons on every page, in a real browser: they are text."""

from __future__ import annotations

import asyncio
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import httpx
import pytest
from selenium import webdriver

from registry.roles import UserRole
from registry.sessions import Sessions
from registry.users import Users
from tests.web.api.v1.conftest import Hub
from tests.web.api.whole import BY, CHEAP, PASSWORD
from tests.web.conftest import HOSTILE
from tests.web.console.hostile import poison
from vedette.clock import SystemClock

LISTS = ("/", "/items", "/findings", "/dead-letters?discarded=true", "/alarms", "/audit")
INTERACTIVE = "a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']"
NAMELESS = f"""return [...document.querySelectorAll("{INTERACTIVE}")].filter((one) => one.checkVisibility()
    && !(one.labels?.length || one.textContent.trim() || one.getAttribute('aria-label')))
    .map((one) => one.outerHTML)"""
FOREIGN = """return document.querySelectorAll(
    'main script, main img, main iframe, base, main link, main meta').length"""
LEVELS = "return [...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))"


@pytest.fixture
async def address(hub: Hub, browser: webdriver.Chrome, tidy: None) -> str:
    """Where the console is, at which an administrator is logged in."""
    users = Users(database=hub.database, clock=SystemClock())
    await users.add(name="anna", role=UserRole.ADMIN, password_hash=CHEAP.hash(PASSWORD), by=BY)
    found = await users.find("anna")
    assert found is not None
    token = await Sessions(database=hub.database, clock=SystemClock()).start(
        found[0], verified=found[1], origin="127.0.0.1"
    )
    await asyncio.to_thread(browser.get, f"{hub.server.url}/login")
    browser.add_cookie({"name": "vedette_session", "value": token})
    browser.get_log("browser")  # type: ignore[no-untyped-call]
    return hub.server.url


async def test_whatever_others_write_is_text_on_every_page(
    hub: Hub, address: str, browser: webdriver.Chrome, screenshots: Path | None
) -> None:
    uuids = await poison(hub.database, list(HOSTILE))
    assert len(uuids) >= len(HOSTILE), "most of the corpus gets in, so it is shown"
    paths = [*LISTS, *(f"/items/{uuid}" for uuid in uuids[1::2])]
    paths += [f"/agents/hostile{number}@localhost" for number in (0, 12, 17)]
    paths += [f"/dead-letters/queue:rt/{uuid}" for uuid in uuids[:2]]
    for number, path in enumerate(paths):
        seen = await asyncio.to_thread(_look, browser, address + path)
        assert seen == {"ran": None, "foreign": 0, "wide": False, "nameless": [], "skipped": [], "said": []}, path
        if screenshots and number < len(LISTS):
            await asyncio.to_thread(browser.save_screenshot, str(screenshots / f"hostile-{number}.png"))


async def test_a_filter_is_text_too(reader: httpx.AsyncClient) -> None:
    fields = {"/": "text", "/items": "target", "/findings": "subject"}
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
        "wide": browser.execute_script("return document.documentElement.scrollWidth > 360"),
        "nameless": browser.execute_script(NAMELESS),
        "skipped": [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1],
        "said": [entry["message"] for entry in browser.get_log("browser")],  # type: ignore[no-untyped-call]
    }
