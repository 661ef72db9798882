"""`CONNECTIONS`: which process of which user speaks to whom, in the columns of Hone."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from vedette.canonical import canonical_json, parse_json
from vedette.clock import MICROSECONDS
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.desk import Desk
from vedette.collection.interface import Collector
from vedette.collection.records import commit_records
from vedette.errors import RefusedError
from vedette.tools.redaction import Redaction

FORM = "hone/1"
"""The items' format: CSV lines of `COLUMNS`, without a header."""

COLUMNS = (
    "user",
    "uid",
    "proc_pid",
    "proc_ppid",
    "path",
    "argv",
    "conn_id",
    "timestamp_epoch_ms",
    "source_port",
    "dest_port",
    "ip_version",
    "source_ip",
    "dest_ip",
    "byte_cnt",
    "packet_cnt",
)
"""Hone's; bytes and packets stay empty: the kernel counts them for nobody but a sensor of its own."""

_KNOWN = "known"
_MAX_ARGV = 2_000
_MAX_KNOWN = 50_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """A connection and whose it is."""

    pid: int
    ports: tuple[int, int]
    """Here and there."""
    addresses: tuple[str, str]
    """Likewise."""
    started: float
    """When its process started: numbers are given out again."""

    @property
    def identity(self) -> str:
        """The same as long as it lasts."""
        text = f"{self.pid} {self.started:.2f} {self.addresses} {self.ports}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Connections(Collector):
    """Looks at who speaks to whom; a connection is told once."""

    summary = "Connections (connections:): which process of which user speaks to whom, in Hone's columns"

    def objection(self, source: SourceConfiguration) -> str | None:
        """Return what is wrong with the source."""
        return None if source.source_uri == "connections:" else "source-URI: must be connections:"

    async def collect(self, desk: Desk) -> None:
        """Tell the connections that were not there at the last look; short ones in between are not seen."""
        known = _known(await desk.mark(_KNOWN)) if desk.mode == "new" else set()
        try:
            found = await asyncio.to_thread(lambda: {one.identity: one for one in _connections()})
        except (psutil.Error, OSError) as error:
            desk.report.fail(f"connections: {error}")
            desk.report.complete = False
            return
        fresh = [one for identity, one in found.items() if identity not in known]
        desk.report.counts["unchanged"] += len(found) - len(fresh)
        now = desk.clock.now() // (MICROSECONDS // 1_000)
        rows = await asyncio.to_thread(lambda: list(filter(None, (_row(one, now=now) for one in fresh))))
        marks = {_KNOWN: canonical_json(sorted(found)[:_MAX_KNOWN]).decode()}
        await commit_records(
            desk,
            rows,
            url=desk.source.source_uri,
            form=FORM,
            content_type="text/csv",
            marks=marks,
            facts={"columns": list(COLUMNS)},
        )


def _connections() -> Iterator[Connection]:
    for one in psutil.net_connections(kind="inet"):
        if not one.laddr or not one.raddr or one.pid is None:
            continue
        try:
            started = psutil.Process(one.pid).create_time()
        except psutil.Error:
            continue
        yield Connection(
            pid=one.pid,
            ports=(one.laddr.port, one.raddr.port),
            addresses=(one.laddr.ip, one.raddr.ip),
            started=started,
        )


def _row(one: Connection, *, now: int) -> bytes:
    """Return a connection as a line of CSV; nothing where its process is gone."""
    try:
        process = psutil.Process(one.pid)
        with process.oneshot():
            user, uid = _or_empty(process.username), str(process.uids().real)
            path, parent = _or_empty(process.exe), process.ppid()
            argv = process.cmdline()
    except psutil.Error:
        return b""
    # Passwords on command lines would be signed and stored for years.
    said = " ".join(Redaction().command(argv))[:_MAX_ARGV]
    version = 6 if ":" in one.addresses[0] else 4
    fields = (user, uid, one.pid, parent, path, said, one.identity, now, *one.ports, version, *one.addresses, "", "")
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([" ".join(str(field).split()) for field in fields])
    return line.getvalue().encode("utf-8", errors="replace")


def _or_empty(ask: object) -> str:
    try:
        return str(ask()) if callable(ask) else ""
    except (psutil.Error, KeyError):
        return ""


def _known(text: str) -> set[str]:
    try:
        value = parse_json(text) if text else []
    except RefusedError:
        value = []
    return set(value) if isinstance(value, list) else set()
