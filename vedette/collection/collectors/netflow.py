"""`NETFLOW`: flows as lines of CSV: Stucco's files, or what Argus' `ra` makes of its files, pcaps and servers."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from vedette.canonical import canonical_json, parse_json
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.desk import Desk
from vedette.collection.interface import Collector
from vedette.collection.lines import LINE, POSITION, Position, draw_block, is_continued, opened, read_blocks
from vedette.collection.records import AT_ONCE, commit_records
from vedette.collection.stream import CommandError, CommandStream
from vedette.errors import RefusedError

COLUMNS = (
    "StartTime",
    "Flgs",
    "Proto",
    "SrcAddr",
    "Sport",
    "Dir",
    "DstAddr",
    "Dport",
    "TotPkts",
    "TotBytes",
    "State",
)
"""Stucco's."""

FORM = "lines"
"""The items' format: as lines of any file; `meta.columns` names them."""

_FIELDS = ("stime", "flgs", "proto", "saddr", "sport", "dir", "daddr", "dport", "pkts", "bytes", "state")
# No names instead of numbers, times as seconds since 1970, no labels, commas between.
_RA = ("ra", "-n", "-u", "-p", "6", "-L", "-1", "-c", ",", "-s", *_FIELDS)
_PCAP = frozenset(
    {b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a"}
)
_DONE = "done"
_CSV = "text/csv"


class Netflow(Collector):
    """Reads flows."""

    summary = "Flows: Stucco's CSV, or with Argus' ra a file of its, a pcap, or a server (argus://HOST:PORT)"

    def lasts(self, source: SourceConfiguration) -> bool:
        """Tell whether the source is a server, which goes on."""
        return _is_server(source)

    def objection(self, source: SourceConfiguration) -> str | None:
        """Return what is wrong with a server's address."""
        if not _is_server(source):
            return None
        try:
            where = urlsplit(source.source_uri)
            good = bool(where.hostname and where.hostname[0].isalnum()) and (where.port or 561) > 0
        except ValueError:
            good = False
        if not good:
            return "source-URI: must be argus://HOST or argus://HOST:PORT"
        return "cron: a server is listened to all the time; leave it out" if source.cron else None

    async def collect(self, desk: Desk) -> None:
        """Read on from where it stopped."""
        try:
            if _is_server(desk.source):
                await _listen(desk)
                return
            path = desk.folder / desk.source.source_uri
            beginning = await asyncio.to_thread(_beginning, path)
            if _is_text(beginning):
                await _read_csv(desk, path)
            else:
                await _read_argus(desk, path, is_pcap=beginning[:4] in _PCAP)
        except (OSError, CommandError) as error:
            reason = error.strerror or error if isinstance(error, OSError) else error
            desk.report.fail(f"{desk.source.source_uri}: {reason}")
            desk.report.complete = False


# CSV ---------------------------------------------------------------------------------


async def _read_csv(desk: Desk, path: Path) -> None:
    position = Position.read(await desk.mark(POSITION)) if desk.mode == "new" else Position()
    with await asyncio.to_thread(opened, path) as file:
        if not await asyncio.to_thread(is_continued, file, position):
            position = Position()
        file.seek(0)
        columns, header = _columns(await asyncio.to_thread(file.readline, LINE))
        if not position.offset and header:
            position = Position(offset=header)
        while True:
            blocks, after = await asyncio.to_thread(read_blocks, file, position)
            if not blocks:
                return
            items = [draw_block(desk, path, block, columns=columns) for block in blocks]
            await desk.commit(items, marks={POSITION: after.text})
            desk.report.counts["new"] += sum(block.records for block in blocks)
            position = after


def _columns(line: bytes) -> tuple[list[str], int]:
    """Return the names of the columns, and how many bytes the line that names them has."""
    names = [name.strip() for name in line.decode("utf-8", errors="replace").split(",")]
    if names[0] == COLUMNS[0] and line.endswith(b"\n"):
        return names[:100], len(line)
    return list(COLUMNS), 0


# Argus -------------------------------------------------------------------------------


async def _listen(desk: Desk) -> None:
    where = urlsplit(desk.source.source_uri)
    host = f"{where.hostname}:{where.port or 561}"
    # A server goes on for ever: a single look takes what comes in a moment.
    limit = () if desk.lasting else ("-T", "10")
    async with CommandStream([*_RA, "-S", host, *limit]) as stream:
        async for lines in stream.batches(most=AT_ONCE):
            await _keep(desk, lines, {})


async def _read_argus(desk: Desk, path: Path, *, is_pcap: bool) -> None:
    """Read a file through `ra`; of one that grew, the flows that are new."""
    status = await asyncio.to_thread(path.stat)
    done = _Done.read(await desk.mark(_DONE)) if desk.mode == "new" else _Done()
    changed = status.st_mtime_ns // 1_000
    if (done.size, done.changed) == (status.st_size, changed):
        desk.report.counts["unchanged"] += 1
        return
    skip = done.flows if status.st_size >= done.size else 0
    seen = 0
    async with _flows(path, is_pcap=is_pcap) as stream:
        async for lines in stream.batches(most=AT_ONCE):
            fresh = lines[max(0, skip - seen) :]
            seen += len(lines)
            # What was read may have grown meanwhile: it is looked at once more.
            await _keep(desk, fresh, {_DONE: _Done(flows=max(seen, skip)).text})
    after = _Done(flows=seen, size=status.st_size, changed=changed)
    await desk.commit((), marks={_DONE: after.text})


@contextlib.asynccontextmanager
async def _flows(path: Path, *, is_pcap: bool) -> AsyncIterator[CommandStream]:
    """Run `ra` on a file; on a pcap behind `argus`, which makes flows of packets."""
    name = _absolute(path)
    if not is_pcap:
        async with CommandStream([*_RA, "-r", name]) as stream:
            yield stream
        return
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as taken:
        with os.fdopen(writing, "wb") as given:
            packets = CommandStream(["argus", "-r", name, "-w", "-"], stdout=given)
            await packets.__aenter__()
        try:
            async with CommandStream([*_RA, "-r", "-"], stdin=taken) as stream:
                yield stream
            await packets.ended()
        finally:
            await packets.__aexit__()


async def _keep(desk: Desk, lines: list[bytes], marks: dict[str, str]) -> None:
    flows = [line.strip() for line in lines if line.strip()]
    await commit_records(
        desk,
        flows,
        url=desk.source.source_uri,
        form=FORM,
        content_type=_CSV,
        marks=marks,
        facts={"columns": list(COLUMNS)},
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Done:
    """How much of a file is done."""

    flows: int = 0
    size: int = 0
    changed: int = 0
    """When it was changed, microseconds since 1970; 0: it was not read to its end."""

    @classmethod
    def read(cls, text: str) -> _Done:
        try:
            value = parse_json(text)
            return cls(flows=int(value["flows"]), size=int(value["size"]), changed=int(value["changed"]))
        except (RefusedError, KeyError, TypeError, ValueError):
            return cls()

    @property
    def text(self) -> str:
        return canonical_json({"flows": self.flows, "size": self.size, "changed": self.changed}).decode()


def _is_server(source: SourceConfiguration) -> bool:
    return source.source_uri.startswith("argus://")


def _absolute(path: Path) -> str:
    """Return a path that is no option, whatever its name."""
    return str(path.absolute())


def _beginning(path: Path) -> bytes:
    with opened(path) as file:
        return file.read(1_024)


def _is_text(data: bytes) -> bool:
    return b"\0" not in data and data[:4] not in _PCAP
