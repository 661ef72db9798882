"""Renewals in the store: which records rest on what, the leaves of those that are due, and the token that came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from registry import tables
from registry.content import ContentFolder
from registry.database import Database
from registry.database_errors import ConcurrentWriteError
from registry.evidence_tables import evidence_record, renewal, renewal_path, renewed_payloads
from registry.log import read_payloads
from registry.record_states import store_certificates
from registry.records import batch_evidence, payload_hashes
from vedette.canonical import sha256_hex
from vedette.clock import Clock
from vedette.errors import EvidenceError, RefusedError, StoreError
from vedette.evidence.algorithm_lifetimes import algorithms_under
from vedette.evidence.bundle_contents import certificates_to_pem
from vedette.evidence.hashtree import HashTree
from vedette.evidence.record import hashed
from vedette.evidence.renewal_history import absent, encode_path, hashtree_leaf
from vedette.evidence.renewal_policy import DueGroup, RecordGroup, RenewalKind
from vedette.evidence.token import VerifiedToken

_TOGETHER = 500
"""Keys in one statement: far below what either database takes."""

_GROUP = ("tsa", "external", "chain_sha256", "digest", "algorithms", "not_after")


@dataclass(frozen=True, kw_only=True, slots=True)
class RenewalLeaf:
    """What one record has in a renewal's tree."""

    token_id: int
    """The record."""
    position: int
    """Which renewal of it this is, from 1."""
    leaf: bytes
    """The hash."""
    payloads: bytes | None
    """For a hash-tree renewal: the payloads' hashes, one after the other."""


@dataclass(frozen=True, kw_only=True)
class RenewalBatch:
    """Many records to be renewed by one token over `tree.root`."""

    due: DueGroup
    """Why and how."""
    leaves: Sequence[RenewalLeaf]
    """The records' leaves."""
    last: int
    """The last record that was looked at."""
    damaged: tuple[str, ...]
    """Records that cannot be renewed, and why."""

    @cached_property
    def tree(self) -> HashTree:
        """The tree over the leaves, in their order."""
        return HashTree([one.leaf for one in self.leaves], digest=self.due.digest)


class Renewals:
    """The evidence records of a store, of all its engines."""

    def __init__(self, *, database: Database, clock: Clock, documents: ContentFolder | None = None) -> None:
        """Describe them; without the folder of `documents`, what is in one gets no hash in a newer digest."""
        self._database = database
        self._clock = clock
        self._documents = documents

    async def groups(self) -> list[RecordGroup]:
        """Return all records that count, grouped by what their newest tokens rest on.

        Raises:
            StoreError: the database failed.
        """
        record = evidence_record
        columns = [record.c[name] for name in _GROUP]
        query = select(*columns, func.count().label("count")).where(record.c.void == "").group_by(*columns)
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return [RecordGroup(**{**row, "algorithms": tuple(row["algorithms"].split(","))}) for row in rows]

    async def prepare(self, due: DueGroup, *, limit: int, after: int = 0) -> RenewalBatch | None:
        """Return the tree over the first `limit` records of a group past the token `after`; None past the last.

        Raises:
            StoreError: the database failed.
        """
        damaged: list[str] = []
        while True:
            look = partial(self._leaves, due=due, damaged=damaged, limit=limit, after=after)
            found = await self._database.read(look)
            if not found:
                return RenewalBatch(due=due, leaves=(), last=after, damaged=tuple(damaged)) if damaged else None
            after, leaves = found[-1][0], [leaf for _, leaf in found if leaf is not None]
            if leaves:
                return RenewalBatch(due=due, leaves=leaves, last=after, damaged=tuple(damaged))

    async def store(self, batch: RenewalBatch, token: VerifiedToken, *, tsa: str, external: bool) -> None:
        """Store a verified token over a batch's root, with the path of every record in it.

        Raises:
            ConcurrentWriteError: another process renewed one of the records meanwhile; nothing is stored.
            EvidenceError: the token is over something else.
            StoreError: the database failed.
        """
        if (token.imprint, token.digest_algorithm) != (batch.tree.root, batch.due.digest):
            raise EvidenceError(f"token of {tsa}: is not over the root of the renewal")
        row = {
            "kind": batch.due.kind.value,
            "digest": batch.due.digest,
            "root": batch.tree.root,
            "tsa": tsa,
            "external": external,
            "token": token.token,
            "gen_time": token.gen_time,
            "not_after": token.not_after,
            "obtained_at": self._clock.now(),
            "reason": batch.due.reason,
        }
        pem = certificates_to_pem(token.chain)
        algorithms = ",".join(algorithms_under(token.token, token.chain))
        await self._database.write(lambda connection: self._store(connection, batch, row, pem, algorithms))

    async def count(self) -> int:
        """Return how many renewals there were.

        Raises:
            StoreError: the database failed.
        """
        query = select(func.count()).select_from(renewal)
        return int(await self._database.read(lambda connection: connection.execute(query).scalar_one()))

    def _leaves(
        self, connection: Connection, due: DueGroup, damaged: list[str], *, limit: int, after: int
    ) -> list[tuple[int, RenewalLeaf | None]]:
        """Return the records with their leaves; what is damaged has none, so that it does not hold up the others."""
        record = evidence_record
        query = select(record.c.token_id, record.c.renewals).where(*_of_group(due.group), record.c.token_id > after)
        rows = connection.execute(query.order_by(record.c.token_id).limit(limit)).all()
        found: list[tuple[int, RenewalLeaf | None]] = []
        for row in rows:
            try:
                found.append((row.token_id, self._leaf(connection, row.token_id, row.renewals + 1, due)))
            except (StoreError, EvidenceError) as error:
                damaged.append(f"token {row.token_id}: {error}")
                found.append((row.token_id, None))
        return found

    def _leaf(self, connection: Connection, token_id: int, position: int, due: DueGroup) -> RenewalLeaf:
        if due.kind is RenewalKind.TIMESTAMP:
            value = hashed(_last_token(connection, token_id), due.digest)
            return RenewalLeaf(token_id=token_id, position=position, leaf=value, payloads=None)
        payloads = self._payload_hashes(connection, token_id, due.digest)
        value = hashtree_leaf(batch_evidence(connection, token_id), digest=due.digest, payloads=payloads)
        return RenewalLeaf(token_id=token_id, position=position, leaf=value, payloads=b"".join(payloads))

    def _payload_hashes(self, connection: Connection, token_id: int, digest: str) -> list[bytes]:
        """Return the payloads' hashes in a newer digest: those of an earlier renewal, else computed now."""
        token, batch = tables.token, tables.batch
        query = select(batch).join(token, token.c.batch_id == batch.c.id).where(token.c.id == token_id)
        held = connection.execute(query).one()
        known = payload_hashes(connection, held.id, digest)
        if known is not None:
            return known
        payloads = read_payloads(connection, held.chain_id, held.first_index, held.last_index)
        return [self._payload_hash(payload, sha256, digest) for payload, sha256 in payloads]

    def _payload_hash(self, payload: bytes | None, sha256: str, digest: str) -> bytes:
        if payload is None:
            payload = self._document(sha256)
        if payload is None:
            return absent(digest)
        if sha256_hex(payload) != sha256:
            # A new digest over bytes that are not what was proved would whitewash the change.
            raise StoreError(f"payload {sha256}: is not what was proved: the store is damaged; restore a backup")
        return hashed(payload, digest)

    def _document(self, sha256: str) -> bytes | None:
        if self._documents is None:
            return None
        try:
            return self._documents.read(sha256, limit=self._documents.limit)
        except (StoreError, RefusedError):
            return None

    def _store(
        self, connection: Connection, batch: RenewalBatch, row: dict[str, Any], pem: bytes, algorithms: str
    ) -> None:
        row = row | {"chain_sha256": store_certificates(connection, pem)}
        renewal_id = connection.execute(insert(renewal).values(row).returning(renewal.c.id)).scalar_one()
        paths = [
            {
                "token_id": one.token_id,
                "position": one.position,
                "renewal_id": renewal_id,
                "path": encode_path(batch.tree.path(place)),
            }
            for place, one in enumerate(batch.leaves)
        ]
        connection.execute(insert(renewal_path), paths)
        for one in batch.leaves:
            if one.payloads is not None:
                _keep_payload_hashes(connection, one.token_id, batch.due.digest, one.payloads)
        newest = {name: row[name] for name in ("digest", "chain_sha256", "not_after")} | {"algorithms": algorithms}
        _set_newest(connection, [one.token_id for one in batch.leaves], newest)


def _set_newest(connection: Connection, token_ids: Sequence[int], newest: dict[str, Any]) -> None:
    """Say what these records rest on now; few statements, as collection waits for the same writer."""
    record = evidence_record
    for start in range(0, len(token_ids), _TOGETHER):
        mine = record.c.token_id.in_(token_ids[start : start + _TOGETHER])
        connection.execute(update(record).where(mine).values(newest | {"renewals": record.c.renewals + 1}))


def _keep_payload_hashes(connection: Connection, token_id: int, digest: str, hashes: bytes) -> None:
    """Keep what was bound, without which the tree cannot be built again once a payload is deleted.

    Raises:
        ConcurrentWriteError: another renewal of the batch bound something else meanwhile.
    """
    token = tables.token
    batch_id = connection.execute(select(token.c.batch_id).where(token.c.id == token_id)).scalar_one()
    known = payload_hashes(connection, batch_id, digest)
    if known is None:
        connection.execute(insert(renewed_payloads).values(batch_id=batch_id, digest=digest, hashes=hashes))
    elif b"".join(known) != hashes:
        raise ConcurrentWriteError("a payload was deleted while its batch was renewed; the next run renews it")


def _of_group(group: RecordGroup) -> tuple[ColumnElement[bool], ...]:
    record = evidence_record
    return (
        record.c.void == "",
        record.c.tsa == group.tsa,
        record.c.external == group.external,
        record.c.chain_sha256 == group.chain_sha256,
        record.c.digest == group.digest,
        record.c.algorithms == ",".join(group.algorithms),
        record.c.not_after == group.not_after,
    )


def _last_token(connection: Connection, token_id: int) -> bytes:
    """Return the newest token of a record: its last renewal's, else its first."""
    query = select(renewal.c.token).join(renewal_path, renewal_path.c.renewal_id == renewal.c.id)
    query = query.where(renewal_path.c.token_id == token_id).order_by(renewal_path.c.position.desc()).limit(1)
    found: bytes | None = connection.execute(query).scalar_one_or_none()
    if found is not None:
        return found
    token = tables.token
    return bytes(connection.execute(select(token.c.token).where(token.c.id == token_id)).scalar_one())
