"""A process under the shim that does one small piece of work for each line it reads, each in a child of its own.

A line is JSON: `{"work": "outbox" | "intake", "folder": path, "life": n}`. The child runs the work on the files of
the folder until it is done or dies; what was acknowledged is in `acknowledged` there. The answer is its exit
status: 0 done, 3 a StoreError (as the product reports it), -9 killed. Importing once and forking makes hundreds of
runs affordable.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import orjson

from registry.database import Database
from registry.intake import Delivery, Intake
from registry.outbox import Outbox
from registry.proofs import Proofs
from tests.faults.sender import append, make_item
from vedette.clock import SystemClock
from vedette.delivery.packing import OutgoingItem, open_batch, pack, read_batch
from vedette.errors import StoreError
from vedette.messages.batch import Receipt, Signed
from vedette.messages.envelope import decode_body
from vedette.messages.item import ReceivedItem
from vedette.signing import SigningKey

JID = "probe@localhost"
ENGINE = "engine@localhost"
STORE_ERROR = 3
ITEMS = 6
"""Items of a run, in deliveries of two."""

CLOCK = SystemClock()


def numbered(number: int) -> dict[str, Any]:
    """Return the item of a number as an outbox numbers it, the same whenever it is made."""
    item = make_item(JID, number, size=3000, clock=CLOCK)
    item["meta"] |= {"ts": 1_795_305_600, "collected_at": 1_795_305_600_000_000, "agent": JID, "origin_seq": number}
    return item


async def use_outbox(folder: Path) -> None:
    """Add items two by two, confirm every other pair; acknowledged is what `add` and `confirm` returned for."""
    outbox = Outbox(folder / "work.db", agent=JID, clock=CLOCK, limit_items=1000, limit_bytes=10**8)
    await outbox.open()
    known = _acknowledged(folder)
    key = SigningKey.load(folder / "engine.key")
    for first in range(0, ITEMS, 2):
        items = [make_item(JID, number, size=3000, clock=CLOCK) for number in (first, first + 1)]
        uuids = [item["meta"]["uuid"] for item in items]
        if not {("add", uuid) for uuid in uuids} <= known:
            waiting = {one.uuid for one in await outbox.next_batch(max_items=1000, max_bytes=10**8)}
            missing = [item for item in items if item["meta"]["uuid"] not in waiting]
            if missing:
                await outbox.add(missing)
            append(folder / "acknowledged", {"did": "add", "uuids": uuids})
        if first % 4 == 0:
            await outbox.confirm(_receipt(uuids, key), uuids)
            append(folder / "acknowledged", {"did": "confirm", "uuids": uuids})
    await outbox.close()


def _acknowledged(folder: Path) -> set[tuple[str, str]]:
    path = folder / "acknowledged"
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
    return {(line["did"], uuid) for line in lines for uuid in line["uuids"]}


def _receipt(uuids: list[str], key: SigningKey) -> Signed:
    receipt = Receipt(
        engine=ENGINE,
        epoch="00",
        manifest_sha256="0" * 64,
        committed=[(uuid, "0" * 64, 0) for uuid in uuids],
        refused=[],
        log_index=0,
        head="0" * 64,
    )
    return Signed.seal(receipt, key)


async def use_intake(folder: Path) -> None:
    """Commit signed deliveries of two items, close a batch after each; acknowledged is what a receipt would say."""
    with Database(f"sqlite:///{folder / 'work.db'}") as database:
        intake = Intake(database=database, engine=ENGINE, clock=CLOCK)
        await intake.open()
        proofs = Proofs(database=database, engine=ENGINE, clock=CLOCK)
        key = SigningKey.load(folder / "engine.key")
        for first in range(0, ITEMS, 2):
            (answer,) = await intake.commit([_delivery([numbered(first), numbered(first + 1)], key)])
            for uuid, digest, index in answer.committed:
                line = {"uuid": uuid, "digest": digest, "index": index, "last": answer.log_index, "head": answer.head}
                append(folder / "acknowledged", line)
            await proofs.close_batch(max_items=100)


def _delivery(items: list[dict[str, Any]], key: SigningKey) -> Delivery:
    outgoing = [
        OutgoingItem(
            seq=item["meta"]["origin_seq"],
            uuid=item["meta"]["uuid"],
            digest=ReceivedItem(item).digest.hex(),
            data=orjson.dumps(item),
        )
        for item in items
    ]
    packed = pack(outgoing, agent=JID, epoch="00", key=key)
    signed, raw = read_batch(decode_body(packed.text, packed.encoding))
    batch = open_batch(signed, raw, sender=JID, key=key.verifying)
    return Delivery(sender=JID, signed=signed, manifest=batch.manifest, items=batch.items, received_at=CLOCK.now())


def run(work: str, folder: Path) -> int:
    """Do the work in this process; returns the exit status."""
    try:
        asyncio.run(use_outbox(folder) if work == "outbox" else use_intake(folder))
    except StoreError as error:
        append(folder / "errors", {"error": str(error)})
        return STORE_ERROR
    except BaseException:  # noqa: BLE001 - whatever it is, the test must see it
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    """Answer each line with the exit status of a child that did its work."""
    for line in sys.stdin.buffer:
        order = orjson.loads(line)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = run(order["work"], Path(order["folder"]))
            finally:
                sys.stderr.flush()
                os._exit(status)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
