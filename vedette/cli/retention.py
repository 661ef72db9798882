"""`vedette retention`: what the policies delete, now or in a dry run, and what is on hold."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import typer

from registry.fleet_evidence import documents_of
from registry.holds import Holds
from registry.partition_dropping import PartitionRetention
from registry.retention import TOGETHER, Retention
from vedette.cli.actor import command_line_actor
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.store import open_fleet, open_store
from vedette.clock import SystemClock, to_datetime
from vedette.configuration.fleet import FleetConfiguration
from vedette.errors import RefusedError
from vedette.evidence.retention import Fate

app = typer.Typer(invoke_without_command=True, help="Delete payloads that are old enough, and put some on hold.")

DRY_OPTION = typer.Option(False, "--dry-run", help="Only say what would go.")
UUID_ARGUMENT = typer.Argument(help="The item's uuid, as 'vedette items' lists it.")
HOLD_OPTION = typer.Option(..., "--reason", help="Why it must stay; kept with the hold.")
RELEASE_OPTION = typer.Option("", "--reason", help="Why it may go; kept in the audit log.")


@dataclass(kw_only=True)
class _Tally:
    deleted: int = 0
    size: int = 0
    fates: Counter[tuple[str, Fate]] = field(default_factory=Counter)

    def of(self, policy: str) -> dict[str, int]:
        """Return how many payloads have which fate under a policy."""
        return {fate.value: self.fates[policy, fate] for fate in Fate if fate is not Fate.KEPT}


@app.callback()
def retention(
    context: typer.Context,
    dry_run: bool = DRY_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Delete what the policies of the configuration say, as the engine does by itself; or only say what would go."""
    if context.invoked_subcommand is not None:
        return
    configuration, paths = open_fleet(config)
    with open_store(paths) as database:
        store = Retention(database=database, clock=SystemClock(), documents=documents_of(configuration, paths))
        tally = _Tally()
        if not dry_run:
            asyncio.run(_drop(PartitionRetention(database=database, clock=SystemClock()), configuration, tally))
        asyncio.run(_run(store, configuration, tally, dry=dry_run))
    names = [policy.name for policy in configuration.retention]
    if as_json:
        policies = [{"policy": name, **tally.of(name)} for name in names]
        print_json({"dry_run": dry_run, "deleted": tally.deleted, "size": tally.size, "policies": policies})
        return
    for name in names:
        print_line(f"{name}: " + ", ".join(f"{count} {fate}" for fate, count in tally.of(name).items()))
    if not names:
        print_line("There are no policies: everything is kept. See 'retention' in docs/configuration.md.")
    elif dry_run:
        print_line(f"{tally.size} bytes would go; nothing was deleted.")
    else:
        print_line(f"{tally.deleted} payloads deleted, {tally.size} bytes.")


async def _drop(partitions: PartitionRetention, configuration: FleetConfiguration, tally: _Tally) -> None:
    """Drop what goes by the partition; whatever is left of what is due goes one by one after it."""
    for one in (await partitions.round([policy.rule for policy in configuration.retention])).dropped:
        tally.deleted += sum(one.counts.values())
        tally.size += one.size
        tally.fates.update({(policy, Fate.DUE): count for policy, count in one.counts.items()})


async def _run(store: Retention, configuration: FleetConfiguration, tally: _Tally, *, dry: bool) -> None:
    rules = [policy.rule for policy in configuration.retention]
    after = None
    while (step := await store.step(rules, limit=TOGETHER, after=after, dry=dry)) is not None:
        after = step.after
        tally.deleted += step.deleted
        tally.size += step.size
        tally.fates.update(step.fates)
        # The fleet may run meanwhile and must not feel it.
        await asyncio.sleep(step.deleted / configuration.evidence.retention_rate)


@app.command()
def hold(
    uuid: str = UUID_ARGUMENT,
    reason: str = HOLD_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Keep an item's payload whatever policies and people say, until it is released. Exit 1: refused."""
    _decide(uuid, reason, config, held=True, as_json=as_json)


@app.command()
def release(
    uuid: str = UUID_ARGUMENT,
    reason: str = RELEASE_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Let policies have an item's payload again. Exit 1: it is not on hold."""
    _decide(uuid, reason, config, held=False, as_json=as_json)


@app.command()
def holds(config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """List what is on hold, since when, by whom and why."""
    _, paths = open_fleet(config)
    with open_store(paths) as database:
        found = asyncio.run(Holds(database=database, clock=SystemClock()).all())
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        print_line(f"{one.uuid}  {to_datetime(one.held_at):%Y-%m-%d %H:%M:%S}  {one.held_by}: {one.reason}")
    if not found:
        print_line("Nothing is on hold.")


def _decide(uuid: str, reason: str, config: Path | None, *, held: bool, as_json: bool) -> None:
    _, paths = open_fleet(config)
    with open_store(paths) as database:
        store, actor = Holds(database=database, clock=SystemClock()), command_line_actor()
        deed = store.hold if held else store.release
        try:
            one = asyncio.run(deed(uuid, actor=actor, reason=reason))
        except RefusedError as error:
            complain(str(error))
            raise typer.Exit(Exit.NO) from error
    answer: dict[str, Any] = asdict(one) | {"held": held}
    if as_json:
        print_json(answer)
    else:
        print_line(f"{uuid} is {'on hold' if held else 'released'}")
