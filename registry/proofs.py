"""Proofs: batches are closed, stamped by authorities, and handed out with all that a third party needs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, insert, select, update

from registry import batches, tables
from registry.audit_log import LoggedAudits, is_any_waiting, log_audits
from registry.batches import PendingBatch, Unbatched
from registry.bundle_source import audit_bundle_contents, bundle_contents
from registry.content import ContentFolder
from registry.database import Database
from registry.database_errors import ConcurrentWriteError
from registry.duties import Duties
from registry.proof_state import ProofState, state_of
from registry.record_states import counted_stamps, open_record, settle_state, store_certificates
from registry.scandale_tables import batch_top
from registry.unstamped import Unstamped, unstamped
from vedette.clock import Clock
from vedette.errors import EvidenceError
from vedette.evidence.bundle_contents import BundleContents, certificates_to_pem
from vedette.evidence.statement import read_statement
from vedette.evidence.token import VerifiedToken

__all__ = ["PendingBatch", "ProofState", "Proofs", "Unbatched", "Unstamped"]

MAX_BUNDLED = 128 * 1024 * 1024
"""Bytes of a document that are put into a bundle, which is built in memory; of larger ones it proves the hash."""


class Proofs:
    """The proofs of one engine's items, and of those of the engines that it stands in for."""

    def __init__(
        self,
        *,
        database: Database,
        engine: str,
        clock: Clock,
        documents: ContentFolder | None = None,
        duties: Duties | None = None,
    ) -> None:
        """Describe them; without the folder of `documents`, bundles prove only the hash of what is in one.

        `duties` says for whom `engine` stands in; None: for nobody.
        """
        self._documents = documents
        self._database = database
        self._engine = engine
        self._clock = clock
        self._duties = duties or Duties(engine)
        self._complete: dict[tuple[str, tuple[str, ...]], int] = {}
        self._damaged_audits: frozenset[int] = frozenset()

    async def log_audits(self) -> LoggedAudits:
        """Take the audit entries that are in no chain yet into this engine's; usually there is none.

        Raises:
            StoreError: the database failed.
        """
        passed = self._damaged_audits
        if not await self._database.read(lambda connection: is_any_waiting(connection, passed=passed)):
            return LoggedAudits()
        now = self._clock.now()
        logged = await self._database.write(
            lambda connection: log_audits(connection, engine=self._engine, now=now, passed=passed)
        )
        self._damaged_audits = passed | frozenset(logged.damaged)
        return logged

    async def unbatched(self) -> Unbatched:
        """Return what waits to be put into a batch.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: batches.unbatched(connection, self._duties.engines))

    async def unstamped(self) -> Unstamped:
        """Return what has no token yet: how many items and how old.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: unstamped(connection, self._duties.engines))

    async def close_batch(self, *, max_items: int) -> PendingBatch | None:
        """Close the next batch of at most `max_items` items; None where no item waits.

        Raises:
            StoreError: the database failed, or the chain has a gap.
        """
        now, engines = self._clock.now(), self._duties.engines
        row = await self._database.read(
            lambda connection: batches.next_batch_row(connection, engines, max_items=max_items, now=now)
        )
        if row is None:
            return None
        try:
            id = await self._database.write(lambda connection: _store_batch(connection, row))
        except ConcurrentWriteError:
            # Another process closed the same range between our read and our write.
            return None
        names = ("chain_id", "number", "first_index", "last_index", "count", "audit_count", "root", "closed_at")
        values = {name: row[name] for name in names}
        return PendingBatch(id=id, state=ProofState.PENDING, reason="", **values)

    async def pending_batches(self, *, tsa: str, limit: int) -> list[PendingBatch]:
        """Return batches without a token of this authority: those without any first, oldest first.

        Raises:
            StoreError: the database failed.
        """
        engines = self._duties.engines
        after = self._complete.get((tsa, engines), 0)

        def work(connection: Connection) -> tuple[list[PendingBatch], int]:
            mine = tables.batch.c.chain_id.in_(batches.chain_ids(connection, engines))
            return _pending(connection, mine, tsa=tsa, limit=limit, after=after)

        found, complete = await self._database.read(work)
        # Of other engines' chains another part is complete: what was known of theirs is forgotten with them.
        self._complete = {key: last for key, last in self._complete.items() if key[1] == engines}
        self._complete[tsa, engines] = complete
        return found

    async def store_token(self, *, batch: PendingBatch, tsa: str, external: bool, token: VerifiedToken) -> ProofState:
        """Store a verified token over the batch's root; returns the state that the batch has then.

        Storing one of the same authority again changes nothing.

        Raises:
            EvidenceError: the token is over something else.
            StoreError: the database failed.
        """
        if token.imprint != batch.root or token.digest_algorithm != "sha256":
            raise EvidenceError(f"token of {tsa}: is not over the root of batch {batch.number}")
        row = {
            "batch_id": batch.id,
            "tsa": tsa,
            "external": external,
            "token": token.token,
            "gen_time": token.gen_time,
            "policy": token.policy,
            "serial": str(token.serial),
            "not_after": token.not_after,
            "obtained_at": self._clock.now(),
        }
        pem = certificates_to_pem(token.chain)
        return await self._database.write(lambda connection: _store_token(connection, row, pem))

    async def collected_at(self, batch: PendingBatch) -> list[int]:
        """Return when the items of a batch were collected, by their agents' clocks, where those are not known wrong.

        Raises:
            StoreError: the database failed.
        """
        item = tables.item
        query = select(item.c.collected_at).where(
            item.c.chain_id == batch.chain_id,
            item.c.log_index.between(batch.first_index, batch.last_index),
            item.c.collected_at.is_not(None),
            item.c.skew.is_(False),
        )
        return await self._database.read(lambda connection: list(connection.execute(query).scalars()))

    async def set_failed(self, batch: PendingBatch, reason: str) -> ProofState:
        """Say that a batch will not be stamped by itself; returns its state, which a token overrules.

        Raises:
            StoreError: the database failed.
        """

        def work(connection: Connection) -> ProofState:
            state = state_of(counted_stamps(connection, batch.id), failed=True)
            if state is ProofState.FAILED:
                _set_state(connection, batch.id, state, reason)
            return state

        return await self._database.write(work)

    async def retry_failed(self) -> int:
        """Let all failed batches of this engine be stamped again; returns how many.

        Raises:
            StoreError: the database failed.
        """

        def work(connection: Connection) -> int:
            table = tables.batch
            mine = table.c.chain_id.in_(batches.chain_ids(connection, [self._engine]))
            failed = table.c.state == ProofState.FAILED.value
            values = {"state": ProofState.PENDING.value, "reason": ""}
            return connection.execute(update(table).where(mine, failed).values(values)).rowcount

        return await self._database.write(work)

    async def bundle_contents(self, uuid: str) -> BundleContents:
        """Return all that a bundle for a third party is made of; of any engine's item.

        Raises:
            EvidenceError: there is no such item, or it has no token yet; says which.
            StoreError: the database failed, or what is stored does not fit together.
        """
        contents = await self._database.read(lambda connection: bundle_contents(connection, uuid))
        if contents.payload is not None or contents.deletion is not None or self._documents is None:
            return contents
        return await asyncio.to_thread(_with_document, contents, self._documents)

    async def audit_bundle_contents(self, number: int) -> BundleContents:
        """Return the same for the audit entry of this number.

        Raises:
            EvidenceError: there is no such entry, or it has no token yet; says which.
            StoreError: the database failed, or what is stored does not fit together.
        """
        return await self._database.read(lambda connection: audit_bundle_contents(connection, number))


def _store_batch(connection: Connection, row: dict[str, Any]) -> int:
    """Store a row of `next_batch_row` and return its id."""
    columns = {name: value for name, value in row.items() if name != "top"}
    key = connection.execute(insert(tables.batch).values(columns)).inserted_primary_key
    id = int(key[0]) if key else 0
    connection.execute(insert(batch_top).values(batch_id=id, nodes=row["top"]))
    return id


def _with_document(contents: BundleContents, documents: ContentFolder) -> BundleContents:
    """Return the contents with the document's bytes, if they are there and not too many."""
    sha256 = read_statement(contents.statement).payload_sha256
    if documents.size_of(sha256) is None:
        return contents
    return replace(contents, payload=documents.read(sha256, limit=MAX_BUNDLED))


def _pending(
    connection: Connection, mine: ColumnElement[bool], *, tsa: str, limit: int, after: int
) -> tuple[list[PendingBatch], int]:
    """Return the batches, and the id up to which none can lack this authority's token.

    Batches with some token are looked for past `after` only: else every look would pass all there ever were.
    """
    table = tables.batch
    fresh = _rows(connection, batches.pending_query().where(mine, table.c.state == ProofState.PENDING.value), limit)
    lacking = ~exists().where(tables.token.c.batch_id == table.c.id, tables.token.c.tsa == tsa)
    first = connection.execute(
        select(table.c.id).where(mine, table.c.id > after, lacking).order_by(table.c.id).limit(1)
    ).scalar_one_or_none()
    if first is None:
        last = connection.execute(select(table.c.id).order_by(table.c.id.desc()).limit(1)).scalar_one_or_none()
        return fresh, max(after, last or 0)
    stamped = table.c.state.in_([state.value for state in ProofState if state.is_stamped])
    partly = batches.pending_query().where(mine, table.c.id >= first, stamped, lacking)
    rest = _rows(connection, partly, limit - len(fresh)) if len(fresh) < limit else []
    return fresh + rest, first - 1


def _rows(connection: Connection, query: Select[tuple[Any, ...]], limit: int) -> list[PendingBatch]:
    rows = connection.execute(query.order_by(tables.batch.c.id).limit(limit))
    return [batches.pending_of(row) for row in rows]


def _store_token(connection: Connection, row: dict[str, Any], pem: bytes) -> ProofState:
    batch_id = row["batch_id"]
    # Locked, so that two authorities' tokens that come together do not each see only themselves.
    connection.execute(select(tables.batch.c.id).where(tables.batch.c.id == batch_id).with_for_update())
    table = tables.token
    same = select(table.c.id).where(table.c.batch_id == batch_id, table.c.tsa == row["tsa"])
    if connection.execute(same).first() is None:
        row = row | {"chain_sha256": store_certificates(connection, pem)}
        token_id = connection.execute(insert(table).values(row).returning(table.c.id)).scalar_one()
        open_record(connection, token_id, row, pem)
    return settle_state(connection, batch_id)


def _set_state(connection: Connection, batch_id: int, state: ProofState, reason: str) -> None:
    table = tables.batch
    connection.execute(update(table).where(table.c.id == batch_id).values(state=state.value, reason=reason))
