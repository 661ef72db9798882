"""Records that come by themselves, such as log lines: hundreds an item, committed as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from vedette.collection.content import Content
from vedette.collection.desk import Desk
from vedette.collection.drawing import Origin
from vedette.collection.lines import BYTES, RECORDS
from vedette.collection.memory import Drawn
from vedette.errors import RefusedError, VedetteError

LINES = "application/x-ndjson"
"""Media type of records that are a JSON value a line."""

AT_ONCE = 50 * RECORDS
"""Records that are committed together at most."""

_COUNT = "records"
_AGAIN = 2.0


async def commit_records(
    desk: Desk,
    records: Sequence[bytes],
    *,
    url: str,
    form: str,
    content_type: str = LINES,
    marks: Mapping[str, str] | None = None,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Commit records, each a line without its end, as items; a lasting run waits until there is room for them.

    Raises:
        VedetteError: they cannot be committed, and the run is not a lasting one.
    """
    if not records and not marks:
        return
    first = int(await desk.mark(_COUNT) or 0)

    def work() -> list[Drawn]:
        drawn = []
        begun = first
        for part in _parts(records):
            said = {"records": len(part), "first_record": begun, **(facts or {})}
            content = Content(data=b"\n".join(part) + b"\n", content_type=content_type)
            drawn.append(desk.draw(content, Origin(url=url, collected_at=desk.clock.now(), facts=said), form=form))
            begun += len(part)
        return drawn

    items = await asyncio.to_thread(work)
    after = {**(marks or {}), _COUNT: str(first + len(records))}
    await _committed(desk, items, after)
    desk.report.counts["new"] += len(records)


async def _committed(desk: Desk, items: Sequence[Drawn], marks: dict[str, str]) -> None:
    while True:
        try:
            await desk.commit(items, marks=marks)
        except RefusedError:
            raise
        except VedetteError as error:
            # The outbox is full, or the disk: what was taken is kept in memory, and no more is taken meanwhile.
            if not desk.lasting:
                raise
            desk.report.fail(str(error))
            await asyncio.sleep(_AGAIN)
        else:
            return


def _parts(records: Sequence[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for record in records:
        if part and (len(part) == RECORDS or size + len(record) > BYTES):
            yield part
            part, size = [], 0
        part.append(record)
        size += len(record) + 1
    if part:
        yield part
