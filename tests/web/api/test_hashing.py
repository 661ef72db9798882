"""Hashes beside the event loop: two at once, a short queue, and a longer one for who was here before."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from tests.timing import PATIENCE
from vedette.access.password_hash import Passwords
from web.api.hashing import AT_ONCE, WAITING, WAITING_KNOWN, Hashing
from web.api.problems import ProblemError


class Slow(Passwords):
    """Takes until it is let go, and counts how many it does at once."""

    def __init__(self) -> None:
        super().__init__(passes=1, memory_kib=1024, lanes=1)
        self.go = threading.Event()
        self.most = 0
        self._inside = 0
        self._lock = threading.Lock()

    def verify(self, stored: str | None, password: str) -> bool:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
        self.go.wait(PATIENCE)
        with self._lock:
            self._inside -= 1
        return False


@pytest.fixture
async def slow() -> AsyncIterator[Slow]:
    passwords = Slow()
    yield passwords
    passwords.go.set()


async def test_a_crowd_is_told_to_come_back_and_memory_stays_bounded(slow: Slow) -> None:
    hashing = Hashing(passwords=slow)
    crowd = [asyncio.create_task(hashing.verify(None, "x")) for _ in range(50)]
    refused, _ = await asyncio.wait(crowd, timeout=0.2)
    assert len(refused) == 50 - AT_ONCE - WAITING
    for task in refused:
        error = task.exception()
        assert isinstance(error, ProblemError)
        assert (error.status, error.headers["Retry-After"]) == (503, "3")
    known = [asyncio.create_task(hashing.verify(None, "x", known=True)) for _ in range(WAITING_KNOWN)]
    refused_known, _ = await asyncio.wait(known, timeout=0.2)
    assert len(refused_known) == WAITING
    while slow.most < AT_ONCE:
        await asyncio.sleep(0.001)
    slow.go.set()
    results = await asyncio.gather(*crowd, *known, return_exceptions=True)
    assert results.count(False) == AT_ONCE + WAITING_KNOWN
    assert slow.most == AT_ONCE
    assert await hashing.verify(None, "x") is False


async def test_the_event_loop_goes_on_meanwhile(slow: Slow) -> None:
    hashing = Hashing(passwords=slow)
    task = asyncio.create_task(hashing.verify(None, "x"))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not task.done()
    slow.go.set()
    assert await task is False
