"""Collecting revocation lists: when an authority is first used, and then daily as long as its certificate lasts."""

from __future__ import annotations

from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.alarms import Alarms
from registry.revocation_lists import ListEffect, RevocationLists, WantedList
from vedette.clock import MICROSECONDS, Clock
from vedette.errors import EvidenceError
from vedette.evidence.finding import Finding
from vedette.evidence.revocation_points import Revocation as CertificateRevocation
from vedette.evidence.revocation_source import FetchError, RevocationSource

REFRESH = 86_400 * MICROSECONDS
"""Microseconds after which a list is asked for again."""

LOOK_EVERY = 15.0
"""Seconds between looks for a chain that has no list yet: it is asked for soon after the first time-stamp."""


class Revocation(SupervisedBehaviour):
    """Keeps the newest revocation lists of all authorities that stamped, and voids what a compromise voids."""

    name: ClassVar[str] = "revocation"

    def __init__(
        self, *, clock: Clock, agent_name: str, lists: RevocationLists, source: RevocationSource, alarms: Alarms
    ) -> None:
        super().__init__(clock=clock, agent_name=agent_name)
        self._lists = lists
        self._source = source
        self._alarms = alarms

    async def ended(self) -> None:
        """Wait until the task has ended, and let go of the connections."""
        await super().ended()
        await self._source.aclose()

    async def run(self) -> None:
        """Ask for what is missing or a day old, then wait."""
        await self.refresh()
        await self.pause(LOOK_EVERY)

    async def refresh(self) -> None:
        """Ask once for each list that is missing or a day old.

        Raises:
            EvidenceError: a stored certificate cannot be read.
            StoreError: the database failed.
        """
        for wanted in await self._lists.wanted(older_than=self.clock.now() - REFRESH):
            try:
                effect = await self._lists.store(wanted, await self._source.fetch(wanted.url))
            except (FetchError, EvidenceError) as error:
                self.counters["not fetched"] += 1
                self.log.warning("no revocation list", url=wanted.url, reason=str(error))
                await self._lists.note_failure(wanted, str(error))
            else:
                self.counters["lists"] += 1
                await self._tell(wanted, effect)

    async def _tell(self, wanted: WantedList, effect: ListEffect) -> None:
        findings = [
            Finding(
                kind="revocation",
                place=f"chain {wanted.chain_sha256[:16]}, {revocation.name}",
                text=f"revoked ({revocation.reason}): {_consequence(revocation, effect)}",
            )
            for revocation in effect.revocations
        ]
        for finding in await self._alarms.report(findings):
            self.counters["revocations"] += 1
            self.log.error("revoked", place=finding.place, text=finding.text)


def _consequence(revocation: CertificateRevocation, effect: ListEffect) -> str:
    if revocation.harmless:
        return "time-stamps from before it stay good; their records are renewed"
    return f"{effect.voided} time-stamps are void; let another authority stamp their batches anew"
