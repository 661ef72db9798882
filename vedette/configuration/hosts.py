"""Configuration of a fleet on several hosts, `hosts.yml`: which host runs what of one fleet's configuration."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, model_validator

from vedette.configuration.fleet import FleetConfiguration, FleetPaths, load_fleet
from vedette.configuration.loading import did_you_mean, load
from vedette.configuration.probe import load_probe
from vedette.configuration.probe_name import probe_name
from vedette.configuration.sharing import SharingSection
from vedette.errors import ConfigurationError

MAX_HOSTS = 1000
"""Hosts of one file."""

HostName = Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$")]
_Names = Annotated[list[Annotated[StrictStr, Field(min_length=1, max_length=1024)]], Field(max_length=10_000)]


class HostSection(BaseModel):
    """What one host runs; the names are those of the fleet's configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hub: StrictBool = False
    """Whether the hub runs here: registry, first engine, API and console; it enrols the agents of all hosts."""
    rt: StrictBool = False
    """Whether the RT agents run here, where `rt.process` is `own` or `field`; those of the hub are with it."""
    sharing: StrictBool = False
    """Whether the agent that exports runs here, where `sharing.process` is `own`."""
    engines: _Names = []
    """Names of the engines besides the hub's."""
    probes: _Names = []
    """Probe files, as `probes` of the fleet's configuration names them."""
    collectors: _Names = []
    """Names of collectors."""
    gateways: _Names = []
    """Names of gateways."""

    @property
    def needs_store(self) -> bool:
        """Whether something here opens the store or the graph: then it needs the whole configuration."""
        return bool(self.hub or self.rt or self.sharing or self.engines)

    def described(self) -> list[str]:
        """Return what runs here, one a line of a list."""
        flags = [name for name in ("hub", "rt", "sharing") if getattr(self, name)]
        lists = (("engine", self.engines), ("probe", self.probes), ("collector", self.collectors))
        named = [f"{kind} {name}" for kind, names in (*lists, ("gateway", self.gateways)) for name in names]
        return [*flags, *named]


class HostsConfiguration(BaseModel):
    """The hosts of a fleet."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fleet: StrictStr = "vedette.yml"
    """The fleet's configuration, relative to the file."""
    hosts: Annotated[dict[HostName, HostSection], Field(min_length=1, max_length=MAX_HOSTS)]
    """What each host runs, by its name."""

    @model_validator(mode="after")
    def _runs_once(self) -> Self:
        counted = Counter(what for section in self.hosts.values() for what in section.described())
        twice = next((what for what, count in counted.items() if count > 1), None)
        if twice is not None:
            # Two with one account would take each other's messages.
            raise ValueError(f"hosts: {twice} is on two hosts, or twice on one")
        return self


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """The hosts of a fleet, with the fleet's configuration."""

    file: Path
    """`hosts.yml`."""
    configuration: HostsConfiguration
    """What it says."""
    fleet: FleetConfiguration
    """The fleet's configuration."""
    paths: FleetPaths
    """Where the fleet keeps things."""

    def section(self, name: str) -> HostSection:
        """Return what the host `name` runs.

        Raises:
            ConfigurationError: there is no such host.
        """
        found = self.configuration.hosts.get(name)
        if found is None:
            hint = did_you_mean(name, self.configuration.hosts)
            raise ConfigurationError(str(self.file), "hosts", f"there is no host {name!r}{hint}; say it with --name")
        return found

    def missing(self) -> list[str]:
        """Return what the fleet has and no host runs."""
        given = {what for section in self.configuration.hosts.values() for what in section.described()}
        return [what for what in whole(self.fleet).described() if what not in given]


def whole(fleet: FleetConfiguration) -> HostSection:
    """Return what there is to run of a fleet."""
    return HostSection(
        hub=True,
        rt=bool(fleet.rt.names) and fleet.rt.process != "hub",
        sharing=bool(fleet.sharing.names) and fleet.sharing.process == "own",
        engines=[section.name for section in fleet.engines],
        probes=list(fleet.probes),
        collectors=[section.name for section in fleet.collectors],
        gateways=[section.name for section in fleet.gateways],
    )


def share_of(fleet: FleetConfiguration, host: HostSection) -> FleetConfiguration:
    """Return a fleet's configuration with those agents only that run on a host besides its hub."""
    rt = fleet.rt if host.rt else fleet.rt.model_copy(update={"agents": 0})
    return fleet.model_copy(
        update={
            "engines": [section for section in fleet.engines if section.name in host.engines],
            "probes": [name for name in fleet.probes if name in host.probes],
            "collectors": [section for section in fleet.collectors if section.name in host.collectors],
            "gateways": [section for section in fleet.gateways if section.name in host.gateways],
            "rt": rt,
            "sharing": fleet.sharing if host.sharing else SharingSection(),
        }
    )


def agents_of(share: FleetConfiguration, paths: FleetPaths) -> list[str]:
    """Return the names of the agents of a host without hub.

    Raises:
        ConfigurationError: a probe's file cannot be used.
    """
    files = [paths.near(name) for name in share.probes]
    return [
        *(section.name for section in share.engines),
        *(section.name for section in share.collectors),
        *(section.name for section in share.gateways),
        *(probe_name(load_probe(file), file) for file in files),
        *(share.rt.names if share.rt.process != "hub" else []),
        *(share.sharing.names if share.sharing.process == "own" else []),
    ]


def agents_on(hosts: Hosts, name: str) -> list[str]:
    """Return the names of all agents that the host `name` runs, the hub's among them.

    Without those that run jobs: they come when there is work, and go.

    Raises:
        ConfigurationError: there is no such host, or a probe's file cannot be used.
    """
    section, fleet = hosts.section(name), hosts.fleet
    of_hub = [
        fleet.registry.name,
        fleet.aggregation.name,
        *(fleet.rt.names if fleet.rt.process == "hub" else []),
        *(fleet.sharing.names if fleet.sharing.process == "hub" else []),
    ]
    return [*(of_hub if section.hub else []), *agents_of(share_of(fleet, section), hosts.paths)]


class _Whole(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


def is_hosts_file(file: Path) -> bool:
    """Tell whether a file says which host runs what.

    Raises:
        ConfigurationError: it cannot be read at all.
    """
    return "hosts" in load(file, _Whole).model_dump()


def load_hosts(file: Path) -> Hosts:
    """Read `hosts.yml` and the fleet's configuration that it names.

    Raises:
        ConfigurationError: names the file, the key and the reason; also where a host is to run what is not there.
    """
    configuration = load(file, HostsConfiguration)
    fleet, paths = load_fleet(file.parent / configuration.fleet)
    known = whole(fleet).described()
    for name, section in configuration.hosts.items():
        for what in section.described():
            if what not in known:
                reason = f"{what} is not in {paths.file.name}, or runs in the hub there{did_you_mean(what, known)}"
                raise ConfigurationError(str(file), f"hosts.{name}", reason)
    return Hosts(file=file.resolve(), configuration=configuration, fleet=fleet, paths=paths)
