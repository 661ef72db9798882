"""`vedette check-config`: is a configuration file right, before anything starts."""

from __future__ import annotations

from pathlib import Path

import typer

from vedette.cli.check_sources import section_lines, source_lines
from vedette.cli.host_lines import host_lines
from vedette.cli.inspection import inspect_database, inspect_fleet, pace_notes
from vedette.cli.inspection_gateway import gateway_lines, inspect_gateway
from vedette.cli.inspection_sharing import sharing_lines
from vedette.cli.output import JSON_OPTION, print_json, print_line
from vedette.clock import SystemClock
from vedette.collection.sections import holds_sections, section_of
from vedette.configuration.collector import CollectorSection, is_collector_file, load_collector
from vedette.configuration.database_url import database_url
from vedette.configuration.fleet import FleetConfiguration, FleetPaths, load_fleet
from vedette.configuration.gateway import is_gateway_file, load_gateway
from vedette.configuration.hosts import is_hosts_file, load_hosts
from vedette.configuration.probe import load_probe
from vedette.configuration.probe_name import probe_name
from vedette.configuration.rt import RtConfiguration, RtSection, is_rt_file, load_rt
from vedette.tools.check import Check

FILE_ARGUMENT = typer.Argument(
    help="A probe's JSON file, a fleet's, its hosts', collector's, gateway's or RT agent's YAML file, or sources."
)


def check_config(file: Path = FILE_ARGUMENT, as_json: bool = JSON_OPTION) -> None:
    """Check a configuration file and say what it would do; exit 2 names the key and the reason."""
    lines = _yaml_lines(file) if file.suffix in (".yml", ".yaml") else _probe_lines(file)
    if as_json:
        print_json({"file": str(file), "valid": True, "says": lines})
        return
    for line in lines:
        print_line(line)


def _yaml_lines(file: Path) -> list[str]:
    if holds_sections(file):
        return source_lines(file, now=SystemClock().now())
    if is_collector_file(file):
        return [f"{file}: good", *_collector_lines(load_collector(file), file)]
    if is_rt_file(file):
        return _rt_file_lines(file)
    if is_gateway_file(file):
        gateway = load_gateway(file)
        inspect_gateway(gateway, file=file)
        return [f"{file}: good", *gateway_lines(gateway)]
    if is_hosts_file(file):
        return host_lines(load_hosts(file))
    return _fleet_lines(file)


_WHERE = {"hub": "in the hub", "field": "with the probes and collectors", "own": "in a process of their own"}


def _rt_file_lines(file: Path) -> list[str]:
    configuration = load_rt(file)
    graph = inspect_database(database_url(configuration.graph, folder=file.parent), place=file, key="graph")
    return [f"{file}: good", f"graph: {Path(graph).name}", f"{configuration.name} {_reads(configuration)}"]


def _rt_lines(configuration: FleetConfiguration) -> list[str]:
    section = configuration.rt
    if not section.names:
        return ["nobody here reads items into the knowledge graph: rt.agents is 0"]
    return [f"{', '.join(section.names)} ({_WHERE[section.process]}) {_reads(section)}"]


def _reads(section: RtSection | RtConfiguration) -> str:
    patterns = ", ".join(section.patterns)
    begin = "from the first item on" if section.from_start else "from the day on when the queue is made"
    return f"reads {patterns} into the knowledge graph, {begin}, by the queue {section.queue}"


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
    store, graph = (Path(url.partition("?")[0]).name for url in (paths.store_url, paths.graph_url))
    lines = [f"{file}: good", f"store: {store}, graph: {graph}, XMPP server: {configuration.xmpp.server}"]
    lines += [f"time: {section.name} ({_authority(section.local)})" for section in configuration.tsa]
    lines += [*pace_notes(configuration), *_probes(configuration, paths)]
    lines += [line for section in configuration.collectors for line in _collector_lines(section, paths.file)]
    lines += [line for section in configuration.gateways for line in gateway_lines(section)]
    return [*lines, *_rt_lines(configuration), *sharing_lines(configuration, paths)]


def _collector_lines(collector: CollectorSection, file: Path) -> list[str]:
    section = section_of(collector, file=file)
    lines = section_lines(section, now=SystemClock().now())
    return [f"{collector.name} collects {section.place} for {collector.up_agent}:", *(f"  {line}" for line in lines)]


def _probes(configuration: FleetConfiguration, paths: FleetPaths) -> list[str]:
    return [line for name in configuration.probes for line in _probe_lines(paths.near(name))]


def _authority(local: bool) -> str:
    return "local, self-asserted" if local else "external"
