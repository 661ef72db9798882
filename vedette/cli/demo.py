"""`vedette demo`: the main job on one machine, from two checks to proofs that verify."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
import yaml

from ejabberd.authority import Authority
from vedette import log
from vedette.cli.demo_progress import Progress, make_progress
from vedette.cli.fleet import Fleet
from vedette.cli.output import Exit, complain, print_json
from vedette.cli.prove import Proved, prove
from vedette.cli.running import stop_on_signals
from vedette.cli.up import start_unless_stopped, until_stopped
from vedette.clock import SystemClock
from vedette.configuration.fleet import FleetPaths, load_fleet
from vedette.errors import VedetteError

FOLDER_OPTION = typer.Option(Path("var/demo"), "--folder", help="Where the demo keeps everything.")
ONCE_OPTION = typer.Option(False, "--once", help="End when the first items of every probe are proved.")
JSON_OPTION = typer.Option(False, "--json", help="With --once: print one JSON object.")
WITHIN_OPTION = typer.Option(60.0, "--within", min=1.0, help="Seconds to wait for the proofs.")

BATCH_SECONDS = 1.0
"""Age at which the demo closes a batch: a newcomer should not wait five seconds for the first proof."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What was asked for."""

    folder: Path
    once: bool
    as_json: bool
    within: float


def demo(
    folder: Path = FOLDER_OPTION,
    once: bool = ONCE_OPTION,
    as_json: bool = JSON_OPTION,
    within: float = WITHIN_OPTION,
) -> None:
    """Start a fleet on loopback, let two probes make real checks, and verify the proof of each."""
    log.configure(level="warning")
    terms = Terms(folder=folder.resolve(), once=once or as_json, as_json=as_json, within=within)
    code = asyncio.run(_run(terms))
    if code:
        raise typer.Exit(code)


async def _run(terms: Terms) -> int:
    started = time.monotonic()
    stop = stop_on_signals()
    file = _write_fleet(terms.folder)
    configuration, paths = load_fleet(file)
    progress = make_progress(quiet=terms.as_json)
    fleet = Fleet(
        configuration=configuration, paths=paths, clock=SystemClock(), on_event=progress.event, log_level="warning"
    )
    try:
        with progress:
            agents = await start_unless_stopped(_start(fleet, progress), stop)
            if agents is None:
                complain(_why_not(fleet, stop, terms))
                return Exit.NO
            return await _prove(fleet, agents, progress, terms, stop=stop, started=started)
    finally:
        await fleet.stop()


async def _start(fleet: Fleet, progress: Progress) -> list[dict[str, str]]:
    progress.step("starting the XMPP server, the registry, the engine, two probes and who reads them into the graph")
    agents = await fleet.start(prepare=_write_probes)
    for agent in agents:
        progress.agent(agent)
    return agents


async def _prove(
    fleet: Fleet,
    agents: list[dict[str, str]],
    progress: Progress,
    terms: Terms,
    *,
    stop: asyncio.Event,
    started: float,
) -> int:
    ready = asyncio.ensure_future(progress.proved(probes=len(fleet.configuration.probes)))
    stopped = asyncio.ensure_future(stop.wait())
    waits: set[asyncio.Future[Any]] = {ready, stopped, fleet.supervisor.failed}
    await asyncio.wait(waits, timeout=terms.within, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not ready.done():
        ready.cancel()
        complain(_why_not(fleet, stop, terms))
        return Exit.NO
    proved = await prove(fleet.paths, wait=terms.within)
    seconds = time.monotonic() - started
    progress.result(proved, seconds=seconds)
    link = await fleet.setup_link()
    if terms.as_json:
        print_json(_summary(proved, agents, progress, seconds=seconds) | {"setup_link": link})
    if terms.once:
        return Exit.GOOD if proved.complete else Exit.NO
    progress.addresses(agents, console=fleet.console, setup_link=link)
    return await until_stopped(fleet, stop)


def _why_not(fleet: Fleet, stop: asyncio.Event, terms: Terms) -> str:
    if stop.is_set():
        return "stopped before the first proof"
    if fleet.supervisor.failed.done():
        return fleet.supervisor.failed.result()
    return f"no proof of every probe within {terms.within:.0f} s; the log above says what is slow"


def _summary(proved: Proved, agents: list[dict[str, str]], progress: Progress, *, seconds: float) -> dict[str, Any]:
    return {
        "items": proved.items,
        "stamped": proved.stamped,
        "verified": proved.verified,
        "bundle": str(proved.bundle),
        "trust": str(proved.trust),
        "agents": [
            {"jid": agent["jid"], "role": agent["role"], "presence": progress.presence.get(agent["jid"], "unknown")}
            for agent in agents
        ],
        "seconds": round(seconds, 2),
    }


def _write_fleet(folder: Path) -> Path:
    """Write the demo's `vedette.yml`.

    Raises:
        VedetteError: the folder cannot be written.
    """
    file = folder / "vedette.yml"
    configuration = {
        "data": "var",
        "batch": {"items": 1000, "seconds": BATCH_SECONDS},
        "probes": ["probe1.json", "probe2.json"],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(
            "# Written by vedette demo; look, change, and run: vedette up -c FILE\n" + yaml.safe_dump(configuration)
        )
    except OSError as error:
        raise VedetteError(f"{folder} cannot be written: {error.strerror}") from error
    return file


def _write_probes(paths: FleetPaths, server: str) -> None:
    """Write the two probes: what they look at is there on every machine, the fleet's own server and its packages."""
    host, _, port = server.rpartition(":")
    probes = {
        "probe1": {
            "type": "scan",
            "period": 10,
            "target": host,
            "command": "vedette:tls-certificate",
            "args": [
                "--port",
                port,
                "--starttls",
                "xmpp",
                "--server-name",
                "localhost",
                "--ca",
                str(Authority(paths.xmpp).ca_file),
            ],
            "expected_value": {"verified": True},
        },
        "probe2": {"type": "inventory", "period": 30, "target": "localhost", "command": "vedette:packages"},
    }
    for name, probe in probes.items():
        credentials = str(paths.credentials_of(name).relative_to(paths.file.parent))
        content = {"version": "1.0", "jid": f"{name}@localhost", "credentials": credentials, **probe}
        (paths.file.parent / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
