"""The real embedded XMPP server, the local authority, and a station on them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ejabberd.embedded import EmbeddedServer, EmbeddedSettings
from tests.agents.station import DOMAIN, Station, Until
from tests.timing import PATIENCE
from vedette.clock import SystemClock
from vedette.evidence.authority.local import LocalAuthority


@pytest.fixture(scope="session")
def xmpp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """One embedded server for all tests; their account names differ."""
    server = EmbeddedServer(EmbeddedSettings(folder=tmp_path_factory.mktemp("xmpp"), domain=DOMAIN))
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    """The local authority, in this process."""
    return LocalAuthority.open(tmp_path_factory.mktemp("tsa"), clock=SystemClock(), create=True)


@pytest.fixture
async def station(xmpp: EmbeddedServer, tmp_path: Path, migrated_file: Path) -> AsyncIterator[Station]:
    """A store on the server, with nobody there yet."""
    station = Station(server=xmpp, folder=tmp_path)
    shutil.copyfile(migrated_file, tmp_path / "store.db")
    station.database.open()
    yield station
    await station.close()


@pytest.fixture
def until() -> Until:
    """Wait until a condition holds; it may be a coroutine function's result."""

    async def wait(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            result = condition()
            if asyncio.iscoroutine(result):
                result = await result
            if result:
                return
            assert asyncio.get_running_loop().time() < deadline, "the condition never held"
            await asyncio.sleep(0.01)

    return wait
