"""`vedette status`: who is there, since when and why."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import typer

from registry.directory import AgentEntry, Directory
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, print_json, print_line
from vedette.cli.store import open_fleet, open_store
from vedette.clock import SystemClock, to_datetime

REVOKED_OPTION = typer.Option(False, "--revoked", help="Also those that were revoked.")


def status(config: Path | None = CONFIG_OPTION, revoked: bool = REVOKED_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Show every enrolled agent with its presence: since when, and why."""
    _, paths = open_fleet(config)
    with open_store(paths) as database:
        agents = asyncio.run(Directory(database=database, clock=SystemClock()).agents(revoked=revoked))
    if as_json:
        print_json([_described(agent) for agent in agents])
        return
    if not agents:
        print_line("Nobody is enrolled yet; vedette enroll NAME --role ROLE does it.")
    for agent in agents:
        since = "never seen" if agent.since is None else f"since {to_datetime(agent.since):%Y-%m-%d %H:%M:%S} UTC"
        show = agent.show if agent.revoked_at is None else "revoked"
        reason = f" ({agent.status})" if agent.status and agent.revoked_at is None else ""
        print_line(f"{agent.jid:<32} {agent.role.value:<12} {show:<10} {since}{reason}")


def _described(agent: AgentEntry) -> dict[str, object]:
    return asdict(agent) | {"role": agent.role.value, "presence": agent.show}
