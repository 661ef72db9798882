"""A process that commits items and state, page after page, until it is killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from registry.source_outbox import SourceOutbox
from vedette.clock import SystemClock
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.content import Content
from vedette.collection.drawing import Origin, draw
from vedette.collection.memory import Changes, Drawn
from vedette.collection.page_memory import PageMemory
from vedette.messages.limits import MAX_PAYLOAD

WHAT = SourceConfiguration.model_validate({"type": "WEB", "source-name": "test", "source-URI": "http://x.example/"})


def outbox_at(folder: Path, *, limit_items: int = 1_000_000) -> SourceOutbox:
    return SourceOutbox(
        folder / "outbox.db", agent="c@localhost", clock=SystemClock(), limit_items=limit_items, limit_bytes=10**9
    )


def drawn(data: bytes = b"x") -> Drawn:
    return draw(WHAT, Content(data=data), Origin(url="http://x.example/", collected_at=1))


def remembered(url: str, drawn: Drawn) -> PageMemory:
    return PageMemory(url=url, sha256="0" * 64, uuid=drawn.item["meta"]["uuid"], changed_at=1)


async def main(folder: Path) -> None:
    outbox = outbox_at(folder)
    await outbox.open()
    start = int(await outbox.mark("s", "next") or 0)

    async def one(number: int) -> None:
        url = f"http://x/{number}"
        if (await outbox.page("s", url)).known:
            return
        item = drawn(b"%d" % number + (b"" if number % 10 else bytes(MAX_PAYLOAD)))
        await outbox.commit(Changes(source="s", items=[item], pages=[remembered(url, item)]))

    for number in range(start, start + 100_000, 10):
        await asyncio.gather(*(one(number + place) for place in range(10)))
        await outbox.commit(Changes(source="s", marks={"next": str(number + 10)}))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
