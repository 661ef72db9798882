"""`LOGINS`: who logged in and out, from where: the records of wtmp and btmp (utmp(5))."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import struct
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import orjson

from vedette.clock import MICROSECONDS
from vedette.collection.desk import Desk
from vedette.collection.interface import Collector
from vedette.collection.lines import POSITION, Position, head_of, is_continued, opened
from vedette.collection.records import AT_ONCE, commit_records

FORM = "logins/1"
"""The items' format: a JSON object a line."""

RECORD = struct.Struct("=hxxi32s4s32s256shhiii16s20x")
"""glibc's `struct utmp` on Linux: 384 bytes, whatever the machine's word."""

_KINDS = {
    1: "runlevel",
    2: "boot",
    3: "clock set",
    4: "clock was",
    5: "init process",
    6: "waiting for login",
    7: "login",
    8: "logout",
    9: "accounting",
}


class Logins(Collector):
    """Reads logins."""

    summary = "Login events: the records of /var/log/wtmp, or of btmp: those that failed"

    async def collect(self, desk: Desk) -> None:
        """Read on from where it stopped; from the beginning where the file is another one (rotation)."""
        path = desk.folder / desk.source.source_uri
        position = Position.read(await desk.mark(POSITION)) if desk.mode == "new" else Position()
        try:
            while True:
                records, after = await asyncio.to_thread(_read, path, position)
                if not records:
                    return
                await commit_records(desk, records, url=str(path), form=FORM, marks={POSITION: after.text})
                position = after
        except OSError as error:
            desk.report.fail(f"{path}: {error.strerror or error}")
            desk.report.complete = False


def _read(path: Path, position: Position) -> tuple[list[bytes], Position]:
    with opened(path) as file:
        if not is_continued(file, position):
            position = Position()
        file.seek(position.offset)
        data = file.read(RECORD.size * AT_ONCE)
        whole = len(data) // RECORD.size
        records = [line for line in map(_line, RECORD.iter_unpack(data[: whole * RECORD.size])) if line]
        after = replace(position, offset=position.offset + whole * RECORD.size, lines=position.lines + whole)
        return records, _noted(file, after)


def _noted(file: BinaryIO, position: Position) -> Position:
    return replace(position, head=head_of(file, position.offset), inode=os.fstat(file.fileno()).st_ino)


def _line(fields: tuple[int | bytes, ...]) -> bytes:
    """Return a record as JSON; nothing for an empty one."""
    kind, pid, line, _, user, host, ended, status, session, seconds, micros, address = fields
    if not kind:
        return b""
    said = {
        "kind": _KINDS.get(int(kind), f"type {int(kind)}"),
        "at": int(seconds) * MICROSECONDS + int(micros),
        "user": _text(user),
        "line": _text(line),
        "host": _text(host),
        "address": _address(address),
        "pid": int(pid),
        "session": int(session),
        "signal": int(ended),
        "exit_code": int(status),
    }
    return orjson.dumps({name: value for name, value in said.items() if value not in ("", 0)})


def _text(value: int | bytes) -> str:
    return value.partition(b"\0")[0].decode("utf-8", errors="replace") if isinstance(value, bytes) else ""


def _address(value: int | bytes) -> str:
    if not isinstance(value, bytes) or not any(value):
        return ""
    # The first four bytes alone are IPv4.
    return str(ipaddress.ip_address(value if any(value[4:]) else value[:4]))
