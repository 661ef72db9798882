"""The console over a store in which something happened: the one that the tests of `/v1/` have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from selenium import webdriver

from registry.callers import Scope
from registry.roles import UserRole
from registry.sessions import Sessions
from registry.users import Users
from tests.web.api.conftest import migrated, whole
from tests.web.api.v1.conftest import Hub, database, filled, hub, hub_view, paths, read_only, unchanged
from tests.web.api.whole import BY, CHEAP, PASSWORD, Whole
from vedette.clock import SystemClock

__all__ = ["database", "filled", "hub", "hub_view", "migrated", "paths", "read_only", "unchanged", "whole"]


@pytest.fixture(scope="module")
def tidy(browser: webdriver.Chrome) -> Iterator[None]:
    """Leave the browser, which other tests have after us, as it was: cookies do not tell ports apart."""
    yield
    browser.delete_all_cookies()
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.fixture
async def reader(read_only: Hub) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of somebody who may read."""
    async with await read_only.client(Scope.READ) as client:
        client.headers["Accept"] = "text/html,*/*;q=0.8"
        yield client


@pytest.fixture
async def empty(whole: Whole) -> AsyncIterator[httpx.AsyncClient]:
    """The same over a store in which nothing has happened yet."""
    key = await whole.key(Scope.READ)
    async with whole.client(headers={"X-API-Key": key, "Accept": "text/html"}) as client:
        yield client


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
