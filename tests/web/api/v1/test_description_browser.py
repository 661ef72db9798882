"""The page that describes the API, in a real browser: it fits, can be read, and loads nothing from elsewhere."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest
from selenium import webdriver

from tests.web.api.v1.conftest import Hub
from tests.web.test_agent_view_browser import _CONTRAST


def look(browser: webdriver.Chrome, url: str, *, width: int, scheme: str) -> dict[str, object]:
    """Open the page with one operation unfolded, and return what a browser makes of it."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get_log("browser")  # type: ignore[no-untyped-call]
    browser.get(f"{url}/docs")
    browser.execute_script("document.getElementById('get-v1-items').open = true;")
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    return {
        "too wide": browser.execute_script("return document.documentElement.scrollWidth > window.innerWidth"),
        "faint": browser.execute_script(_CONTRAST),
        "foreign": [address for address in loaded if not address.startswith(url)],
        "complaints": browser.get_log("browser"),  # type: ignore[no-untyped-call]
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_fits_can_be_read_and_loads_nothing_foreign(
    hub: Hub, browser: webdriver.Chrome, screenshots: Path | None, scheme: str
) -> None:
    for width in (1280, 360):
        seen = await asyncio.to_thread(look, browser, hub.server.url, width=width, scheme=scheme)
        assert seen == {"too wide": False, "faint": [], "foreign": [], "complaints": []}
        if screenshots:
            picture = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
            (screenshots / f"docs-{width}-{scheme}.png").write_bytes(base64.b64decode(picture["data"]))
    await asyncio.to_thread(browser.get, "about:blank")
