"""`SERVICES`: which services run, by systemd, and who listens where; all of it, then what is different."""

from __future__ import annotations

import asyncio
import socket

import psutil

from vedette.collection.configuration import SourceConfiguration
from vedette.collection.desk import Desk
from vedette.collection.snapshots import Listing, Snapshot, SnapshotError
from vedette.tools.interface import Limits
from vedette.tools.process import run_command

_UNITS = ("systemctl", "list-units", "--type=service", "--all", "--plain", "--no-legend", "--no-pager", "--full")
_LIMITS = Limits(time_limit=30.0, output_limit=4 * 1024 * 1024)


class Services(Snapshot):
    """Lists services."""

    summary = "Running services (services:): systemd's units, and which program listens where"
    form = "services/1"

    def objection(self, source: SourceConfiguration) -> str | None:
        """Return what is wrong with the source."""
        return None if source.source_uri == "services:" else "source-URI: must be services:"

    async def take(self, desk: Desk) -> Listing:
        """Return states of units, and programs by where they listen; without systemd only these.

        Raises:
            SnapshotError: the system does not say.
        """
        try:
            listening = await asyncio.to_thread(_listening)
        except (psutil.Error, OSError) as error:
            raise SnapshotError(f"services: {error}") from error
        result = await run_command(_UNITS, limits=_LIMITS, clock=desk.clock)
        units = _units(result.payload.decode("utf-8", errors="replace")) if result.exit_code == 0 else {}
        return {"listening": listening, "units": units}


def _units(text: str) -> dict[str, str]:
    """Return what `systemctl list-units` says: unit, load, active and sub state, description."""
    rows = (line.split(None, 4) for line in text.splitlines())
    return {row[0]: f"{row[2]} {row[3]}" for row in rows if len(row) >= 4 and row[1] != "not-found"}


def _listening() -> dict[str, str]:
    """Return programs by where they listen; those of others are unnamed where we may not look."""
    found: dict[str, set[str]] = {}
    for one in psutil.net_connections(kind="inet"):
        tcp = one.type == socket.SOCK_STREAM
        if not one.laddr or (tcp and one.status != psutil.CONN_LISTEN) or (not tcp and one.raddr):
            continue
        host = f"[{one.laddr.ip}]" if ":" in one.laddr.ip else one.laddr.ip
        place = f"{'tcp' if tcp else 'udp'} {host}:{one.laddr.port}"
        found.setdefault(place, set()).add(_program(one.pid))
    return {place: " ".join(sorted(filter(None, names))) for place, names in found.items()}


def _program(pid: int | None) -> str:
    try:
        return psutil.Process(pid).name() if pid is not None else ""
    except psutil.Error:
        return ""
