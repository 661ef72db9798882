"""Names as the machine knows them: whoever waits for a silent name server holds up nobody but other names."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import pytest

from tests.timing import PATIENCE
from vedette.fetching.names import SystemResolver


async def test_silent_name_servers_hold_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    answered, asked = threading.Event(), threading.Event()

    def silent(*_: object, **__: object) -> list[object]:
        asked.set()
        answered.wait(PATIENCE)
        raise socket.gaierror("nobody answers")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    names = [asyncio.create_task(SystemResolver().addresses(f"{number}.invalid", 0)) for number in range(100)]
    try:
        async with asyncio.timeout(PATIENCE):
            # Given more look-ups than the loop has threads, then work in those goes on.
            assert await asyncio.to_thread(asked.wait, PATIENCE)
            assert await asyncio.to_thread(lambda: "done") == "done"
    finally:
        answered.set()
        for name in names:
            name.cancel()
        for name in names:
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await name


async def test_an_address_is_its_own() -> None:
    assert await SystemResolver().addresses("127.0.0.1", 80) == ["127.0.0.1"]
