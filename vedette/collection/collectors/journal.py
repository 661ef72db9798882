"""`JOURNAL`: systemd's journal as `journalctl -o json` gives it, from where it stopped."""

from __future__ import annotations

import re

from vedette.canonical import parse_json
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.desk import Desk
from vedette.collection.interface import Collector
from vedette.collection.records import AT_ONCE, commit_records
from vedette.collection.stream import CommandError, CommandStream
from vedette.errors import RefusedError

FORM = "journal/1"
"""The items' format: an entry of the journal a line, in journald's own JSON."""

_CURSOR = "cursor"
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9@:_.\\-]{0,254}")
_MAX_CURSOR = 512


class Journal(Collector):
    """Reads the journal on as it is written."""

    summary = "systemd's journal: journal: for all of it, journal:UNIT for a unit's"

    def lasts(self, source: SourceConfiguration) -> bool:
        """Return True: there is always more to come."""
        return True

    def objection(self, source: SourceConfiguration) -> str | None:
        """Return what is wrong with the unit's name."""
        if not source.source_uri.startswith("journal:"):
            return "source-URI: must be journal: or journal:UNIT, such as journal:ssh.service"
        unit = source.source_uri.removeprefix("journal:")
        if unit and not _UNIT.fullmatch(unit):
            return f"source-URI: {unit[:60]!r} is no name of a unit"
        return "cron: it is followed all the time; leave it out" if source.cron else None

    async def collect(self, desk: Desk) -> None:
        """Read on from where it stopped; at the first time from now on, where `now-collect` is `none`."""
        remembered = await desk.mark(_CURSOR) if desk.mode == "new" else ""
        argv = _command(desk, remembered)
        try:
            async with CommandStream(argv) as stream:
                async for lines in stream.batches(most=AT_ONCE):
                    await _keep(desk, lines)
        except CommandError as error:
            desk.report.fail(str(error))
            desk.report.complete = False


async def _keep(desk: Desk, lines: list[bytes]) -> None:
    """Commit entries together with the place after them."""
    cursor = ""
    for line in reversed(lines):
        cursor = _cursor(line)
        if cursor:
            break
    marks = {_CURSOR: cursor} if cursor else {}
    await commit_records(desk, lines, url=desk.source.source_uri, form=FORM, marks=marks)


def _command(desk: Desk, cursor: str) -> list[str]:
    unit = desk.source.source_uri.removeprefix("journal:")
    where = [f"--after-cursor={cursor}"] if cursor else ["--lines=all"]
    if not cursor and desk.lasting and desk.source.now_collect == "none":
        where = ["--lines=0"]
    return [
        "journalctl",
        "--output=json",
        "--no-pager",
        "--quiet",
        "--all",
        *where,
        *([f"--unit={unit}"] if unit else []),
        *(["--follow"] if desk.lasting else []),
    ]


def _cursor(line: bytes) -> str:
    """Return an entry's cursor; empty: it has none, or none that could be given back."""
    try:
        value = parse_json(line)
    except RefusedError:
        return ""
    cursor = value.get("__CURSOR") if isinstance(value, dict) else None
    return cursor if isinstance(cursor, str) and cursor.isprintable() and len(cursor) <= _MAX_CURSOR else ""
