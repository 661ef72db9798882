"""A sender's process: commits numbered items to its outbox, delivers them, and writes down what it was promised.

`python -m tests.faults.sender` is killed at any moment and started again with the same files. It writes
`offered` to its ledger before it hands items to the outbox and `accepted` once the outbox has them, each with
an fsync; a receipt is written down before the outbox acts on it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import gc
import os
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from agents.base import BaseAgent
from agents.identity import Identity
from behaviours.deliver import Deliver
from behaviours.supervised import SupervisedBehaviour
from registry.outbox import Outbox, OutboxFullError
from vedette import log
from vedette.clock import MICROSECONDS, Clock, SystemClock
from vedette.errors import StoreError, VedetteError
from vedette.messages.batch import Signed
from vedette.parent import end_with_parent

CHUNK = 100
"""Items handed to the outbox together at most."""


def make_item(jid: str, number: int, *, size: int, clock: Clock) -> dict[str, Any]:
    """Return the item of a number: the same uuid and payload in every life of the sender."""
    now = clock.now()
    payload = random.Random(f"{jid} {number}").randbytes(size)
    meta = {
        "uuid": str(uuid5(NAMESPACE_URL, f"{jid}/{number}")),
        "ts": now // MICROSECONDS,
        "type": "scan",
        "check": f"check {number % 3}",
        "number": number,
        "collected_at": now,
    }
    return {"version": "1", "format": "test", "meta": meta, "payload": {"raw": base64.b64encode(payload).decode()}}


def append(path: Path, value: dict[str, Any]) -> None:
    """Append a line of JSON and return when it is on disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, orjson.dumps(value) + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class RecordingOutbox(Outbox):
    """An outbox that keeps a copy of every receipt for the checker: its own may be dropped once proved."""

    receipts_file: Path

    async def confirm(self, receipt: Signed, uuids: Sequence[str]) -> int:
        append(self.receipts_file, receipt.model_dump())
        return await super().confirm(receipt, uuids)


class Sender(BaseAgent):
    """An agent that only delivers."""

    def __init__(self, *, identity: Identity, clock: Clock, outbox: Outbox, patience: float = 10.0) -> None:
        super().__init__(identity=identity, clock=clock, view_port=None, patience=patience)
        self.outbox = outbox
        self.delivering = Deliver(
            clock=clock,
            agent=identity.jid,
            exchange=self,
            peers=self.peers,
            outbox=outbox,
            key=identity.key,
            target="aggregation",
        )

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        return [self.delivering, self.registering()]


class Offering:
    """Hands items to the outbox up to the number that the file `target` holds, never faster than `rate`."""

    def __init__(self, agent: Sender, arguments: argparse.Namespace) -> None:
        self._agent = agent
        self._target_file: Path = arguments.target
        self._ledger: Path = arguments.ledger
        self._rate: float = arguments.rate
        self._size: int = arguments.size
        self._full = False
        self._next, self._accepted = _progress(self._ledger)

    async def run(self) -> None:
        """Offer for ever."""
        loop = asyncio.get_running_loop()
        began, first = loop.time(), self._accepted
        while True:
            target = int(self._target_file.read_text())
            paced = target if not self._rate else first + int((loop.time() - began) * self._rate)
            count = min(CHUNK, target - self._accepted, paced - self._accepted)
            if count <= 0:
                # Time that passes with nothing to offer is no credit for a burst afterwards.
                if target <= self._accepted:
                    began, first = loop.time(), self._accepted
                await asyncio.sleep(0.02)
                continue
            await self._offer(count)

    async def _offer(self, count: int) -> None:
        jid, clock = self._agent.identity.jid, self._agent.clock
        items = [make_item(jid, self._next + place, size=self._size, clock=clock) for place in range(count)]
        # A number is never used again: after a crash nobody knows whether the outbox has it.
        self._next += count
        append(self._ledger, {"offered": [self._next - count, self._next]})
        while not await self._add(items):
            await asyncio.sleep(0.05)
        append(self._ledger, {"accepted": [item["meta"]["uuid"] for item in items]})
        self._accepted += count

    async def _add(self, items: list[dict[str, Any]]) -> bool:
        try:
            await self._agent.outbox.add(items)
        except OutboxFullError as error:
            self._agent.counters["outbox full"] += 1
            if not self._full:
                say("full", reason=str(error))
                self._agent.set_presence(show="dnd", status=str(error))
            self._full = True
            return False
        except StoreError as error:
            say("not stored", reason=str(error))
            return False
        if self._full:
            self._full = False
            say("room again", refused=self._agent.counters["outbox full"])
            self._agent.set_presence()
        self._agent.delivering.wake()
        return True


def _progress(ledger: Path) -> tuple[int, int]:
    """Return the next number and how many items were accepted."""
    if not ledger.exists():
        return 0, 0
    lines = [orjson.loads(line) for line in ledger.read_bytes().splitlines()]
    offered = max((line["offered"][1] for line in lines if "offered" in line), default=0)
    return offered, sum(len(line["accepted"]) for line in lines if "accepted" in line)


def say(event: str, **values: Any) -> None:
    """Write an event for the test."""
    sys.stdout.buffer.write(orjson.dumps({"event": event, **values}) + b"\n")
    sys.stdout.buffer.flush()


async def run(arguments: argparse.Namespace) -> None:
    """Offer and deliver until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    identity, clock = Identity.load(arguments.credentials), SystemClock()
    outbox = RecordingOutbox(
        arguments.outbox,
        agent=identity.jid,
        clock=clock,
        limit_items=arguments.limit,
        limit_bytes=arguments.limit * 64 * 1024,
    )
    outbox.receipts_file = arguments.receipts
    await outbox.open()
    agent = Sender(identity=identity, clock=clock, outbox=outbox, patience=600.0)
    offering = asyncio.create_task(Offering(agent, arguments).run())
    await agent.start()
    say("ready")
    ended = asyncio.create_task(stop.wait())
    await asyncio.wait({offering, ended}, return_when=asyncio.FIRST_COMPLETED)
    offering.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await offering
    await agent.stop()
    await outbox.close()


def main() -> int:
    """Parse the arguments and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tests.faults.sender")
    for name in ("credentials", "outbox", "ledger", "receipts", "target"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=0.0, help="items a second; 0: as fast as possible")
    parser.add_argument("--size", type=int, default=200, help="bytes of a payload")
    parser.add_argument("--limit", type=int, default=1_000_000, help="items that the outbox holds")
    parser.add_argument("--parent-pid", type=int, default=None)
    arguments = parser.parse_args()
    end_with_parent(arguments.parent_pid)
    log.configure(level="info")
    gc.freeze()
    try:
        asyncio.run(run(arguments))
    except VedetteError as error:
        sys.stderr.write(f"sender: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
