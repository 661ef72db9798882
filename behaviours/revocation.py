"""Collecting what issuers say of revocation: when an authority is first used, then daily as long as it may sign."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.alarms import Alarms
from registry.duties import LOOK_AT_TURN
from registry.revocation_lists import ListEffect, RevocationLists, WantedList
from vedette.clock import MICROSECONDS, Clock
from vedette.errors import EvidenceError
from vedette.evidence.finding import Finding
from vedette.evidence.ocsp import ANSWER_TYPE, NONCE_BYTES, REQUEST_TYPE, ocsp_request
from vedette.evidence.revocation_points import Revocation as CertificateRevocation
from vedette.fetching.interface import Fetcher, FetchError, FetchRequest

MAX_LIST = 8 * 1024 * 1024
"""Bytes of a list that is read; those of public authorities have up to some MiB."""

TIME_LIMIT = 15.0
"""Seconds that one may take."""

REFRESH = 86_400 * MICROSECONDS
"""Microseconds after which a list is asked for again."""

LOOK_EVERY = 15.0
"""Seconds between looks for a chain that has no list yet: it is asked for soon after the first time-stamp."""


class Revocation(SupervisedBehaviour):
    """Keeps the newest lists and answers about all authorities that stamped, and voids what a compromise voids."""

    name: ClassVar[str] = "revocation"

    def __init__(
        self,
        *,
        clock: Clock,
        agent_name: str,
        lists: RevocationLists,
        fetcher: Fetcher,
        alarms: Alarms,
        mine: Callable[[], bool] = lambda: True,
    ) -> None:
        """Make it; `mine` tells whether it is this engine's turn, which it is always where there is no other."""
        super().__init__(clock=clock, agent_name=agent_name)
        self._lists = lists
        self._fetcher = fetcher
        self._alarms = alarms
        self._mine = mine

    async def ended(self) -> None:
        """Wait until the task has ended, and let go of the connections."""
        await super().ended()
        await self._fetcher.aclose()

    async def run(self) -> None:
        """Ask for what is missing or a day old if it is our turn, then wait."""
        if not self._mine():
            await self.pause(LOOK_AT_TURN)
            return
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
                effect = await self._ask(wanted)
            except (FetchError, EvidenceError) as error:
                self.counters["not fetched"] += 1
                self.log.warning("no word on revocation", kind=wanted.kind.value, url=wanted.url, reason=str(error))
                await self._lists.note_failure(wanted, str(error))
            else:
                self.counters["lists" if wanted.question is None else "answers"] += 1
                await self._tell(wanted, effect)

    async def _ask(self, wanted: WantedList) -> ListEffect:
        """Fetch a list, or ask a responder, and store what came."""
        if wanted.question is None:
            return await self._lists.store(wanted, (await self._fetcher.fetch(FetchRequest(url=wanted.url))).body)
        nonce = secrets.token_bytes(NONCE_BYTES)
        request = FetchRequest(
            url=wanted.url,
            method="POST",
            body=ocsp_request(wanted.question, nonce=nonce),
            content_type=REQUEST_TYPE,
            accept=(ANSWER_TYPE,),
        )
        return await self._lists.store(wanted, (await self._fetcher.fetch(request)).body, nonce=nonce)

    async def _tell(self, wanted: WantedList, effect: ListEffect) -> None:
        findings = [
            Finding(
                kind="revocation",
                place=f"chain {wanted.chain_sha256[:16]}, {revocation.name}",
                text=f"revoked ({revocation.reason}): {_consequence(revocation, effect)}",
            )
            for revocation in effect.revocations
        ]
        findings += [
            Finding(
                kind="revocation",
                # A place of its own: an alarm that is open must not hide a revocation that comes later.
                place=f"chain {wanted.chain_sha256[:16]}, {name}, as {wanted.url} has it",
                text="the responder does not know this certificate: ask the authority whether it is still in order",
            )
            for name in effect.unknown
        ]
        for finding in await self._alarms.report(findings):
            self.counters["revocations"] += 1
            self.log.error("revoked or unknown", place=finding.place, text=finding.text)


def _consequence(revocation: CertificateRevocation, effect: ListEffect) -> str:
    if revocation.harmless:
        return "time-stamps from before it stay good; their records are renewed"
    return f"{effect.voided} time-stamps are void; let another authority stamp their batches anew"
