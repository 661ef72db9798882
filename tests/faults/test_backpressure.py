"""An engine that stands still while a sender goes on: memory stays flat, the reason shows, nothing is lost."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from tests.faults.checker import check
from tests.faults.harness import START, Rig, SenderPart
from tests.faults.processes import resident, until

LIMIT = 2_000
"""Items that the outbox may hold."""

MEGABYTE = 1024 * 1024

MAY_HOLD = 40 * MEGABYTE
"""What the window may cost a waiting sender: 8 batches, in the copies that packing, XML and TLS make of them."""

FLAT = 1.05
"""How much it may grow once that is so."""

WARM = 25.0
"""Seconds in which the window is filled and each batch sent a second time."""


@pytest.mark.parametrize("seconds", [3.0, pytest.param(60.0, marks=pytest.mark.long)])
def test_a_sender_whose_engine_stands_still_keeps_its_memory_and_says_so(rig: Rig, seconds: float) -> None:
    sender = rig.sender(f"fast{seconds:.0f}", size=1024, limit=LIMIT)
    sender.offer(500)
    until(lambda: sender.done, seconds=30, what="delivery before the engine stands still")
    before = resident(sender.pid)
    rig.hub.signal(signal.SIGSTOP)
    try:
        sender.offer(3 * LIMIT)
        until(lambda: _said(sender.events(), "full"), seconds=30, what="the outbox is full")
        _watch_memory(sender, before, seconds)
    finally:
        rig.hub.signal(signal.SIGCONT)
    rig.settle(seconds=90)
    check(rig)
    history = rig.query("SELECT show, status FROM presence_change WHERE jid = ? ORDER BY id", sender.jid)
    assert ("dnd", f"the outbox is full: {LIMIT} items may wait for the engine's receipt") in history
    (again, *_) = _said(sender.events(), "room again")
    assert again["refused"] >= 1
    until(lambda: rig.show(sender.jid) == "available", seconds=15, what="the sender undisturbed again")
    assert resident(sender.pid) <= before + MAY_HOLD


def _watch_memory(sender: SenderPart, before: int, seconds: float) -> None:
    """Assert for so long that the sender keeps its limits, and that it does not grow any more once it is warm."""
    began, warm = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        now = resident(sender.pid)
        assert sender.waiting() <= LIMIT
        assert now <= before + MAY_HOLD
        if passed >= WARM:
            warm = warm or now
            assert now <= warm * FLAT
        time.sleep(0.1)


def _said(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == name]


def test_a_sender_goes_on_collecting_while_the_hub_is_dead(rig: Rig) -> None:
    sender = rig.sender("patient", rate=400.0)
    rig.hub.kill()
    sender.offer(800)
    until(lambda: sender.waiting() == 800, seconds=20, what="everything kept in the outbox")
    rig.hub.start(wait=START)
    rig.settle(seconds=60)
    check(rig)
