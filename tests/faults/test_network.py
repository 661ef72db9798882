"""Bad networks between a sender and the server: it all arrives, once, when the network is well again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial

import pytest

from tests.faults.checker import check
from tests.faults.harness import Rig, SenderPart, seeded
from tests.faults.processes import until
from tests.faults.proxy import FaultProxy

Fault = Callable[[FaultProxy, SenderPart, random.Random], None]


def _slow(proxy: FaultProxy, sender: SenderPart, _chance: random.Random) -> None:
    proxy.slow_down(0.15)
    sender.offer(300)
    until(lambda: sender.done, seconds=30, what="delivery over a slow network")


def _throttled(proxy: FaultProxy, sender: SenderPart, _chance: random.Random) -> None:
    proxy.throttle(50_000)
    sender.offer(300)
    until(lambda: sender.done, seconds=60, what="delivery over a narrow network")


def _cut(proxy: FaultProxy, sender: SenderPart, chance: random.Random) -> None:
    for _ in range(5):
        before = proxy.connections
        sender.offer(200)
        goal = proxy.passed + chance.randrange(100_000)
        until(partial(_passed, proxy, goal, sender), seconds=30, what="something passes")
        proxy.cut()
        until(partial(_connected, proxy, before + 1), seconds=30, what="a new connection")


def _refused(proxy: FaultProxy, sender: SenderPart, _chance: random.Random) -> None:
    proxy.refuse()
    sender.offer(300)
    before = proxy.connections
    until(lambda: proxy.connections >= before + 3, seconds=30, what="attempts to connect")


def _half_open(proxy: FaultProxy, sender: SenderPart, _chance: random.Random) -> None:
    proxy.swallow()
    sender.offer(300)
    until(lambda: sender.waiting() == 300, seconds=10, what="items in the outbox")
    time.sleep(1.0)  # the first batches are lost in the hole


def _corrupting(proxy: FaultProxy, sender: SenderPart, _chance: random.Random) -> None:
    for number in range(1, 4):
        # Only what is encrypted is protected: a bit that turns in the few words before TLS may go unnoticed.
        until(lambda: sender.done, seconds=40, what="delivery, and so a session with TLS")
        before = proxy.connections
        proxy.corrupt(1)
        sender.offer(100)
        until(partial(_corrupted, proxy, number), seconds=30, what="a damaged piece")
        until(partial(_connected, proxy, before + 1), seconds=40, what="a new connection")


def _passed(proxy: FaultProxy, goal: int, sender: SenderPart) -> bool:
    return proxy.passed >= goal or sender.done


def _connected(proxy: FaultProxy, count: int) -> bool:
    return proxy.connections >= count


def _corrupted(proxy: FaultProxy, count: int) -> bool:
    return proxy.corrupted >= count


@pytest.mark.parametrize("fault", [_slow, _throttled, _cut, _refused, _half_open, _corrupting])
def test_everything_arrives_once_when_the_network_is_well_again(rig: Rig, fault: Fault) -> None:
    chance = seeded(fault.__name__)
    with FaultProxy(rig.carrier.server, chance=chance) as proxy:
        sender = rig.sender("network" + fault.__name__.replace("_", "-"), through=proxy.address, size=300)
        sender.offer(50)
        until(lambda: sender.done, seconds=20, what="delivery before anything is broken")
        fault(proxy, sender, chance)
        proxy.heal()
        rig.settle(seconds=60)
        check(rig)
        rig.retire()


@pytest.mark.long
@pytest.mark.xfail(
    strict=True,
    reason="a full window (8 batches of some 300 KiB) hides the pings on a narrow link, the session is given up "
    "after 20 s and everything starts again: below about 30 KB/s nothing ever arrives",
)
def test_a_narrow_link_makes_headway(rig: Rig) -> None:
    with FaultProxy(rig.carrier.server) as proxy:
        sender = rig.sender("narrow", through=proxy.address, size=1024)
        proxy.throttle(20_000)
        sender.offer(1_000)
        try:
            until(lambda: sender.waiting() == 1_000, seconds=20, what="items in the outbox")
            until(lambda: sender.waiting() < 900, seconds=60, what="a tenth of 1 MiB in a minute")
        finally:
            proxy.heal()
            rig.retire()
