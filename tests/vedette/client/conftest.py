"""A hub's whole API over a store in which something happened, and clients of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from registry.callers import Scope
from tests.web.api.v1.conftest import Hub, database, filled, hub, hub_view, paths
from vedette.client import VedetteClient

__all__ = ["database", "filled", "hub", "hub_view", "paths"]

Connect = Callable[[], VedetteClient]


@pytest.fixture
async def connect(hub: Hub) -> Connect:
    """Returns clients whose key allows everything."""
    key = await hub.key(*Scope)
    return lambda: VedetteClient(url=hub.server.url, api_key=key)
