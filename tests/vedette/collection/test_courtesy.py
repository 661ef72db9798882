"""Given hosts and sources, when turns are given, then hosts are spared and no source keeps the others waiting."""

from __future__ import annotations

import asyncio
import itertools
import random

import pytest

from vedette.clock import ManualClock, SystemClock
from vedette.collection.courtesy import FIRST_REST, MOST_REST, Courtesy, HostRestsError


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Visitors:
    """Visitors of hosts, who stay until they are let go."""

    def __init__(self, courtesy: Courtesy) -> None:
        self.courtesy = courtesy
        self.inside: list[str] = []
        self.order: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._doors: dict[str, asyncio.Event] = {}

    def send(self, name: str, origin: str, source: str, delay: float = 0.0) -> asyncio.Task[None]:
        self._doors[name] = asyncio.Event()

        async def visit() -> None:
            async with self.courtesy.turn(origin, source=source, delay=delay):
                self.inside.append(name)
                self.order.append(name)
                try:
                    await self._doors[name].wait()
                finally:
                    self.inside.remove(name)

        self.tasks.append(asyncio.create_task(visit()))
        return self.tasks[-1]

    async def release(self, name: str) -> None:
        self._doors[name].set()
        await settle()

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.courtesy.close()


async def test_a_host_has_so_many_requests_at_a_time_and_all_have_a_limit() -> None:
    visitors = Visitors(Courtesy(clock=ManualClock(), per_host=2, total=3))
    for number in range(4):
        visitors.send(f"a{number}", "a", "s")
    for number in range(2):
        visitors.send(f"b{number}", "b", "s")
    await settle()
    assert visitors.inside == ["a0", "a1", "b0"]
    await visitors.release("b0")
    assert visitors.inside == ["a0", "a1", "b1"]
    await visitors.release("a0")
    assert visitors.inside == ["a1", "b1", "a2"]
    await visitors.end()


async def test_sources_take_turns() -> None:
    visitors = Visitors(Courtesy(clock=ManualClock(), per_host=1, total=10))
    for number in range(50):
        visitors.send(f"many{number}", "h", "many")
    await settle()
    visitors.send("one", "h", "few")
    await settle()
    await visitors.release("many0")
    await visitors.release("many1")
    # At most one of the others came before it.
    assert "one" in visitors.order[:3]
    await visitors.end()


async def test_a_delay_is_one_at_a_time_and_counts_from_the_end() -> None:
    clock = ManualClock()
    visitors = Visitors(Courtesy(clock=clock, per_host=5, total=5))
    for number in range(3):
        visitors.send(f"v{number}", "h", "s", delay=0.02)
    await settle()
    assert visitors.inside == ["v0"]
    await visitors.release("v0")
    assert visitors.inside == []
    clock.advance(0.021)
    async with asyncio.timeout(60):
        while visitors.inside != ["v1"]:
            await asyncio.sleep(0.005)
    await visitors.end()


async def test_real_delays_keep_their_distance() -> None:
    clock = SystemClock()
    courtesy = Courtesy(clock=clock, per_host=4)
    moments: list[tuple[float, float]] = []

    async def visit() -> None:
        async with courtesy.turn("h", source="s", delay=0.05):
            begun = clock.monotonic()
            await asyncio.sleep(0.001)
            moments.append((begun, clock.monotonic()))

    await asyncio.gather(*(visit() for _ in range(5)))
    assert all(later[0] - earlier[1] >= 0.049 for earlier, later in itertools.pairwise(moments))
    courtesy.close()


async def test_a_host_that_is_overloaded_rests_and_who_would_wait_long_is_told() -> None:
    clock = ManualClock()
    courtesy = Courtesy(clock=clock, patience=60)
    courtesy.failed("h", retry_after=120)
    with pytest.raises(HostRestsError, match="left alone for 120 s") as caught:
        async with courtesy.turn("h", source="s"):
            pass
    assert caught.value.seconds == 120
    async with courtesy.turn("other", source="s"):
        pass
    clock.advance(120)
    async with courtesy.turn("h", source="s"):
        pass
    courtesy.close()


async def test_who_waits_already_is_told_when_the_host_begins_to_rest() -> None:
    courtesy = Courtesy(clock=ManualClock(), per_host=1, patience=60)
    visitors = Visitors(courtesy)
    visitors.send("in", "h", "s")
    await settle()
    waiting = visitors.send("waits", "h", "s")
    await settle()
    courtesy.failed("h", retry_after=3_000)
    await settle()
    assert isinstance(waiting.exception(), HostRestsError)
    await visitors.end()


def test_rests_grow_and_end_with_an_answer() -> None:
    clock = ManualClock()
    courtesy = Courtesy(clock=clock)
    rests = []
    for _ in range(14):
        courtesy.failed("h", retry_after=None)
        rests.append(courtesy.rests_for("h"))
        clock.advance(rests[-1])
    assert rests[:3] == [FIRST_REST, 2 * FIRST_REST, 4 * FIRST_REST]
    assert rests[-1] == MOST_REST
    courtesy.answered("h")
    courtesy.failed("h", retry_after=None)
    assert courtesy.rests_for("h") == FIRST_REST


@pytest.mark.parametrize("seed", range(5))
async def test_whoever_gives_up_at_whatever_moment_no_turn_is_lost(seed: int) -> None:
    draw = random.Random(seed)
    courtesy = Courtesy(clock=SystemClock(), per_host=2, total=5)
    visitors = Visitors(courtesy)
    for number in range(200):
        visitors.send(f"{number}", draw.choice("abc"), draw.choice("xyz"), delay=draw.choice((0.0, 0.001)))
        if draw.random() < 0.5:
            draw.choice(visitors.tasks).cancel()
        if draw.random() < 0.3:
            await asyncio.sleep(0)
        if visitors.inside and draw.random() < 0.5:
            await visitors.release(draw.choice(visitors.inside))
    async with asyncio.timeout(60):
        while not all(task.done() for task in visitors.tasks):
            for name in list(visitors.inside):
                await visitors.release(name)
            await asyncio.sleep(0.001)
    async with asyncio.timeout(60):
        for _ in range(5):
            async with courtesy.turn("a", source="w"):
                pass
    courtesy.close()
