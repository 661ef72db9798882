"""`vedette items`: what was observed, and how far its proof is."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import typer

from registry.items import ItemFilter, Items, ItemSummary
from registry.proof_state import ProofState
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, print_json, print_line
from vedette.cli.store import open_fleet, open_store
from vedette.clock import to_datetime

LIMIT_OPTION = typer.Option(50, "--limit", min=1, max=1000, help="Items to show.")
AGENT_OPTION = typer.Option(None, "--agent", help="Only those of this JID.")
STATE_OPTION = typer.Option(None, "--state", help="Only those whose proof is in this state.")
VERDICT_OPTION = typer.Option(None, "--verdict", help="Only those with this verdict.")


def items(
    limit: int = LIMIT_OPTION,
    agent: str | None = AGENT_OPTION,
    state: ProofState | None = STATE_OPTION,
    verdict: str | None = VERDICT_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """List items, newest first, with the state of their proof."""
    _, paths = open_fleet(config)
    wanted = ItemFilter(agent=agent, state=state, verdict=verdict)
    with open_store(paths) as database:
        page = asyncio.run(Items(database=database).page(wanted=wanted, limit=limit))
    if as_json:
        print_json([asdict(item) | {"state": item.state.value} for item in page.items])
        return
    if not page.items:
        print_line("No items yet; they appear here as soon as a probe's first run is confirmed.")
    for item in page.items:
        print_line(_line(item))


def _line(item: ItemSummary) -> str:
    received = f"{to_datetime(item.received_at):%Y-%m-%d %H:%M:%S}"
    marks = "".join([" unsigned" if item.unsigned else "", " skewed clock" if item.skew else ""])
    verdict = f" {item.verdict}" if item.verdict else ""
    return f"{item.uuid}  {received}  {item.state.value:<13} {item.agent}  {item.format}{verdict}{marks}"
