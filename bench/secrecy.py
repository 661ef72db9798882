"""What it costs that only the engine can read an item: CPU time on both sides, sealed beside open in the same run.

`python bench/secrecy.py [--quick]` packs items of 1 KiB into signed batches as an agent does, opens and checks them
and commits them to a store (SQLite, synchronous=FULL) as an engine does; once open, once sealed with HPKE. All of it
in this process, without an XMPP server, which does not know the difference.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, say
from places import bench_folder
from sending import make_item

from behaviours.seal import SealItems
from registry.database import Database
from registry.intake import Delivery, Intake
from vedette import log
from vedette.canonical import canonical_json
from vedette.clock import SystemClock
from vedette.delivery.packing import OutgoingItem, open_batch, pack, read_batch
from vedette.messages.envelope import decode_body
from vedette.messages.item import ReceivedItem
from vedette.sealing.envelope import MARK, new_mark
from vedette.sealing.keys import SealingKeys
from vedette.signing import SigningKey

AGENT, ENGINE = "probe@bench", "engine@bench"

TOGETHER = 100
"""Items in a batch."""

AT_MOST = 2.0
"""Times the CPU of an open item that a sealed one may cost, both sides together."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """CPU and size of one way."""

    sender_s: float
    """CPU seconds of packing."""
    engine_s: float
    """CPU seconds of opening, checking and committing."""
    size: int
    """Bytes that travel."""


def outgoing(count: int, *, sealed: bool) -> list[list[OutgoingItem]]:
    """Return batches of what an outbox holds."""
    items = [_item(seq, sealed=sealed) for seq in range(count)]
    return [items[first : first + TOGETHER] for first in range(0, count, TOGETHER)]


def _item(seq: int, *, sealed: bool) -> OutgoingItem:
    item: dict[str, Any] = make_item()
    item["meta"] |= {"agent": AGENT, "origin_seq": seq} | ({MARK: new_mark()} if sealed else {})
    received = ReceivedItem(item)
    return OutgoingItem(seq=seq, uuid=received.uuid, digest=received.digest.hex(), data=canonical_json(item))


async def one_way(intake: Intake, batches: list[list[OutgoingItem]]) -> Cost:
    """Send batches from an agent to an engine; returns what that cost."""
    key, keys = SigningKey.generate(), SealingKeys(clock=SystemClock())
    sealing = SealItems(agent=AGENT)
    sealing.receivers = {ENGINE: keys.current}
    sender_s = engine_s = 0.0
    size = 0
    for batch in batches:
        began = time.process_time()
        packed = pack(await sealing.ready(batch, ENGINE, refused=_refused), agent=AGENT, epoch="e", key=key)
        between = time.process_time()
        signed, raw = read_batch(decode_body(packed.text, packed.encoding))
        opened = open_batch(signed, raw, sender=AGENT, key=key.verifying, receiver=ENGINE, sealing=keys)
        delivery = Delivery(
            sender=AGENT, signed=signed, manifest=opened.manifest, items=opened.items, received_at=SystemClock().now()
        )
        (committed,) = await intake.commit([delivery])
        assert len(committed.committed) == len(batch), committed.refused
        sender_s += between - began
        engine_s += time.process_time() - between
        size += len(packed.text)
    return Cost(sender_s=sender_s, engine_s=engine_s, size=size)


async def _refused(uuid: str, field: str, reason: str) -> bool:
    raise AssertionError(f"{uuid} cannot be sealed: {field}: {reason}")


async def measure(folder: Path, *, count: int, rounds: int) -> None:
    """Measure and print; both ways take turns, and the least of each counts."""
    database = Database(f"sqlite:///{folder / 'store.db'}")
    database.migrate()
    database.open()
    try:
        intake = Intake(database=database, engine=ENGINE, clock=SystemClock())
        await intake.open()
        costs: dict[bool, list[Cost]] = {False: [], True: []}
        for number in range(rounds):
            for sealed, found in costs.items():
                say(f"round {number + 1} of {rounds}: {count} items, {'sealed' if sealed else 'open'}")
                found.append(await one_way(intake, outgoing(count, sealed=sealed)))
        _print(costs[False], costs[True], count)
    finally:
        database.close()


def _print(plain: list[Cost], sealed: list[Cost], count: int) -> None:
    for name in ("sender", "engine"):
        least = [min(getattr(cost, f"{name}_s") for cost in ways) * 1e6 / count for ways in (sealed, plain)]
        Figure(name=f"secrecy.{name}", value=least[0], unit="us CPU/item", peer=least[1]).emit()
    both = [min(cost.sender_s + cost.engine_s for cost in ways) for ways in (sealed, plain)]
    Figure(
        name="secrecy.cpu", value=both[0] / both[1], unit="times open", target=AT_MOST, at_most=True, cpu_s=both[0]
    ).emit()
    sizes = [ways[0].size / count for ways in (sealed, plain)]
    Figure(name="secrecy.size", value=sizes[0], unit="bytes/item", peer=sizes[1]).emit()


def main() -> None:
    """Measure, and print figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer items, one round")
    quick = parser.parse_args().quick
    log.configure(level="error")
    with bench_folder() as folder:
        asyncio.run(measure(folder, count=500 if quick else 5000, rounds=1 if quick else 5))


if __name__ == "__main__":
    main()
