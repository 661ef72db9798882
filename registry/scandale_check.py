"""Whether one item's proof holds, from what is stored: of its batch only a block of leaves and the tree's top."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from registry import tables
from registry.content import ContentFolder
from registry.database import Database
from registry.document_check import document_check
from registry.document_tables import document_tombstone
from registry.evidence_tables import evidence_record
from registry.log import read_statements
from registry.records import batch_evidence, renewal_certificates
from registry.retention_tables import item_tombstone
from registry.scandale_tables import batch_top, posted_token
from registry.scandale_tokens import imprint_of
from registry.sweep_reading import read_items
from vedette.clock import Clock
from vedette.errors import EvidenceError, RefusedError, StoreError, VedetteError
from vedette.evidence.bundle_contents import certificates_from_pem
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.hashtree import HashTree
from vedette.evidence.proof_links import LinkKind, ProofLink, proof_links
from vedette.evidence.renewal_history import item_record
from vedette.evidence.spot_check import BLOCK, SpotFacts, StoredStamp, spot_check, top_of
from vedette.evidence.statement import leaf
from vedette.evidence.sweep_checks import LogPlace, StoredItem
from vedette.evidence.token import verify_token

_KEPT = 1024
"""Batches whose upper nodes are remembered, where they are not stored: 2 KB each for a thousand items."""

_HASH = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class _PostedToken:
    token: bytes
    form: str
    digest: str
    authority: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stored:
    item: StoredItem
    facts: SpotFacts | None
    posted: tuple[_PostedToken, ...]
    deleted: bool


# A statement is built in a third of the time of a check, so these are built once.
_item, _batch, _chain, _token = tables.item, tables.batch, tables.chain, tables.token
_PLACE = select(_item.c.chain_id, _item.c.log_index).where(_item.c.uuid == bindparam("uuid"))
_BATCH = (
    select(
        _batch.c.id, _batch.c.first_index, _batch.c.last_index, _batch.c.statement, _chain.c.engine, _chain.c.epoch
    )
    .join(_chain, _chain.c.id == _batch.c.chain_id)
    .where(_batch.c.chain_id == bindparam("chain_id"), _batch.c.last_index >= bindparam("log_index"))
    .order_by(_batch.c.last_index)
    .limit(1)
)
_STAMPS = (
    select(_token.c.id, _token.c.tsa, _token.c.token, evidence_record.c.renewals, tables.certificate_chain.c.pem)
    .join(evidence_record, evidence_record.c.token_id == _token.c.id)
    .join(tables.certificate_chain, tables.certificate_chain.c.sha256 == _token.c.chain_sha256)
    .where(_token.c.batch_id == bindparam("batch_id"), evidence_record.c.void == "")
    .order_by(_token.c.external.desc(), _token.c.id)
)
_POSTED = (
    select(*(posted_token.c[name] for name in _PostedToken.__dataclass_fields__))
    .where(posted_token.c.uuid == bindparam("uuid"))
    .order_by(posted_token.c.id)
)


class ProofCheck:
    """Checks proofs of single items against the configured authorities' roots."""

    def __init__(
        self,
        *,
        database: Database,
        roots: Mapping[str, TrustRoots],
        clock: Clock,
        documents: ContentFolder | None = None,
    ) -> None:
        """Describe it.

        Args:
            database: the store.
            roots: roots of each configured authority by its name.
            clock: no token may come from the future.
            documents: folder of the payloads that are not inline.
        """
        self._database = database
        self._roots = dict(roots)
        self._clock = clock
        self._document_check = document_check(documents)
        self._tops: dict[int, bytes] = {}

    async def flaw(self, uuid: str) -> str | None:
        """Return what is wrong with an item's proof, empty if nothing is; None where there is no token to check.

        Raises:
            StoreError: the database failed.
        """
        try:
            stored = await self._database.read(lambda connection: self._read(connection, uuid))
        except (EvidenceError, RefusedError, TypeError, ValueError) as error:
            # Whoever tampers puts anything anywhere: what cannot be read proves nothing.
            return str(error)
        if stored is None or (stored.facts is None and not stored.posted):
            return None
        return await asyncio.to_thread(self._judge, stored)

    async def links(self, uuid: str) -> list[ProofLink]:
        """Return an item's proof link by link; nothing where there is no token yet.

        Raises:
            StoreError: the database failed.
        """
        try:
            stored = await self._database.read(lambda connection: self._read(connection, uuid))
        except (EvidenceError, RefusedError, TypeError, ValueError) as error:
            return [ProofLink(kind=LinkKind.STATEMENT, good=False, text=str(error))]
        if stored is None or stored.facts is None:
            return []
        return await asyncio.to_thread(self._linked, stored, stored.facts)

    def _linked(self, stored: _Stored, facts: SpotFacts) -> list[ProofLink]:
        links = proof_links(facts, roots=self._roots, now=self._clock.now())
        if stored.item.payload is not None or stored.deleted:
            return links
        try:
            self._check_document(stored.item.payload_sha256)
        except VedetteError as error:
            return [ProofLink(kind=LinkKind.PAYLOAD, good=False, text=str(error)), *links]
        text = "the document's SHA-256 is the one in the statement"
        return [ProofLink(kind=LinkKind.PAYLOAD, good=True, text=text), *links]

    def _judge(self, stored: _Stored) -> str:
        try:
            if stored.item.payload is None and not stored.deleted:
                self._check_document(stored.item.payload_sha256)
            for posted in stored.posted:
                self._check_posted(posted, stored.item)
        except VedetteError as error:
            return str(error)
        if stored.facts is None:
            return ""
        return spot_check(stored.facts, roots=self._roots, now=self._clock.now())

    def _check_document(self, sha256: str) -> None:
        good = self._document_check(sha256) if self._document_check is not None else None
        if not good:
            raise EvidenceError(f"the document {sha256} is {'missing' if good is None else 'damaged'}")

    def _check_posted(self, posted: _PostedToken, item: StoredItem) -> None:
        roots = self._roots.get(posted.authority)
        if roots is None:
            raise EvidenceError(f"posted token: {posted.authority} is not configured here any more")
        if item.payload is None:
            return
        imprint = imprint_of(item.payload, form=posted.form, digest=posted.digest)
        verify_token(
            posted.token, imprint=imprint, digest_algorithm=posted.digest, roots=roots, now=self._clock.now()
        )

    # Reading --------------------------------------------------------------------------

    def _read(self, connection: Connection, uuid: str) -> _Stored | None:
        found = connection.execute(_PLACE, {"uuid": uuid}).one_or_none()
        if found is None:
            return None
        chain_id, log_index = found
        (stored,) = read_items(connection, chain_id, log_index, log_index)
        return _Stored(
            item=stored,
            facts=self._facts(connection, chain_id, stored),
            posted=_posted(connection, uuid),
            deleted=stored.payload is None and _was_deleted(connection, stored),
        )

    def _facts(self, connection: Connection, chain_id: int, item: StoredItem) -> SpotFacts | None:
        row = connection.execute(_BATCH, {"chain_id": chain_id, "log_index": item.log_index}).one_or_none()
        if row is None or row.first_index > item.log_index:
            return None
        place = item.log_index - row.first_index
        stamps = _stamps(connection, row.id, place)
        if not stamps:
            return None
        top = self._top(connection, chain_id, row)
        return SpotFacts(
            item=item,
            log=LogPlace(engine=row.engine, epoch=row.epoch),
            place=place,
            block=_block(connection, chain_id, row, place),
            top=[top[start : start + _HASH] for start in range(0, len(top), _HASH)],
            stamps=stamps,
        )

    def _top(self, connection: Connection, chain_id: int, row: Any) -> bytes:
        known = self._tops.get(row.id)
        if known is not None:
            return known
        stored = connection.execute(select(batch_top.c.nodes).where(batch_top.c.batch_id == row.id))
        nodes: bytes | None = stored.scalar_one_or_none()
        if nodes is None:
            nodes = top_of(HashTree(_leaves(connection, chain_id, row, row.first_index, row.last_index)))
        if len(self._tops) >= _KEPT:
            self._tops.clear()
        self._tops[row.id] = nodes
        return nodes


def _leaves(connection: Connection, chain_id: int, row: Any, first: int, last: int) -> list[bytes]:
    """Return the leaves of a range of a batch, which ends with the batch's own where it reaches its end."""
    leaves = [leaf(data) for _, data in read_statements(connection, chain_id, first, min(last, row.last_index))]
    return [*leaves, leaf(row.statement)] if last >= row.last_index else leaves


def _block(connection: Connection, chain_id: int, row: Any, place: int) -> list[bytes]:
    first = row.first_index + place - place % BLOCK
    last = first + BLOCK - 1
    # The batch's own leaf comes after all others: it is in this block only if there is room.
    if last > row.last_index:
        return _leaves(connection, chain_id, row, first, last)
    return [leaf(data) for _, data in read_statements(connection, chain_id, first, last)]


def _stamps(connection: Connection, batch_id: int, place: int) -> list[StoredStamp]:
    rows = connection.execute(_STAMPS, {"batch_id": batch_id}).all()
    return [_stamp(connection, row, place) for row in rows]


def _stamp(connection: Connection, row: Any, place: int) -> StoredStamp:
    certificates = certificates_from_pem(row.pem)
    if not row.renewals:
        return StoredStamp(tsa=row.tsa, token=row.token, certificates=certificates)
    try:
        renewed = item_record(batch_evidence(connection, row.id), place)
    except StoreError as error:
        raise EvidenceError(str(error)) from error
    later = renewal_certificates(connection, row.id)
    return StoredStamp(tsa=row.tsa, token=row.token, certificates=[*certificates, *later], record=renewed)


def _posted(connection: Connection, uuid: str) -> tuple[_PostedToken, ...]:
    return tuple(_PostedToken(**row._mapping) for row in connection.execute(_POSTED, {"uuid": uuid}))


def _was_deleted(connection: Connection, item: StoredItem) -> bool:
    """Tell whether somebody deleted the payload, leaving a tombstone: what was proved of it stays."""
    by_item = select(item_tombstone.c.uuid).where(item_tombstone.c.uuid == item.uuid)
    by_document = select(document_tombstone.c.id).where(document_tombstone.c.sha256 == item.payload_sha256)
    return any(connection.execute(query.limit(1)).first() is not None for query in (by_item, by_document))
