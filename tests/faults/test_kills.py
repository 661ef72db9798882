"""Processes killed at random while items flow: nothing is lost, nothing stored twice, every promise kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.checker import check
from tests.faults.harness import Rig, seeded
from tests.faults.killer import carry_out, plan

PROBES = 4


@pytest.mark.parametrize(
    ("items", "kills", "rate"),
    [
        # `test_large_fleet.py` kills one of each kind in `make test`.
        pytest.param(2_000, 6, 150.0, id="short", marks=pytest.mark.long),
        pytest.param(100_000, 200, 70.0, id="long", marks=pytest.mark.long),
    ],
)
def test_nothing_is_lost_or_doubled_however_often_each_process_is_killed(
    tmp_path: Path, items: int, kills: int, rate: float
) -> None:
    chance = seeded("kills")
    with Rig(tmp_path) as rig:
        senders = [rig.sender(f"probe{number}", start=False, rate=rate) for number in range(PROBES)]
        kinds = [[sender.name for sender in senders], ["hub"], ["xmpp"], ["tsa"]]
        kill_list = plan(chance, kinds=kinds, kills=kills, items=items)
        for sender in senders:
            sender.offer(items // PROBES)
        rig.heal()
        killed = carry_out(rig, kill_list, seconds=600)
        rig.settle(seconds=600, between=rig.heal)
        assert killed.total() == kills
        assert set(killed) >= {"hub", "xmpp", "tsa"}
        log = check(rig)
        assert len(log.items) >= items
