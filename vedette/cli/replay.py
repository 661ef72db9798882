"""`vedette replay`: what was captured goes through the whole fleet again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import typer

from agents.collector import CollectorAgent
from agents.collector_making import collector_identity
from vedette import log
from vedette.cli.collector_run import Terms, run_collector
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, complain
from vedette.cli.running import LEVEL_OPTION, LogLevel
from vedette.cli.store import open_fleet
from vedette.clock import SystemClock
from vedette.collection.sections import Section, choose_section, load_sections, section_of
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.errors import ConfigurationError

CAPTURED = frozenset({"FILE", "FILEBYLINE", "DIRECTORY"})
"""Types of sources that read what was captured before."""

SECTION_ARGUMENT = typer.Argument(help="The section whose captured sources are sent again.")
FILE_OPTION = typer.Option(None, "--file", help="Sources; else those of the collectors in vedette.yml.")
SOURCE_OPTION = typer.Option(None, "--source", help="Only the sources of this name.")
NAME_OPTION = typer.Option("replay", "--name", help="The account that sends, made by 'vedette enroll'.")
WAIT_OPTION = typer.Option(60.0, "--wait", min=1.0, help="Seconds to wait for the confirmation.")


def replay(
    section: str = SECTION_ARGUMENT,
    file: Path | None = FILE_OPTION,
    source: str | None = SOURCE_OPTION,
    name: str = NAME_OPTION,
    wait: float = WAIT_OPTION,
    config: Path | None = CONFIG_OPTION,
    log_level: LogLevel = LEVEL_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Send all that a section's captured sources have, known or not; exit 0 only when all is confirmed."""
    log.configure(level=LogLevel.ERROR if log_level is LogLevel.INFO else log_level)
    configuration, paths = open_fleet(config)
    found = (
        choose_section(load_sections(file), section, place=str(file))
        if file
        else _of_fleet(section, configuration, paths)
    )
    chosen = captured(found, source)
    for one in found.sources:
        if one.type not in CAPTURED and source in (None, one.source_name):
            complain(f"{one.source_name}: {one.type} is not captured; it is left out")
    identity = collector_identity(name, paths.credentials_of(name))
    outbox = paths.outbox_of(name)
    outbox.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def make() -> CollectorAgent:
        return CollectorAgent(
            identity=identity,
            clock=SystemClock(),
            section=chosen,
            folder=Path(found.place).parent,
            outbox=outbox,
            fetching=configuration.fetching,
            once="all",
            view_port=None,
        )

    code = asyncio.run(run_collector(make, Terms(once="all", wait=wait, as_json=as_json)))
    if code:
        raise typer.Exit(code)


def captured(section: Section, source: str | None) -> Section:
    """Return a section with those sources that read what was captured.

    Raises:
        ConfigurationError: it has none of them.
    """
    wanted = tuple(one for one in section.sources if one.type in CAPTURED and source in (None, one.source_name))
    if not wanted:
        what = f"no captured source named {source[:60]!r}" if source else "no captured source"
        reason = f"has {what}; only {', '.join(sorted(CAPTURED))} are sent again"
        raise ConfigurationError(section.place, section.name, reason)
    return replace(section, sources=wanted)


def _of_fleet(name: str, configuration: FleetConfiguration, paths: FleetPaths) -> Section:
    """Return a section of the files that the fleet's collectors read.

    Raises:
        ConfigurationError: no collector's is called so.
    """
    sections = [section_of(collector, file=paths.file) for collector in configuration.collectors]
    for section in sections:
        if section.name == name:
            return section
    known = ", ".join(sorted({section.name for section in sections})) or "none"
    reason = f"no collector reads a section {name[:64]!r} (known: {known}); name a file with --file"
    raise ConfigurationError(str(paths.file), "collectors", reason)
