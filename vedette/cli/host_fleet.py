"""What one host runs of a fleet on several: with the hub like a fleet of one machine, else its own agents alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vedette.cli.fleet import Fleet
from vedette.cli.inspection import inspect_database
from vedette.cli.local_authority import start_local_authority
from vedette.clock import Clock
from vedette.configuration.fleet import FleetPaths
from vedette.configuration.hosts import Hosts, agents_of, share_of
from vedette.errors import ConfigurationError


class HostFleet(Fleet):
    """The processes of one host."""

    def __init__(
        self,
        *,
        hosts: Hosts,
        name: str,
        clock: Clock,
        on_event: Callable[[str, dict[str, Any]], None],
        log_level: str = "info",
    ) -> None:
        """Describe the host `name`.

        Raises:
            ConfigurationError: there is no such host.
        """
        super().__init__(
            configuration=hosts.fleet, paths=hosts.paths, clock=clock, on_event=on_event, log_level=log_level
        )
        self._section = hosts.section(name)
        self.here = share_of(hosts.fleet, self._section)
        self.field_arguments = ["--hosts", str(hosts.file), "--name", name]

    @property
    def has_hub(self) -> bool:
        """Whether the hub runs here."""
        return self._section.hub

    async def start(self, *, prepare: Callable[[FleetPaths, str], None] | None = None) -> list[dict[str, str]]:
        """Start what this host runs and return its agents; who has no hub here was enrolled where it runs.

        Raises:
            ConfigurationError: a file cannot be used, or a fleet runs in the folder already.
            VedetteError: something cannot start; what was started is for `stop` to end.
        """
        if self.has_hub:
            return await super().start(prepare=prepare)
        self.paths.make()
        self._take_place()
        self.check()
        return await self.start_field(await self._brought_authority() if self.here.engines else "")

    async def _brought_authority(self) -> str:
        """Start the fleet's local authority, whose key came from where the hub runs."""
        return await start_local_authority(
            self.supervisor, self.configuration, self.paths, clock=self._clock, create=False
        )

    def check(self) -> list[str]:
        """Check what this host needs; return what is worth a word.

        Raises:
            ConfigurationError: names the file, the key and the reason.
        """
        if self.has_hub:
            return super().check()
        if self._section.needs_store:
            for key, url in (("store", self.paths.store_url), ("graph", self.paths.graph_url)):
                if url.startswith("sqlite"):
                    raise ConfigurationError(str(self.paths.file), key, "must be PostgreSQL for a host without hub")
                inspect_database(url, place=self.paths.file, key=key)
        for name in agents_of(self.here, self.paths):
            file = self.paths.credentials_of(name)
            if not file.is_file():
                reason = "does not exist; bring it here with what 'vedette hosts pack' writes where the hub runs"
                raise ConfigurationError(str(file), "", reason)
        return []
