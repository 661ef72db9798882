"""`vedette status`: who is there, since when and why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import typer

from registry.directory import AgentEntry, Directory
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, print_json, print_line
from vedette.cli.remote import CA_OPTION, KEY_FILE_OPTION, URL_OPTION, asking, is_remote
from vedette.cli.store import open_fleet, open_store
from vedette.client.agents import Agent
from vedette.clock import SystemClock, to_datetime

REVOKED_OPTION = typer.Option(False, "--revoked", help="Also those that were revoked.")


def status(
    config: Path | None = CONFIG_OPTION,
    revoked: bool = REVOKED_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show every enrolled agent with its presence: since when, and why."""
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        with asking(url, key_file=key_file, ca=ca) as hub:
            listed = list(hub.rows(lambda hub: hub.agents.list(revoked=revoked)))
        _show(listed, [agent.model_dump(mode="json") | {"presence": agent.show} for agent in listed], as_json=as_json)
        return
    _, paths = open_fleet(config)
    with open_store(paths) as database:
        agents = asyncio.run(Directory(database=database, clock=SystemClock()).agents(revoked=revoked))
    _show(agents, [_described(agent) for agent in agents], as_json=as_json)


def _show(agents: Sequence[AgentEntry | Agent], described: list[dict[str, object]], *, as_json: bool) -> None:
    if as_json:
        print_json(described)
        return
    if not agents:
        print_line("Nobody is enrolled yet; vedette enroll NAME --role ROLE does it.")
    for agent in agents:
        since = "never seen" if agent.since is None else f"since {to_datetime(agent.since):%Y-%m-%d %H:%M:%S} UTC"
        show = agent.show if agent.revoked_at is None else "revoked"
        reason = f" ({agent.status})" if agent.status and agent.revoked_at is None else ""
        print_line(f"{agent.jid:<32} {agent.role:<12} {show:<10} {since}{reason}")


def _described(agent: AgentEntry) -> dict[str, object]:
    return asdict(agent) | {"role": agent.role.value, "presence": agent.show}
