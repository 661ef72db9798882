"""`vedette collect`: the sources of a section, once or by their timetables, in a process of its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import typer

from agents.collector import CollectorAgent
from agents.collector_making import collector_identity
from vedette.cli.collector_run import Terms, run_collector
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, complain
from vedette.cli.running import LEVEL_OPTION, LOG_FILE_OPTION, LogLevel, log_to
from vedette.cli.store import open_fleet
from vedette.clock import SystemClock
from vedette.collection.configuration import HOST_TYPES, WEB_TYPES
from vedette.collection.desk import Mode
from vedette.collection.sections import Section, choose_section, load_sections, read_sections
from vedette.configuration.fetching import FetchingSection
from vedette.errors import ConfigurationError
from vedette.fetching.client import HttpFetcher
from vedette.fetching.interface import FetchError, FetchRequest
from vedette.fetching.urls import read_url, shown_url

MAX_CONFIGURATION = 4 * 1024 * 1024
"""Bytes of a configuration that a URL gives."""

FILE_OPTION = typer.Option(None, "--file", help="Sources, such as Stucco's stucco.yml.")
LOCATION_OPTION = typer.Option(None, "--url", help="The same from a URL: YAML, JSON, or etcd's v2 keys.")
SECTION_OPTION = typer.Option(None, "--section", help="Which section of it; not needed where there is only one.")
SOURCE_OPTION = typer.Option(None, "--source", help="Only the sources of this name.")
ONCE_OPTION = typer.Option(False, "--once", help="Each source once; exit 0 only when all went well and is confirmed.")
ALL_OPTION = typer.Option(False, "--all", help="With --once: collect what is known already, too.")
NAME_OPTION = typer.Option("collector", "--name", help="The collector's account, made by 'vedette enroll'.")
WAIT_OPTION = typer.Option(60.0, "--wait", min=1.0, help="Seconds to wait for the confirmation with --once.")


def collect(
    file: Path | None = FILE_OPTION,
    location: str | None = LOCATION_OPTION,
    section: str | None = SECTION_OPTION,
    source: str | None = SOURCE_OPTION,
    once: bool = ONCE_OPTION,
    everything: bool = ALL_OPTION,
    name: str = NAME_OPTION,
    wait: float = WAIT_OPTION,
    config: Path | None = CONFIG_OPTION,
    log_level: LogLevel = LEVEL_OPTION,
    log_file: Path | None = LOG_FILE_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Collect the sources of a section until Ctrl-C, or once; a line a source says what came of it."""
    if (file is None) == (location is None):
        raise typer.BadParameter("give either --file or --url")
    if everything and not once:
        raise typer.BadParameter("--all needs --once")
    log_to(log_file, level=LogLevel.ERROR if once and log_level is LogLevel.INFO else log_level)
    configuration, paths = open_fleet(config)
    fetching = configuration.fetching
    sections = load_sections(file) if file is not None else asyncio.run(_fetched(location or "", fetching))
    place = str(file) if file is not None else shown_url(location or "")
    chosen = _only(choose_section(sections, section, place=place), source)
    if file is None:
        _check_files(chosen, Path())
    for warning in chosen.warnings:
        complain(warning)
    identity = collector_identity(name, paths.credentials_of(name))
    outbox = paths.outbox_of(name)
    outbox.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode: Mode | None = None if not once else "all" if everything else "new"

    def make() -> CollectorAgent:
        return CollectorAgent(
            identity=identity,
            clock=SystemClock(),
            section=chosen,
            folder=Path() if file is None else file.parent,
            outbox=outbox,
            fetching=fetching,
            once=mode,
            view_port=None if once else 0,
        )

    code = asyncio.run(run_collector(make, Terms(once=mode, wait=wait, as_json=as_json)))
    if code:
        raise typer.Exit(code)


async def _fetched(location: str, fetching: FetchingSection) -> dict[str, Section]:
    limits = fetching.limits.at_most(max_bytes=MAX_CONFIGURATION, seconds=30.0)
    try:
        # Whoever writes an address of our own network means it.
        policy = fetching.policy.for_endpoint(read_url(location))
    except ValueError as error:
        raise ConfigurationError(shown_url(location), "", str(error)) from error
    async with HttpFetcher(policy=policy, limits=limits) as fetcher:
        try:
            fetched = await fetcher.fetch(FetchRequest(url=location))
        except FetchError as error:
            shown = shown_url(location)
            raise ConfigurationError(shown, "", str(error).removeprefix(f"{shown}: ")) from error
    try:
        text = fetched.body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(fetched.url, "", f"is not UTF-8 (byte {error.start})") from error
    return read_sections(text, fetched.url)


def _only(section: Section, source: str | None) -> Section:
    """Return a section with the sources of one name.

    Raises:
        ConfigurationError: it has none of that name.
    """
    if source is None:
        return section
    found = tuple(one for one in section.sources if one.source_name == source)
    if not found:
        raise ConfigurationError(section.place, section.name, f"has no source named {source[:60]!r}")
    return replace(section, sources=found)


def _check_files(section: Section, folder: Path) -> None:
    """Check that sources which came over the network read no files but those below a folder, and send none away.

    Raises:
        ConfigurationError: one leads out of it, or names a key.
    """
    root = folder.resolve()
    for source in section.sources:
        if source.api_key_file is not None:
            # It is sent to the source's address, which came over the network, too: any file of one line would go.
            reason = "api-key-file: a configuration from a URL may name none; save it as a file of yours"
            raise ConfigurationError(section.place, source.source_name, reason)
        if source.type in HOST_TYPES:
            reason = f"type: a configuration from a URL may not use {source.type}; save it as a file of yours"
            raise ConfigurationError(section.place, source.source_name, reason)
        local = [] if source.type in WEB_TYPES else [Path(source.source_uri)]
        for path in (*local, *(value for _, value in source if isinstance(value, Path))):
            if not (root / path).resolve().is_relative_to(root):
                reason = f"{str(path)[:100]} is not below {root}; a configuration from a URL may read nothing else"
                raise ConfigurationError(section.place, source.source_name, reason)
