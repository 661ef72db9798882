"""A seeded killer: who is killed, and after how many items; each is started again at once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tests.faults.harness import Rig
from tests.faults.processes import until


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One `kill -9`."""

    victim: str
    """Name of the process."""
    at: int
    """How many items are offered before it."""


def plan(chance: random.Random, *, kinds: Sequence[Sequence[str]], kills: int, items: int) -> list[Kill]:
    """Return kills spread over the offering of `items`; each kind of process is as likely, and none is left out."""
    chosen = [kinds[place % len(kinds)] for place in range(kills)]
    chance.shuffle(chosen)
    moments = sorted(chance.randrange(items // 50, items) for _ in range(kills))
    return [Kill(victim=chance.choice(kind), at=at) for kind, at in zip(chosen, moments, strict=True)]


def carry_out(rig: Rig, kills: Sequence[Kill], *, seconds: float) -> Counter[str]:
    """Kill as planned and keep everything else running; returns how often each was killed."""
    done: Counter[str] = Counter()
    for kill in kills:
        until(partial(_is_offered, rig, kill.at), seconds=seconds, what=f"{kill.at} items are offered")
        until(partial(_runs, rig, kill.victim), seconds=seconds, what=f"{kill.victim} runs")
        rig.parts[kill.victim].kill()
        done[kill.victim] += 1
        rig.heal()
    return done


def _is_offered(rig: Rig, count: int) -> bool:
    rig.heal()
    return sum(sender.ledger.offered for sender in rig.senders) >= count


def _runs(rig: Rig, name: str) -> bool:
    return bool(rig.parts[name].pid)
