"""The client of a hub's API: one address, one key."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from vedette.client.agents import Agents
from vedette.client.connection import Connection
from vedette.client.corrections import Corrections
from vedette.client.documents import Documents
from vedette.client.events import Events
from vedette.client.findings import Checks, Findings
from vedette.client.graph import Graph
from vedette.client.items import Items
from vedette.client.jobs import Jobs
from vedette.client.operations import Alarms, DeadLetters, Queues, Refusals
from vedette.client.records import Audit, Keys, Users
from vedette.client.repairs import Repairs
from vedette.client.sharing import Sharing


class VedetteClient:
    """Speaks to a hub while its context lasts; every call may raise `ApiError` and `ConnectionFailedError`."""

    def __init__(self, *, url: str, api_key: str, ca: Path | None = None) -> None:
        """Describe the hub; nothing is sent yet.

        Args:
            url: its address, such as `https://hub.example:8443`; `http:` only on this machine.
            api_key: allows what its scopes say; it is sent to this address only and never logged.
            ca: PEM roots for the hub's certificate; None: the system's.

        Raises:
            ConfigurationError: the address or the key cannot be used.
        """
        self._connection = Connection(url=url, api_key=api_key, ca=ca)
        self.items = Items(self._connection)
        """What was collected."""
        self.documents = Documents(self._connection)
        """Large payloads."""
        self.agents = Agents(self._connection)
        """Who is there."""
        self.findings = Findings(self._connection)
        """What the correlation found."""
        self.checks = Checks(self._connection)
        """What it remembers of each check."""
        self.graph = Graph(self._connection)
        """What is known."""
        self.corrections = Corrections(self._connection)
        """What people correct of what was read."""
        self.events = Events(self._connection)
        """What happens, as it happens."""
        self.dead_letters = DeadLetters(self._connection)
        """What was given up."""
        self.queues = Queues(self._connection)
        """What waits for consumers."""
        self.refusals = Refusals(self._connection)
        """What was refused."""
        self.alarms = Alarms(self._connection)
        """What is wrong with the evidence."""
        self.repairs = Repairs(self._connection)
        """What is wrong now, why, and what to do."""
        self.jobs = Jobs(self._connection)
        """What is done once, now."""
        self.sharing = Sharing(self._connection)
        """What leaves, and what has become of it."""
        self.audit = Audit(self._connection)
        """Who did what."""
        self.keys = Keys(self._connection)
        """API keys."""
        self.users = Users(self._connection)
        """People who may log in."""

    async def close(self) -> None:
        """Close the connections; harmless when there are none."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
