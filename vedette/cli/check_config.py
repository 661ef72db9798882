"""`vedette check-config`: is a configuration file right, before anything starts."""

from __future__ import annotations

from pathlib import Path

import typer

from agents.field import probe_name
from vedette.cli.inspection import inspect_fleet, pace_notes
from vedette.cli.output import JSON_OPTION, print_json, print_line
from vedette.clock import SystemClock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths, load_fleet
from vedette.configuration.probe import load_probe
from vedette.tools.check import Check

FILE_ARGUMENT = typer.Argument(help="A probe's JSON file or a fleet's vedette.yml.")


def check_config(file: Path = FILE_ARGUMENT, as_json: bool = JSON_OPTION) -> None:
    """Check a configuration file and say what it would do; exit 2 names the key and the reason."""
    lines = _fleet_lines(file) if file.suffix in (".yml", ".yaml") else _probe_lines(file)
    if as_json:
        print_json({"file": str(file), "valid": True, "says": lines})
        return
    for line in lines:
        print_line(line)


def _probe_lines(file: Path) -> list[str]:
    configuration = load_probe(file)
    agent = configuration.jid or f"{file.stem}@localhost"
    check = Check.from_configuration(configuration, clock=SystemClock(), agent=agent, place=str(file))
    period = configuration.period
    when = (
        "once"
        if period is None
        else f"every {period:g} s" + (f", up to {configuration.jitter:g} s later" if configuration.jitter else "")
    )
    return [
        f"{file}: good",
        f"{probe_name(configuration, file)} runs {when}: {' '.join(check.command)}",
        f"results go to {configuration.up_agent}",
        *check.notes(),
    ]


def _fleet_lines(file: Path) -> list[str]:
    configuration, paths = load_fleet(file)
    inspect_fleet(configuration, paths, clock=SystemClock())
    lines = [f"{file}: good", f"store: {Path(paths.store_url).name}, XMPP server: {configuration.xmpp.server}"]
    lines += [f"time: {section.name} ({_authority(section.local)})" for section in configuration.tsa]
    return [*lines, *pace_notes(configuration), *_probes(configuration, paths)]


def _probes(configuration: FleetConfiguration, paths: FleetPaths) -> list[str]:
    return [line for name in configuration.probes for line in _probe_lines(paths.near(name))]


def _authority(local: bool) -> str:
    return "local, self-asserted" if local else "external"
