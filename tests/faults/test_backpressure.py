"""An engine that stands still while a sender goes on: memory stays flat, the reason shows, nothing is lost."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from tests.faults.checker import check
from tests.faults.harness import Rig
from tests.faults.processes import resident, until

LIMIT = 2_000
"""Items that the outbox may hold."""

FLAT = 1.10
"""How much a process may grow while it can only wait."""


@pytest.mark.parametrize("seconds", [3.0, pytest.param(60.0, marks=pytest.mark.long)])
def test_a_sender_whose_engine_stands_still_keeps_its_memory_and_says_so(rig: Rig, seconds: float) -> None:
    sender = rig.sender(f"fast{seconds:.0f}", size=1024, limit=LIMIT)
    sender.offer(500)
    until(lambda: sender.done, seconds=30, what="delivery before the engine stands still")
    rig.hub.signal(signal.SIGSTOP)
    try:
        sender.offer(3 * LIMIT)
        until(lambda: _said(sender.events(), "full"), seconds=30, what="the outbox is full")
        # The first seconds fill the window; what may grow without end would grow from now on.
        before = resident(sender.pid)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert sender.waiting() <= LIMIT
            assert resident(sender.pid) <= before * FLAT
            time.sleep(0.1)
    finally:
        rig.hub.signal(signal.SIGCONT)
    rig.settle(seconds=60)
    check(rig)
    history = rig.query("SELECT show, status FROM presence_change WHERE jid = ? ORDER BY id", sender.jid)
    assert ("dnd", f"the outbox is full: {LIMIT} items may wait for the engine's receipt") in history
    (again, *_) = _said(sender.events(), "room again")
    assert again["refused"] >= 1
    until(lambda: rig.show(sender.jid) == "available", seconds=15, what="the sender undisturbed again")
    assert resident(sender.pid) <= before * FLAT * 1.05


def _said(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == name]


def test_a_sender_goes_on_collecting_while_the_hub_is_dead(rig: Rig) -> None:
    sender = rig.sender("patient", rate=400.0)
    rig.hub.kill()
    sender.offer(800)
    until(lambda: sender.waiting() == 800, seconds=20, what="everything kept in the outbox")
    rig.hub.start(wait=60)
    rig.settle(seconds=60)
    check(rig)
