"""axe-core on every page, on a screen and on a telephone, in the light and in the dark: nothing serious."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver

from tests.web.api.v1.conftest import Hub
from tests.web.console.lively import enliven
from tests.web.console.page_list import pages

# Playwright's own wrapper needs Playwright's own browsers; the rules themselves are one file.
_PACKAGE = find_spec("axe_playwright_python")
AXE = "" if _PACKAGE is None else (Path(str(_PACKAGE.origin)).parent / "axe.min.js").read_text()

JUDGE = """const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ['violations']}).then((result) => done(result.violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.impact}: ${rule.id}: ${node.html.slice(0, 160)}`))),
    (error) => done([`${error}`]))"""

WIDE, NARROW = 1280, 360


def look(browser: webdriver.Chrome, *, width: int, scheme: str) -> None:
    """Let the browser be so wide, and of a person who likes it light or dark."""
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


def findings(browser: webdriver.Chrome) -> list[str]:
    """Return what axe-core finds on the page, whatever its impact."""
    browser.execute_script(AXE)
    found: list[str] = browser.execute_async_script(JUDGE)
    return found


LOOKS = [(WIDE, "light"), (NARROW, "dark"), (WIDE, "dark"), (NARROW, "light")]


@pytest.mark.parametrize(
    "looks", [1, pytest.param(len(LOOKS), marks=pytest.mark.long)], ids=["in turn", "in every look"]
)
async def test_no_page_keeps_anybody_out(hub: Hub, address: str, browser: webdriver.Chrome, looks: int) -> None:
    found: dict[str, Any] = {}

    def walk(paths: list[str]) -> None:
        for number, path in enumerate(paths):
            for more in range(looks):
                width, scheme = LOOKS[(number + more) % len(LOOKS)]
                look(browser, width=width, scheme=scheme)
                browser.get(address + path)
                assert browser.current_url == address + path
                found[f"{path} {width} {scheme}"] = findings(browser)

    if looks == 1:
        # What a page looks like with other queries differs less than pages do; the description is very long.
        paths = [
            path for path in pages(hub.app, await enliven(hub.database, graph=hub.graph), most=1) if path != "/docs"
        ]
    else:
        paths = pages(hub.app, await enliven(hub.database, graph=hub.graph))
    await asyncio.to_thread(walk, paths)
    assert {place: wrong for place, wrong in found.items() if wrong} == {}


def test_axe_would_tell(browser: webdriver.Chrome, tidy: None) -> None:
    browser.get("data:text/html,<title>x</title><button></button><p style='color:%23ccc;background:white'>faint")
    told = " ".join(findings(browser))
    assert "critical: button-name" in told
    assert "serious: color-contrast" in told
