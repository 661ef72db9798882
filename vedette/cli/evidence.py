"""`vedette evidence`: keeping proofs alive for decades, and finding what was changed behind their back."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from registry.alarms import Alarms
from registry.audit import Audit, AuditEntry
from registry.database import Database
from registry.document_check import document_check
from registry.fleet_authorities import authorities
from registry.fleet_evidence import documents_of, known_roots
from registry.head_lists import read_lists
from registry.receipts import check_receipts, read_receipts
from registry.renewals import Renewals
from registry.revocation_lists import RevocationLists
from registry.sweep import Sweep
from vedette.cli.actor import command_line_actor
from vedette.cli.evidence_checkpoint import app as checkpoint_app
from vedette.cli.evidence_heads import heads_command
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, print_json, print_line
from vedette.cli.store import open_fleet, open_store
from vedette.clock import SystemClock, from_datetime, to_datetime
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.evidence.algorithm_lifetimes import LIFETIMES, Lifetimes
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.finding import Finding
from vedette.evidence.renewal_policy import DueGroup
from vedette.evidence.timestamping import TimestampAuthority

if TYPE_CHECKING:
    from behaviours.renew import RenewalReport, RenewalRun

app = typer.Typer(no_args_is_help=True, help="Keep proofs alive, and find what was changed behind their back.")
app.command("heads")(heads_command)
app.add_typer(checkpoint_app, name="checkpoint")

DRY_OPTION = typer.Option(False, "--dry-run", help="Only say what is due.")
ENDS_OPTION = typer.Option(
    [], "--ends", help="An algorithm and when it may not be relied on any more: sha256=2031-01-01. Repeatable."
)
ALL_OPTION = typer.Option(False, "--all", help="From the first item of every engine, not from where the sweep is.")
ACKNOWLEDGE_OPTION = typer.Option(None, "--acknowledge", help="Take note of the alarm of this number.")
OUTBOX_ARGUMENT = typer.Argument(
    None, help="The sender's outbox, as it lies on its machine.", exists=True, dir_okay=False
)
HEADS_OPTION = typer.Option(
    None, "--heads", exists=True, dir_okay=False, help="Signed heads that you kept with 'heads --keep', beside ours."
)

STEP = 500
"""Items that a sweep in the foreground looks at in one go."""


@dataclass(frozen=True, kw_only=True)
class _Opened:
    configuration: FleetConfiguration
    paths: FleetPaths
    database: Database
    engine: str
    alarms: Alarms


@contextmanager
def _opened(config: Path | None) -> Iterator[_Opened]:
    configuration, paths = open_fleet(config)
    with open_store(paths) as database:
        yield _Opened(
            configuration=configuration,
            paths=paths,
            database=database,
            engine=f"{configuration.aggregation.name}@{configuration.xmpp.domain}",
            alarms=Alarms(database=database, clock=SystemClock()),
        )


@app.command()
def renew(
    dry_run: bool = DRY_OPTION,
    ends: list[str] = ENDS_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Renew the evidence records that are due, thousands with one token; exit 1 when some stay due."""
    lifetimes = _lifetimes(ends)
    with _opened(config) as opened:
        if dry_run:
            due = asyncio.run(_run(opened, (), lifetimes).due())
            _show_due(due, as_json=as_json)
            return
        report = asyncio.run(_renew(opened, lifetimes))
        _record_renewal(opened, report)
    if as_json:
        print_json(asdict(report))
    else:
        print_line(f"{report.renewed} records renewed with {report.tokens} tokens")
        for text in report.left:
            print_line(f"not renewed: {text}")
    raise typer.Exit(Exit.NO if report.left else Exit.GOOD)


async def _renew(opened: _Opened, lifetimes: Lifetimes) -> RenewalReport:
    stamps = _authorities(opened)
    try:
        return await _run(opened, stamps, lifetimes).run()
    finally:
        for authority in stamps:
            await authority.aclose()


def _record_renewal(opened: _Opened, report: RenewalReport) -> None:
    by = command_line_actor()
    detail = f"{report.renewed} records renewed with {report.tokens} tokens, not renewed: {len(report.left)}"
    entry = AuditEntry(
        who=by.who, action="evidence.renew", object="evidence records", origin=by.origin, detail=detail
    )
    asyncio.run(Audit(database=opened.database, clock=SystemClock()).record(entry))


def _run(opened: _Opened, stamps: tuple[TimestampAuthority, ...], lifetimes: Lifetimes) -> RenewalRun:
    # With it comes all of XMPP, which the other commands here have no need of.
    from behaviours.renew import RenewalRun

    clock = SystemClock()
    return RenewalRun(
        renewals=Renewals(
            database=opened.database, clock=clock, documents=documents_of(opened.configuration, opened.paths)
        ),
        lists=RevocationLists(database=opened.database, clock=clock),
        alarms=opened.alarms,
        authorities=stamps,
        clock=clock,
        lifetimes=lifetimes,
    )


def _authorities(opened: _Opened) -> tuple[TimestampAuthority, ...]:
    """Return the configured authorities; the local one in this process, as its own need not run."""
    clock, sections = SystemClock(), opened.configuration.tsa
    local = [
        LocalAuthority.open(opened.paths.tsa, clock=clock, name=section.name) for section in sections if section.local
    ]
    others = opened.configuration.model_copy(update={"tsa": [section for section in sections if not section.local]})
    return (*authorities(others, opened.paths, local_url="", clock=clock), *local)


def _lifetimes(ends: list[str]) -> Lifetimes:
    """Return the table with the dates that were given."""
    given: dict[str, int | None] = {}
    for text in ends:
        name, _, day = text.partition("=")
        try:
            moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
        except ValueError as error:
            raise typer.BadParameter(f"{text}: must be NAME=YYYY-MM-DD") from error
        if name not in LIFETIMES:
            raise typer.BadParameter(f"{name}: is not one of {', '.join(LIFETIMES)}")
        given[name] = from_datetime(moment)
    return {**LIFETIMES, **given}


def _show_due(due: list[DueGroup], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(one) for one in due])
        return
    for one in due:
        until = to_datetime(one.ends_at).date().isoformat()
        what = "too late" if one.lost else f"{one.kind.value} renewal with {one.digest}"
        print_line(f"{one.group.count} records of {one.group.tsa}: {one.reason}, until {until}: {what}")
    if not due:
        print_line("Nothing is due.")


@app.command()
def sweep(everything: bool = ALL_OPTION, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Verify everything that is stored again, to the end; exit 1 when something is found."""
    with _opened(config) as opened:
        store_sweep = Sweep(
            database=opened.database,
            engine=None if everything else opened.engine,
            clock=SystemClock(),
            roots=known_roots(opened.configuration, opened.paths),
            document=document_check(documents_of(opened.configuration, opened.paths)),
        )
        findings = asyncio.run(_sweep(store_sweep, opened.alarms, everything=everything, as_json=as_json))
    if as_json:
        print_json({"items": store_sweep.items, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            print_line(f"{finding.kind}: {finding.place}: {finding.text}")
        print_line(f"{store_sweep.items} items looked at, {len(findings)} findings")
    raise typer.Exit(Exit.NO if findings else Exit.GOOD)


async def _sweep(store_sweep: Sweep, alarms: Alarms, *, everything: bool, as_json: bool) -> list[Finding]:
    findings: list[Finding] = []
    if everything:
        await store_sweep.restart()
    while (step := await store_sweep.step(limit=STEP)) is not None:
        findings += step.findings
        await alarms.report(step.findings)
        await store_sweep.save()
        if not as_json and sys.stderr.isatty():
            sys.stderr.write(f"\r{store_sweep.items} items, {len(findings)} findings ")
    return findings


@app.command()
def alarms(
    acknowledge: int | None = ACKNOWLEDGE_OPTION, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION
) -> None:
    """List the alarms, newest first; exit 1 while there is one that nobody took note of."""
    with _opened(config) as opened:
        if acknowledge is not None and not asyncio.run(
            opened.alarms.acknowledge(acknowledge, by=command_line_actor())
        ):
            raise typer.BadParameter(f"there is no alarm {acknowledge}")
        found = asyncio.run(opened.alarms.all())
    if as_json:
        print_json([asdict(alarm) for alarm in found])
    for alarm in () if as_json else found:
        note = "" if alarm.acknowledged_at is None else " (noted)"
        when = f"{to_datetime(alarm.at):%Y-%m-%d %H:%M:%S}"
        print_line(f"{alarm.id:>5}  {when}  {alarm.kind}: {alarm.place}: {alarm.text}{note}")
    if not found and not as_json:
        print_line("No alarms.")
    raise typer.Exit(Exit.NO if any(alarm.acknowledged_at is None for alarm in found) else Exit.GOOD)


@app.command("check-receipts")
def check_receipts_command(
    outbox: Path | None = OUTBOX_ARGUMENT,
    heads: Path | None = HEADS_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Hold a sender's receipts and the signed heads against the log: whether its tail was cut off; exit 1 if so."""
    receipts = [] if outbox is None else read_receipts(outbox)
    lists = [] if heads is None else read_lists(heads)
    with _opened(config) as opened:
        report = asyncio.run(check_receipts(opened.database, receipts, heads=lists))
        asyncio.run(opened.alarms.report(report.findings))
    if as_json:
        print_json(asdict(report))
    else:
        for finding in report.findings:
            print_line(f"{finding.kind}: {finding.place}: {finding.text}")
        held = f"{report.receipts} receipts for {report.items} items and {report.heads} lists of signed heads"
        print_line(f"{held}, {len(report.findings)} findings")
        if report.heads_left_out:
            left = f"{report.heads_left_out} lists in the store were signed with a former key of the registry"
            print_line(f"{left} and are left out: nothing here confirms them")
    raise typer.Exit(Exit.NO if report.findings else Exit.GOOD)


@app.command()
def status(config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Show how the evidence stands: records, what they rest on and until when, renewals, alarms."""
    with _opened(config) as opened:
        renewals = Renewals(database=opened.database, clock=SystemClock())
        groups = asyncio.run(renewals.groups())
        renewed, open_alarms = asyncio.run(renewals.count()), asyncio.run(opened.alarms.count())
    if as_json:
        print_json({"groups": [asdict(group) for group in groups], "renewals": renewed, "alarms": open_alarms})
        return
    for group in groups:
        until = to_datetime(group.not_after).date().isoformat()
        rests = ", ".join((group.digest, *(name for name in group.algorithms if name != group.digest)))
        print_line(f"{group.count} records of {group.tsa}, until {until}, on {rests}")
    print_line(f"{renewed} renewals, {open_alarms} alarms that nobody took note of")
