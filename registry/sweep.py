"""The sweep: payload -> statement -> leaf -> root -> token verified again, over and over, a few items at a time.

A pass goes along a chain from its first item to where the chain ended when the pass began, recomputes the head on
the way, and remembers where it is after each batch. It finds and says; it never repairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from sqlalchemy import Connection, select, update

from registry import tables
from registry.chain import GENESIS, ChainState, next_head, read_chain
from registry.database import Database
from registry.duties import Duties
from registry.evidence_tables import sweep
from registry.sweep_progress import SweepProgress, new_pass, read_progress, save_progress
from registry.sweep_reading import (
    DocumentCheck,
    SweepTrust,
    document_findings,
    manifest_findings,
    next_batch,
    orphan_findings,
    read_audits,
    read_items,
    token_findings,
)
from vedette.clock import Clock
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.finding import Finding
from vedette.evidence.hashtree import HashTree
from vedette.evidence.statement import leaf
from vedette.evidence.sweep_checks import (
    LogPlace,
    StoredAudit,
    StoredBatch,
    StoredItem,
    check_audit,
    check_batch,
    check_item,
    gap_findings,
    missing_ranges,
    twice_findings,
)


@dataclass(kw_only=True)
class _Walk:
    """A pass under way."""

    log: LogPlace
    progress: SweepProgress
    batch: tuple[int, StoredBatch] | None = None
    position: int = 0
    head: bytes = GENESIS
    leaves: list[bytes] = field(default_factory=list)
    saved: bool = True
    finished: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepStep:
    """What one step did."""

    items: int
    """Items that were looked at."""
    findings: Sequence[Finding]
    """What is wrong."""
    finished: bool
    """Whether a pass over a chain ended with it."""


class Sweep:
    """Goes along the chains of one engine, or of all."""

    def __init__(
        self,
        *,
        database: Database,
        engine: str | None,
        clock: Clock,
        roots: Mapping[str, TrustRoots],
        document: DocumentCheck | None = None,
        duties: Duties | None = None,
    ) -> None:
        """Describe it.

        Args:
            database: the store.
            engine: whose chains; None: everybody's.
            clock: what tells the time.
            roots: what is believed of each configured authority.
            document: tells whether a document's file is good; None: documents are not looked at.
            duties: for whom the engine stands in; None: for nobody.
        """
        self._database = database
        self._duties = duties or (None if engine is None else Duties(engine))
        self._clock = clock
        self._roots = roots
        self._document = document
        self._walk: _Walk | None = None
        self._done: set[int] = set()
        self.items = 0
        """Items that were looked at since the start."""

    @property
    def place(self) -> str:
        """Where it is, for people."""
        walk = self._walk
        return "" if walk is None else f"{walk.log.item(walk.position)} of {walk.progress.target_index}"

    async def restart(self) -> None:
        """Forget where it is: the next step begins at the first item of the first chain.

        Raises:
            StoreError: the database failed.
        """
        self._walk, chains = None, await self._database.read(self._chains)
        self._done = set()
        change = update(sweep).where(sweep.c.chain_id.in_(chains))
        change = change.values(position=sweep.c.target_index)
        await self._database.write(lambda connection: connection.execute(change) and None)

    async def step(self, *, limit: int) -> SweepStep | None:
        """Look at up to `limit` more items; None once every chain was passed over, which starts the next round.

        Call `save` when the findings are stored.

        Raises:
            StoreError: the database failed.
        """
        step = await self._database.read(lambda connection: self._step(connection, limit))
        if step is not None:
            self.items += step.items
        return step

    async def save(self) -> None:
        """Remember where the sweep is, as far as whole batches go.

        Raises:
            StoreError: the database failed.
        """
        walk = self._walk
        if walk is None or walk.saved:
            return
        await self._database.write(lambda connection: save_progress(connection, walk.progress))
        walk.saved = True
        if walk.finished:
            self._done.add(walk.progress.chain_id)
            self._walk = None

    def _chains(self, connection: Connection) -> list[int]:
        chain = tables.chain
        query = select(chain.c.id).order_by(chain.c.id)
        if self._duties is not None:
            query = query.where(chain.c.engine.in_(self._duties.engines))
        return list(connection.execute(query).scalars())

    def _step(self, connection: Connection, limit: int) -> SweepStep | None:
        findings: list[Finding] = []
        if self._walk is None:
            chain_id = next((one for one in self._chains(connection) if one not in self._done), None)
            if chain_id is None:
                self._done = set()
                return None
            self._walk, findings = self._begin(connection, read_chain(connection, chain_id))
        walk = self._walk
        if walk.batch is None:
            findings += _open_batch(connection, walk)
        items, found = self._look(connection, walk, limit)
        findings += found
        if walk.batch is not None and walk.position > walk.batch[1].last_index:
            findings += self._close_batch(connection, walk)
        if walk.position >= walk.progress.target_index:
            findings += self._finish(connection, walk)
        return SweepStep(items=items, findings=findings, finished=walk.finished)

    def _begin(self, connection: Connection, chain: ChainState) -> tuple[_Walk, list[Finding]]:
        """Go on with a pass, or begin one."""
        log = LogPlace(engine=chain.engine, epoch=chain.epoch)
        last = read_progress(connection, chain.id)
        if last is not None and last.position < last.target_index:
            return _Walk(log=log, progress=last, position=last.position, head=last.head), []
        progress = new_pass(chain, last)
        if chain.next_index >= progress.seen_index:
            return _Walk(log=log, progress=progress), []
        text = f"the log ends at {chain.next_index}; it had {progress.seen_index} items: its tail was cut off"
        finding = Finding(kind="truncated", place=log.item(chain.next_index), text=text)
        return _Walk(log=log, progress=replace(progress, seen_index=0, seen_head=GENESIS)), [finding]

    def _look(self, connection: Connection, walk: _Walk, limit: int) -> tuple[int, list[Finding]]:
        """Look at the next items, up to the end of the batch, of what was seen before, or of the pass."""
        progress, first = walk.progress, walk.position
        end = walk.batch[1].last_index + 1 if walk.batch is not None else progress.target_index
        if first < progress.seen_index:
            end = min(end, progress.seen_index)
        last = min(first + limit, end) - 1
        if last < first:
            return 0, []
        items = read_items(connection, progress.chain_id, first, last)
        audits = read_audits(connection, progress.chain_id, first, last)
        entries: list[StoredItem | StoredAudit] = sorted([*items, *audits], key=attrgetter("log_index"))
        present = [entry.log_index for entry in entries]
        findings = gap_findings(walk.log, missing_ranges(first, last, present)) + twice_findings(walk.log, present)
        for entry in entries:
            findings += _check(entry, walk.log)
            own = leaf(entry.statement)
            walk.head = next_head(walk.head, own)
            if walk.batch is not None and entry.log_index >= walk.batch[1].first_index:
                walk.leaves.append(own)
        findings += manifest_findings(connection, items, walk.log)
        if self._document is not None:
            findings += document_findings(connection, items, walk.log, self._document)
        walk.position = last + 1
        if walk.position == progress.seen_index and walk.head != progress.seen_head:
            findings.append(_head_finding(walk, "before it is not what an earlier pass saw: the past was rewritten"))
        return len(entries), findings

    def _close_batch(self, connection: Connection, walk: _Walk) -> list[Finding]:
        """Check root and tokens of the batch that was walked through, and remember that."""
        if walk.batch is None:
            return []
        batch_id, batch = walk.batch
        findings = []
        root = HashTree([*walk.leaves, leaf(batch.statement)]).root
        if root != batch.root:
            text = f"the items {batch.first_index} to {batch.last_index} do not lead to its root"
            findings.append(Finding(kind="root", place=walk.log.batch(batch.number), text=text))
        trust = SweepTrust(roots=self._roots, now=self._clock.now())
        findings += token_findings(connection, batch_id, batch, walk.log, trust)
        walk.progress = replace(
            walk.progress, position=walk.position, number=batch.number, root=batch.root, head=walk.head
        )
        walk.batch, walk.leaves, walk.saved = None, [], False
        return findings

    def _finish(self, connection: Connection, walk: _Walk) -> list[Finding]:
        progress = walk.progress
        findings = []
        if walk.head != progress.target_head:
            findings.append(_head_finding(walk, "recomputed over the items is not the one that the chain names"))
        if progress.number < progress.seen_number:
            text = f"an earlier pass saw it; the last one that is there is {progress.number}"
            place = walk.log.batch(progress.seen_number)
            findings.append(Finding(kind="batch-missing", place=place, text=text))
        findings += orphan_findings(connection, progress.chain_id, walk.log)
        walk.progress = replace(
            progress,
            position=progress.target_index,
            passes=progress.passes + 1,
            finished_at=self._clock.now(),
        )
        walk.saved, walk.finished = False, True
        return findings


def _check(entry: StoredItem | StoredAudit, log: LogPlace) -> list[Finding]:
    return check_audit(entry, log) if isinstance(entry, StoredAudit) else check_item(entry, log)


def _open_batch(connection: Connection, walk: _Walk) -> list[Finding]:
    """Take the next batch of the pass, if there is one; past the last, items are in none yet."""
    progress = walk.progress
    found = next_batch(connection, progress.chain_id, after=progress.number, before=progress.target_index)
    walk.batch, walk.leaves = found, []
    if found is None:
        return []
    return check_batch(found[1], walk.log, number=progress.number, position=walk.position, root=progress.root)


def _head_finding(walk: _Walk, text: str) -> Finding:
    place = walk.log.end if walk.position >= walk.progress.target_index else walk.log.item(walk.position)
    return Finding(kind="head", place=place, text=f"the head {text}")
