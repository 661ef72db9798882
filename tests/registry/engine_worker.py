"""An engine's intake in a process of its own: it commits what it is told until it is killed, and says what it did."""

from __future__ import annotations

import asyncio
import sys

from registry.database import Database
from registry.intake import Intake
from tests.registry.conftest import RECEIVED_AT, Sender
from vedette.clock import ManualClock

TOGETHER = 20
"""Items in one commit."""


def uuid_of(number: int) -> str:
    """Return the uuid of an item, the same in every process."""
    return f"00000000-0000-4000-8000-{number:012d}"


def item_of(sender: Sender, number: int) -> object:
    """Return an item, the same in every process."""
    return sender.item(uuid=uuid_of(number), origin_seq=number, payload=b"%d" % number)


async def main(url: str, engine: str, first: int, step: int, count: int) -> None:
    """Commit the items from `first` on, `step` pages of them apart, and say after each commit where it is."""
    clock, sender = ManualClock(now=RECEIVED_AT), Sender()
    with Database(url) as database:
        intake = Intake(database=database, engine=engine, clock=clock)
        await intake.open()
        for page in range(first, count // TOGETHER, step):
            numbers = range(page * TOGETHER, (page + 1) * TOGETHER)
            # The other way round in every other engine: they must not wait for each other for ever.
            ordered = numbers if first % 2 == 0 else reversed(numbers)
            await intake.commit([sender.deliver(*(item_of(sender, number) for number in ordered))])
            sys.stdout.write(f"{page}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], *(int(word) for word in sys.argv[3:6])))
