"""Bundles of what is proved, verified one by one against the trusted roots, as a third party would."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from registry.content import ContentFolder
from registry.database import Database
from registry.items import ItemFilter, Items, ItemSummary
from registry.proofs import Proofs
from vedette.clock import SystemClock
from vedette.configuration.fleet import FleetPaths
from vedette.evidence.bundle import build_bundle
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.verification import verify_bundle
from vedette.messages.limits import MAX_DOCUMENT

LOOK_EVERY = 0.2
"""Seconds between looks whether everything is stamped."""

PAGE = 500
"""Items that are proved at most: a demo that went on for days is not verified whole."""


@dataclass(frozen=True, kw_only=True)
class Proved:
    """What is proved."""

    items: int
    """Items that were there."""
    stamped: int
    """Those with a token."""
    verified: int
    """Those whose bundle verifies against the roots."""
    bundle: Path
    """The bundle of the newest one."""
    trust: Path
    """The roots."""
    reasons: tuple[str, ...]
    """Why the others do not verify."""

    @property
    def complete(self) -> bool:
        """Whether everything is stamped and verified, and there is something."""
        return 0 < self.items == self.stamped == self.verified


async def prove(paths: FleetPaths, *, wait: float) -> Proved:
    """Wait until all items that are there now are stamped, then bundle and verify each.

    Raises:
        StoreError: the store cannot be read.
        EvidenceError: an item's proof cannot be put together.
    """
    with Database(paths.store_url) as database:
        items = await _stamped_items(Items(database=database), wait=wait)
        stamped = [item for item in items if item.state.is_stamped]
        documents = ContentFolder(paths.documents, limit=MAX_DOCUMENT)
        proofs = Proofs(database=database, engine="", clock=SystemClock(), documents=documents)
        bundles = {item.uuid: build_bundle(await proofs.bundle_contents(item.uuid)) for item in stamped}
    roots = TrustRoots.load(paths.roots)
    now = SystemClock().now()
    verdicts = {uuid: verify_bundle(data, roots=roots, now=now) for uuid, data in bundles.items()}
    bundle = paths.data / "bundle.zip"
    if stamped:
        bundle.write_bytes(bundles[stamped[0].uuid])
    return Proved(
        items=len(items),
        stamped=len(stamped),
        verified=sum(verdict.ok for verdict in verdicts.values()),
        bundle=bundle,
        trust=paths.roots,
        reasons=tuple(
            f"{uuid}: {'; '.join(verdict.reasons)}" for uuid, verdict in verdicts.items() if not verdict.ok
        ),
    )


async def _stamped_items(items: Items, *, wait: float) -> list[ItemSummary]:
    """Return the items that are there now, as soon as all are stamped or the time is up."""
    first = await items.page(wanted=ItemFilter(), limit=PAGE)
    wanted = {item.uuid for item in first.items}
    until = asyncio.get_running_loop().time() + wait
    while True:
        page = await items.page(wanted=ItemFilter(), limit=PAGE)
        found = [item for item in page.items if item.uuid in wanted]
        if all(item.state.is_stamped for item in found) or asyncio.get_running_loop().time() > until:
            return found
        await asyncio.sleep(LOOK_EVERY)
