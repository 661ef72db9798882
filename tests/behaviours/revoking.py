"""A store with one stamped batch, and the place that has the authority's revocation list."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from behaviours.revocation import Revocation
from registry.alarms import Alarms
from registry.database import Database
from registry.intake import Intake
from registry.items import Items
from registry.proof_state import ProofState
from registry.proofs import Proofs
from registry.revocation_lists import RevocationLists
from tests.vedette.evidence.forge import Chain
from tests.vedette.evidence.listing import ListedAuthority, ListServer, listed_chain, revocation_list
from vedette.clock import ManualClock, to_datetime
from vedette.evidence.certificates import TrustRoots
from vedette.fetching.client import HttpFetcher
from vedette.fetching.policy import FetchPolicy

ENGINE = "engine@localhost"
DAY = 86_400.0


class Revoking:
    """A store with one stamped batch, and the place that has the authority's list."""

    def __init__(self, *, database: Database, clock: ManualClock, server: ListServer) -> None:
        self.database = database
        self.clock = clock
        self.server = server
        self.proofs = Proofs(database=database, engine=ENGINE, clock=clock)
        self.alarms = Alarms(database=database, clock=clock)
        self.lists = RevocationLists(database=database, clock=clock)
        self.chain: Chain = listed_chain(server.url, start=self.today - timedelta(days=10))
        self.authority = ListedAuthority(self.chain, clock=clock, name="one")
        self.uuid = ""

    @property
    def today(self) -> datetime:
        return to_datetime(self.clock.now()).replace(microsecond=0)

    @property
    def roots(self) -> TrustRoots:
        return self.chain.roots

    def publish(self, *, revoked: datetime | None = None, reason: x509.ReasonFlags | None = None) -> None:
        self.server.body = revocation_list(self.chain, made=self.today, revoked=revoked, reason=reason)

    async def collect(self, sender: Any) -> None:
        intake = Intake(database=self.database, engine=ENGINE, clock=self.clock)
        await intake.open()
        item = sender.item()
        await intake.commit([sender.send_unsigned(item)])
        self.uuid = item.uuid
        await self.stamp(self.authority)

    async def stamp(self, authority: Any) -> None:
        await self.proofs.close_batch(max_items=10)
        for batch in await self.proofs.pending_batches(tsa=authority.name, limit=10):
            token = await authority.stamp(batch.root)
            await self.proofs.store_token(batch=batch, tsa=authority.name, external=True, token=token)

    async def refresh(self) -> None:
        fetcher = HttpFetcher(policy=FetchPolicy.allowing([f"127.0.0.1:{self.server.port}"]))
        behaviour = Revocation(
            clock=self.clock, agent_name="engine", lists=self.lists, fetcher=fetcher, alarms=self.alarms
        )
        try:
            await behaviour.refresh()
        finally:
            await fetcher.aclose()

    async def state(self) -> ProofState:
        return (await Items(database=self.database).proof(self.uuid)).state
