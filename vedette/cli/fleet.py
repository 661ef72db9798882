"""A fleet on this machine: XMPP server, local authority, hub and field, started in order."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from ejabberd.accounts import Accounts
from ejabberd.authority import Authority
from registry.database import Database
from registry.directory import Directory
from registry.lock import FileLock
from vedette.cli.actor import command_line_actor
from vedette.cli.api_address import api_url, choose_api_port
from vedette.cli.carrier import Carrier, accounts_of, carrier_of, last_port, port_file
from vedette.cli.enrolment import Enrolment, Wanted
from vedette.cli.inspection import inspect_fleet
from vedette.cli.local_authority import start_local_authority
from vedette.cli.making import make_databases
from vedette.cli.ports import is_free
from vedette.cli.setup_link import first_link
from vedette.cli.supervisor import Supervisor
from vedette.clock import Clock
from vedette.configuration.fleet import EMBEDDED, FleetConfiguration, FleetPaths
from vedette.configuration.probe import ProbeConfiguration, load_probe
from vedette.configuration.probe_name import probe_name
from vedette.errors import ConfigurationError, StoreError
from vedette.messages.card import Role

_KEYS = {Role.COLLECTOR: "collectors", Role.GATEWAY: "gateways", Role.RT: "rt", Role.MISP: "sharing"}
"""Keys of the configuration by the role of the agents that they name."""


class Fleet:
    """Starts the processes of a configuration, and ends them together."""

    def __init__(
        self,
        *,
        configuration: FleetConfiguration,
        paths: FleetPaths,
        clock: Clock,
        on_event: Callable[[str, dict[str, Any]], None],
        log_level: str = "info",
    ) -> None:
        self.configuration = configuration
        self.here = configuration
        """What of it runs on this host besides the hub."""
        self.field_arguments: list[str] = []
        """How the field process learns what that is."""
        self.paths = paths
        self._clock = clock
        self._log_level = log_level
        self._api_port = 0
        self._lock: FileLock | None = None
        self.supervisor = Supervisor(on_event=on_event)

    async def start_server(self) -> Carrier:
        """Start the embedded XMPP server, or return where the configured one is.

        Raises:
            ProcessFailedError: it did not start.
        """
        section = self.configuration.xmpp
        if section.server != EMBEDDED:
            return carrier_of(self.configuration, self.paths)
        authority = Authority(self.paths.xmpp)
        authority.server(section.domain, names=["localhost", "127.0.0.1"])
        port = section.port or self._last_free_port()
        argv = ["ejabberd.embedded", "--folder", str(self.paths.xmpp), "--domain", section.domain]
        report = await self.supervisor.start("xmpp", _module(*argv, "--port", str(port)))
        # A restart must come back where the agents look for it.
        self.supervisor.replace_argv("xmpp", _module(*argv, "--port", str(report["port"])))
        port_file(self.paths).write_text(json.dumps({"port": report["port"]}))
        return Carrier(server=f"127.0.0.1:{report['port']}", ca=authority.ca_file)

    async def start_authority(self) -> str:
        """Start the local time-stamping authority and return its URL, "" if none is configured.

        Raises:
            ProcessFailedError: it did not start.
        """
        return await start_local_authority(self.supervisor, self.configuration, self.paths, clock=self._clock)

    async def enrol(self, carrier: Carrier, accounts: Accounts) -> None:
        """Enrol the fleet's own agents; those that are enrolled keep account and key.

        Raises:
            VedetteError: the store, an account or a file cannot be written.
        """
        database = Database(self.paths.store_url)
        with database:
            enrolment = Enrolment(
                configuration=self.configuration,
                paths=self.paths,
                database=database,
                accounts=accounts,
                server=carrier.server,
                others=carrier.others,
                ca=carrier.ca,
                clock=self._clock,
                hub=api_url(self.configuration, self.paths),
                by=command_line_actor(),
            )
            await self._refuse_revoked(database)
            for wanted in self.wanted():
                await enrolment.enrol(wanted)

    async def _refuse_revoked(self, database: Database) -> None:
        """Refuse to start an agent that somebody revoked: only a person may take that back.

        Raises:
            ConfigurationError: names the agent and what to do.
        """
        directory = Directory(database=database, clock=self._clock)
        revoked = {agent.jid for agent in await directory.agents(revoked=True) if agent.revoked_at is not None}
        for wanted in self.wanted():
            jid = f"{wanted.name}@{self.configuration.xmpp.domain}"
            if jid in revoked:
                advice = f"take it out, or run: vedette enroll {wanted.name} --role {wanted.role.value}"
                key = _KEYS.get(wanted.role, "probes")
                raise ConfigurationError(str(self.paths.file), key, f"{jid} was revoked; {advice}")

    async def start_agents(self, local_tsa: str) -> list[dict[str, str]]:
        """Start hub, engines, field, rt and misp and return their agents: JID, role and address of the page.

        Raises:
            ProcessFailedError: one of them did not start.
        """
        own = ["--tsa", local_tsa, "--api-port", str(self._api_port)]
        hub = await self.supervisor.start("hub", _module("vedette.cli.process", "hub", *self._common(), *own))
        return [*hub["agents"], *await self.start_field(local_tsa)]

    async def start_field(self, local_tsa: str) -> list[dict[str, str]]:
        """Start what runs here besides the hub, as `start_agents` does.

        Raises:
            ProcessFailedError: one of them did not start.
        """
        agents: list[dict[str, str]] = []
        for section in self.here.engines:
            more = ["--name", section.name, "--tsa", local_tsa]
            argv = _module("vedette.cli.process", "engine", *self._common(), *more)
            agents += (await self.supervisor.start(f"engine {section.name}", argv))["agents"]
        for part in self._parts():
            more = self.field_arguments if part == "field" else []
            argv = _module("vedette.cli.process", part, *self._common(), *more)
            agents += (await self.supervisor.start(part, argv))["agents"]
        return agents

    def _common(self) -> list[str]:
        return ["-c", str(self.paths.file), "--log-level", self._log_level]

    def _parts(self) -> list[str]:
        """Return the processes besides the hub's that have something to do."""
        configuration = self.here
        where = configuration.rt.process if configuration.rt.agents else ""
        field = configuration.probes or configuration.collectors or configuration.gateways or where == "field"
        sharing = configuration.sharing
        apart = sharing.names and sharing.process == "own"
        # Who takes from the start of its queue on may come last.
        return [*(["misp"] if apart else []), *(["field"] if field else []), *(["rt"] if where == "own" else [])]

    async def start(self, *, prepare: Callable[[FleetPaths, str], None] | None = None) -> list[dict[str, str]]:
        """Start everything and return the agents.

        Cancelling it is safe: what was started is for `stop` to end.

        `prepare` is called when the server's address is known, to write configurations that need it.

        Raises:
            ConfigurationError: a file cannot be used, or a fleet runs in the folder already.
            VedetteError: something cannot start; what was started is for `stop` to end.
        """
        self.paths.make()
        self._take_place()
        if prepare is None:
            self.check()
        await make_databases(self.paths)
        self._api_port = choose_api_port(self.configuration, self.paths)
        carrier = await self.start_server()
        if prepare is not None:
            prepare(self.paths, carrier.server)
            self.check()
        accounts = accounts_of(self.configuration, self.paths)
        if accounts is not None:
            await self.enrol(carrier, accounts)
        return await self.start_agents(await self.start_authority())

    @property
    def has_hub(self) -> bool:
        """Whether the hub, and with it the console, is one of the processes."""
        return True

    @property
    def console(self) -> str:
        """The address of the console, once the fleet has started."""
        return f"{api_url(self.configuration, self.paths) or self.supervisor.report('hub')['api']}/"

    async def setup_link(self) -> str | None:
        """Return the link to make the first administrator with; None where there is one.

        Raises:
            StoreError: the store failed.
        """
        with Database(self.paths.store_url) as database:
            return await first_link(self.configuration, self.paths, database=database, clock=self._clock)

    def _take_place(self) -> None:
        """Make sure that no other fleet uses the folder as long as this one runs.

        Raises:
            ConfigurationError: one does.
        """
        lock = FileLock(self.paths.run / "fleet.lock", exclusive=True)
        try:
            lock.acquire()
        except StoreError as error:
            reason = "a fleet runs in this folder already; end it first, or use another folder"
            raise ConfigurationError(str(self.paths.data), "", reason) from error
        self._lock = lock

    def wanted(self) -> list[Wanted]:
        """Return the fleet's own agents."""
        configuration = self.configuration
        probes = [(file, load_probe(file)) for file in map(self.paths.near, configuration.probes)]
        return [
            Wanted(name=configuration.registry.name, role=Role.REGISTRY),
            Wanted(name=configuration.aggregation.name, role=Role.AGGREGATION),
            *(Wanted(name=section.name, role=Role.AGGREGATION) for section in configuration.engines),
            *(Wanted(name=name, role=Role.JOB) for name in configuration.jobs.names),
            *(Wanted(name=section.name, role=Role.COLLECTOR) for section in configuration.collectors),
            *(Wanted(name=section.name, role=Role.GATEWAY) for section in configuration.gateways),
            *(Wanted(name=name, role=Role.RT) for name in configuration.rt.names),
            *(Wanted(name=name, role=Role.MISP) for name in configuration.sharing.names),
            *(
                Wanted(name=probe_name(probe, file), role=Role.PROBE, password=_password(probe))
                for file, probe in probes
            ),
        ]

    def check(self) -> list[str]:
        """Check every configuration file before anything starts; return what is worth a word.

        Raises:
            ConfigurationError: names the file, the key and the reason.
        """
        return inspect_fleet(self.configuration, self.paths, clock=self._clock)

    async def stop(self) -> None:
        """End all processes."""
        await self.supervisor.stop()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _last_free_port(self) -> int:
        """Return the port of the last time, if it is still free: credentials need not change."""
        port = last_port(self.paths)
        return port if port and is_free(port) else 0


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def _password(probe: ProbeConfiguration) -> str | None:
    return probe.passwd.get_secret_value() if probe.passwd else None
