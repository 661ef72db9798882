"""`FILEBYLINE`: the lines of a file as records, hundreds an item; where it stopped is remembered."""

from __future__ import annotations

import asyncio

from vedette.collection.desk import Desk
from vedette.collection.interface import Collector
from vedette.collection.lines import POSITION, Position, draw_block, is_continued, opened, read_blocks


class FileByLine(Collector):
    """Plays a file back line by line; what is appended later is collected later."""

    summary = "The lines of a file as records, hundreds an item, from where it stopped"

    async def collect(self, desk: Desk) -> None:
        """Read on from where it stopped; from the beginning where the file is another one (rotation)."""
        path = desk.folder / desk.source.source_uri
        position = Position.read(await desk.mark(POSITION)) if desk.mode == "new" else Position()
        try:
            with await asyncio.to_thread(opened, path) as file:
                if not await asyncio.to_thread(is_continued, file, position):
                    position = Position()
                while True:
                    blocks, after = await asyncio.to_thread(read_blocks, file, position)
                    if not blocks:
                        break
                    items = [draw_block(desk, path, block) for block in blocks]
                    await desk.commit(items, marks={POSITION: after.text})
                    desk.report.counts["new"] += sum(block.records for block in blocks)
                    position = after
        except OSError as error:
            desk.report.fail(f"{path}: {error.strerror or error}")
            desk.report.complete = False
