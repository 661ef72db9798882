"""A collection of our own TAXII server as a destination: it holds what its investigations say now."""

from __future__ import annotations

from typing import Final

from vedette.sharing.exporter import Destination, Exported, ExportError, Outfit, Plan
from vedette.sharing.investigation import Investigation
from vedette.sharing.taxii.collections import read_collection_settings
from vedette.sharing.taxii.planning import Statement

ANOTHER_PLAN: Final = "what would be sent is another than what was approved; look at the new plan and approve that"


class CollectionDestination(Destination):
    """A collection; what an investigation does not say any more is revoked in it, or taken away."""

    def __init__(self, outfit: Outfit) -> None:
        """Describe it; nothing is changed.

        Raises:
            ExportError: there is no TAXII server here.
            ConfigurationError: a setting cannot be used.
        """
        if outfit.collections is None:
            raise ExportError(f"{outfit.name}: is a collection of the hub's TAXII server; export where the store is")
        self._settings = read_collection_settings(outfit.name, outfit.settings)
        self._collections = outfit.collections
        self._name = outfit.name

    async def plan(self, investigation: Investigation) -> Plan:
        """Say what would change in the collection; see the base class."""
        statement = Statement(investigation)
        differences = await self._collections.compare(self._name, str(investigation.uuid), statement.objects())
        return statement.plan(differences)

    async def send(self, investigation: Investigation, *, only: str | None = None) -> Exported:
        """Bring the collection to what the investigation says; see the base class."""
        if only is not None and (await self.plan(investigation)).digest != only:
            raise ExportError(ANOTHER_PLAN)
        statement = Statement(investigation)
        added, changed, removed = await self._collections.replace(
            self._name, str(investigation.uuid), statement.objects()
        )
        sent = added + changed + removed
        return Exported(
            sent=sent,
            unchanged=statement.total - added - changed,
            requests=int(sent > 0),
            withheld=[*investigation.withheld, *statement.withheld],
        )

    async def check(self) -> str:
        """Say what it is; see the base class."""
        return f"the collection {self._settings.title or self._name} of this hub's TAXII server"
