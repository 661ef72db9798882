"""A fleet whose disk fails, fills up or is locked, and whose clock goes back: right again, whatever happened."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults.checker import check
from tests.faults.harness import START, Rig, SenderPart, seeded
from tests.faults.processes import until
from tests.faults.shim import Calls, Kind, Shim

HOUR = 3600
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shim]:
    """Faults below the processes of this module's fleet."""
    shim = Shim(tmp_path_factory.mktemp("shim"))
    yield shim
    shim.close()


@pytest.fixture(scope="module")
def own_rig(tmp_path_factory: pytest.TempPathFactory, shim: Shim) -> Iterator[Rig]:
    """A fleet all of whose processes have the shim below them (but not the XMPP server)."""
    with Rig(tmp_path_factory.mktemp("storage"), environment=shim.environment) as rig:
        yield rig


@pytest.fixture
def rig(own_rig: Rig, shim: Shim) -> Iterator[Rig]:
    """The same, everything running and nothing broken."""
    own_rig.heal()
    own_rig.hub.start(wait=START)
    yield own_rig
    shim.disarm()
    shim.set_clock(0)
    own_rig.retire()


@pytest.fixture
def sender(rig: Rig) -> SenderPart:
    """A sender of this test's own that has delivered something."""
    sender = rig.sender(f"probe{next(_numbers)}", rate=150.0)
    sender.offer(20)
    until(lambda: sender.done, seconds=20, what="delivery before anything is broken")
    return sender


@pytest.mark.parametrize("calls", [Calls.WRITES, Calls.SYNCS])
def test_a_hub_whose_disk_fails_goes_on_and_is_right_after_a_restart(
    rig: Rig, sender: SenderPart, shim: Shim, calls: Calls
) -> None:
    chance = seeded(f"hub {calls.name}")
    for kind in (Kind.EIO, Kind.TORN) if calls is Calls.WRITES else (Kind.EIO,):
        shim.arm("store.db-wal", calls=calls, kind=kind, after=chance.randrange(2, 12))
        sender.offer(100)
        until(lambda: shim.fired, seconds=20, what="a failing call")
        until(lambda: _is_done(rig, sender), seconds=40, what="delivery after the failure")
    rig.hub.kill()
    rig.hub.start(wait=START)
    sender.offer(20)
    rig.settle(seconds=40)
    check(rig)


def test_a_sender_whose_outbox_fails_goes_on_and_loses_nothing_that_it_accepted(
    rig: Rig, sender: SenderPart, shim: Shim
) -> None:
    chance = seeded("outbox of a sender")
    for calls, kind in ((Calls.SYNCS, Kind.EIO), (Calls.WRITES, Kind.TORN), (Calls.WRITES, Kind.ENOSPC)):
        shim.arm(".outbox.db-wal", calls=calls, kind=kind, after=chance.randrange(2, 20))
        sender.offer(80)
        until(lambda: shim.fired, seconds=20, what="a failing call")
        until(lambda: _is_done(rig, sender), seconds=40, what="delivery after the failure")
    rig.settle(seconds=40)
    check(rig)


def test_a_full_disk_stops_the_hub_only_until_there_is_room(rig: Rig, sender: SenderPart, shim: Shim) -> None:
    shim.arm("store.db-wal", calls=Calls.WRITES, kind=Kind.STAYING_ENOSPC)
    before, starts = rig.stored(), rig.hub.starts
    sender.offer(100)
    until(lambda: shim.fired >= 3, seconds=20, what="writes that find the disk full")
    assert rig.stored() == before
    shim.disarm()
    rig.settle(seconds=60)
    check(rig)
    assert rig.hub.starts == starts, "it went on by itself"


def test_a_database_locked_by_another_process_is_waited_for(rig: Rig, sender: SenderPart) -> None:
    with closing(sqlite3.connect(rig.paths.data / "store.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        before = rig.stored()
        sender.offer(100)
        until(lambda: sender.waiting() >= 50, seconds=10, what="items that wait for the store")
        time.sleep(1.5)
        assert rig.stored() == before
        other.execute("ROLLBACK")
    rig.settle(seconds=40)
    check(rig)


def test_a_clock_that_goes_back_an_hour_disturbs_nothing(rig: Rig, sender: SenderPart, shim: Shim) -> None:
    shim.set_clock(-HOUR + 60)
    sender.offer(50)
    until(lambda: sender.done, seconds=30, what="delivery with the clock set back")
    for part in (rig.hub, rig.tsa, sender):
        part.kill()
    rig.heal()
    rig.hub.wait_until_ready(START)
    sender.wait_until_ready(START)
    sender.offer(50)
    until(lambda: rig.show(sender.jid) == "available", seconds=20, what="the sender present")
    until(lambda: _has_registered(sender), seconds=20, what="the sender registered")
    rig.settle(seconds=40)
    check(rig)


def _is_done(rig: Rig, sender: SenderPart) -> bool:
    """Start again what died, and tell whether everything is confirmed."""
    rig.heal()
    return sender.done


def _has_registered(sender: SenderPart) -> bool:
    """Tell whether its card was accepted since it is up."""
    return "[info     ] registered" in sender.log.rsplit("agent is up", 1)[-1]
