"""The console over a store in which something happened: the one that the tests of `/v1/` have."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from selenium import webdriver

from registry.callers import Scope
from tests.web.api.conftest import migrated, whole
from tests.web.api.v1.conftest import Hub, database, filled, hub, hub_view, paths
from tests.web.api.whole import Whole

__all__ = ["database", "filled", "hub", "hub_view", "migrated", "paths", "whole"]


@pytest.fixture(scope="module")
def tidy(browser: webdriver.Chrome) -> Iterator[None]:
    """Leave the browser, which other tests have after us, as it was: cookies do not tell ports apart."""
    yield
    browser.delete_all_cookies()
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.fixture
async def reader(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of somebody who may read."""
    async with await hub.client(Scope.READ) as client:
        client.headers["Accept"] = "text/html,*/*;q=0.8"
        yield client


@pytest.fixture
async def empty(whole: Whole) -> AsyncIterator[httpx.AsyncClient]:
    """The same over a store in which nothing has happened yet."""
    key = await whole.key(Scope.READ)
    async with whole.client(headers={"X-API-Key": key, "Accept": "text/html"}) as client:
        yield client
