"""The XMPP server restarted, agents killed and cables cut: presence is true again in time."""

from __future__ import annotations

import time
from functools import partial

import pytest

from tests.faults.checker import check
from tests.faults.harness import START, Rig, SenderPart
from tests.faults.processes import until
from tests.faults.proxy import FaultProxy

BACK = 10.0
"""Seconds after which every agent is back once the server is up."""

KILLED = 2.0
"""Seconds after which a killed agent is seen gone."""

CUT = 30.0
"""Seconds after which an agent whose cable was cut is seen gone."""


@pytest.mark.parametrize("restarts", [2, pytest.param(50, marks=pytest.mark.long)])
def test_every_agent_is_back_soon_after_the_server_is(rig: Rig, restarts: int) -> None:
    senders = [rig.sender(f"restart{restarts}-{number}", start=False, rate=20.0) for number in range(3)]
    for sender in senders:
        sender.start()
        sender.offer(restarts * 20)
    jids = ["aggregation@localhost", *(sender.jid for sender in senders)]
    until(lambda: _all_there(rig, jids, since=0), seconds=30, what="all agents")
    slowest = 0.0
    for _ in range(restarts):
        rig.xmpp.kill()
        # From here on nobody can register before the server is up, and who is quick does so before `start` returns.
        down = time.time()
        rig.xmpp.start(wait=START)
        up = time.time()
        until(partial(_all_there, rig, jids, since=down), seconds=BACK, what="every agent back")
        slowest = max(slowest, time.time() - up)
    print(f"slowest of {restarts}: all back after {slowest:.1f} s")
    rig.settle(seconds=60)
    check(rig)


def _all_there(rig: Rig, jids: list[str], *, since: float) -> bool:
    """Tell whether all are present and have registered since then (Unix seconds)."""
    rows = rig.query("SELECT jid, registered_at FROM registration WHERE show = 'available'")
    registered = {jid: at for jid, at in rows if at is not None and at >= since * 1_000_000}
    return registered.keys() >= set(jids)


def _become_known(rig: Rig, sender: SenderPart) -> None:
    """Wait until the registry sees a new agent's presence.

    A card makes it present before the registry is subscribed to it (who dies between the two is missed only
    after 30 s of silence); what it delivers afterwards goes the same way, so the subscription came first.
    """
    until(lambda: rig.show(sender.jid) == "available", seconds=10, what="the agent present")
    sender.offer(1)
    until(lambda: sender.done, seconds=20, what="an item delivered")


def test_a_killed_agent_is_seen_gone_at_once(rig: Rig) -> None:
    sender = rig.sender("killed")
    _become_known(rig, sender)
    sender.kill()
    until(lambda: rig.show(sender.jid) == "gone", seconds=KILLED, what="the killed agent gone")
    sender.start()
    until(lambda: rig.show(sender.jid) == "available", seconds=10, what="the agent back")


@pytest.mark.long
def test_an_agent_whose_cable_is_cut_is_seen_gone_and_back_when_it_is_mended(rig: Rig) -> None:
    with FaultProxy(rig.carrier.server) as proxy:
        sender = rig.sender("cut", through=proxy.address)
        _become_known(rig, sender)
        began = time.monotonic()
        proxy.swallow()
        until(lambda: rig.show(sender.jid) == "gone", seconds=CUT, what="the cut agent gone")
        print(f"gone after {time.monotonic() - began:.1f} s")
        proxy.heal()
        sender.offer(10)
        until(lambda: rig.show(sender.jid) == "available", seconds=20, what="the agent back")
        rig.settle(seconds=20)
        rig.retire()


def test_the_registry_is_never_gone_for_itself(rig: Rig) -> None:
    (changes,) = rig.query("SELECT count(*) FROM presence_change WHERE jid = 'registry@localhost' AND show = 'gone'")
    assert changes == (0,)
