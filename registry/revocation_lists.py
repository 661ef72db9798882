"""Revocation lists in the store: which chains need one, what they say, and which time-stamps they void."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from registry import tables
from registry.database import Database
from registry.evidence_tables import evidence_record, renewal, renewal_path, revocation_check, revocation_list
from registry.record_states import settle_state
from registry.text import storable
from vedette.canonical import sha256_hex
from vedette.clock import Clock, to_datetime
from vedette.evidence.bundle_contents import certificates_from_pem
from vedette.evidence.certificates import parse_certificate
from vedette.evidence.revocation_points import Revocation, RevocationFinding, distribution_points, read_list
from vedette.messages.limits import MAX_TEXT


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedList:
    """A list that should be asked for."""

    chain_sha256: str
    """The chain that it is for."""
    url: str
    """Where it is published."""
    chain: tuple[bytes, ...]
    """The chain's certificates, DER, root last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListEffect:
    """What a list that came changed."""

    revocations: tuple[Revocation, ...]
    """Certificates of the chain that it revokes."""
    voided: int
    """Time-stamps that count no more since now."""


class RevocationLists:
    """The revocation lists of a store."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def wanted(self, *, older_than: int) -> list[WantedList]:
        """Return the lists that were not asked for since `older_than` (microseconds since 1970).

        A chain that has ended is asked for no more: its issuer may take entries out of its list then.

        Raises:
            EvidenceError: a stored certificate cannot be read.
            StoreError: the database failed.
        """
        now = self._clock.now()
        return await self._database.read(lambda connection: _wanted(connection, older_than=older_than, now=now))

    async def store(self, wanted: WantedList, data: bytes) -> ListEffect:
        """Check a list that came, keep it if it is newer, and void the time-stamps that it voids.

        Raises:
            EvidenceError: it is not a list that a certificate of the chain signed, or it is of the future.
            StoreError: the database failed.
        """
        finding, now = read_list(data, wanted.chain), self._clock.now()
        return await self._database.write(lambda connection: _store(connection, wanted, data, finding, now))

    async def note_failure(self, wanted: WantedList, reason: str) -> None:
        """Keep why a list could not be had; what was kept before stays.

        Raises:
            StoreError: the database failed.
        """
        values = {"checked_at": self._clock.now(), "error": storable(reason, limit=MAX_TEXT)}
        await self._database.write(lambda connection: _note(connection, wanted, values))

    async def revoked_chains(self) -> list[str]:
        """Return the chains (SHA-256) of which a kept list revokes a certificate.

        Raises:
            EvidenceError: a stored list cannot be read.
            StoreError: the database failed.
        """
        return await self._database.read(_revoked_chains)


def kept_lists(connection: Connection, token_ids: Sequence[int]) -> dict[str, bytes]:
    """Return the newest lists for the chains of these tokens and of their renewals, by file name in a bundle."""
    table, record, paths = tables.token, evidence_record, renewal_path
    first = select(table.c.chain_sha256).where(table.c.id.in_(token_ids))
    later = select(renewal.c.chain_sha256).join(paths, paths.c.renewal_id == renewal.c.id)
    later = later.join(record, record.c.token_id == paths.c.token_id).where(record.c.token_id.in_(token_ids))
    chains = set(connection.execute(first).scalars()) | set(connection.execute(later).scalars())
    query = select(revocation_list.c.sha256, revocation_list.c.der)
    query = query.join(revocation_check, revocation_check.c.list_sha256 == revocation_list.c.sha256)
    rows = connection.execute(query.where(revocation_check.c.chain_sha256.in_(chains)))
    return {f"{sha256[:16]}.crl": der for sha256, der in sorted({tuple(row) for row in rows})}


def _wanted(connection: Connection, *, older_than: int, now: int) -> list[WantedList]:
    chains, check = tables.certificate_chain, revocation_check
    asked = select(check.c.chain_sha256, check.c.url).where(check.c.checked_at > older_than)
    recent = {tuple(row) for row in connection.execute(asked)}
    found = []
    for sha256, pem in connection.execute(select(chains.c.sha256, chains.c.pem)):
        chain = certificates_from_pem(pem)
        if parse_certificate(chain[0]).not_after < now:
            continue
        for url in distribution_points(chain):
            if (sha256, url) not in recent:
                found.append(WantedList(chain_sha256=sha256, url=url, chain=chain))
    return found


def _store(
    connection: Connection, wanted: WantedList, data: bytes, finding: RevocationFinding, now: int
) -> ListEffect:
    key = sha256_hex(data)
    held = select(revocation_list.c.this_update).join(
        revocation_check, revocation_check.c.list_sha256 == revocation_list.c.sha256
    )
    held = held.where(revocation_check.c.chain_sha256 == wanted.chain_sha256, revocation_check.c.url == wanted.url)
    newest = connection.execute(held).scalar_one_or_none()
    if newest is not None and finding.this_update < newest:
        # Lists come without TLS: an old one, from before a revocation, is what an attacker would play back.
        _note(connection, wanted, {"checked_at": now, "error": "an older list than the one that is kept came"})
        return ListEffect(revocations=(), voided=0)
    if connection.execute(select(revocation_list.c.sha256).where(revocation_list.c.sha256 == key)).first() is None:
        row = {"sha256": key, "der": data, "this_update": finding.this_update, "fetched_at": now}
        connection.execute(insert(revocation_list).values(row))
    _note(connection, wanted, {"checked_at": now, "error": "", "list_sha256": key})
    voided = sum(_void(connection, wanted.chain_sha256, revocation) for revocation in finding.revocations)
    return ListEffect(revocations=finding.revocations, voided=voided)


def _note(connection: Connection, wanted: WantedList, values: dict[str, object]) -> None:
    table, key = revocation_check, {"chain_sha256": wanted.chain_sha256, "url": wanted.url}
    mine = (table.c.chain_sha256 == wanted.chain_sha256, table.c.url == wanted.url)
    if connection.execute(update(table).where(*mine).values(values)).rowcount == 0:
        connection.execute(insert(table).values({"list_sha256": None} | key | values))


def _void(connection: Connection, chain_sha256: str, revocation: Revocation) -> int:
    """Void the time-stamps of a chain that a revocation voids; returns how many there are.

    One that another authority renewed before the revocation is not: that renewal shows that it existed before
    the key was lost (RFC 4998 section 5.3: each is judged at the time of the next). A renewal by the revoked one
    voids the record, as long as nothing came after it.
    """
    table, record = tables.token, evidence_record
    renewed = select(func.min(renewal.c.gen_time)).join(renewal_path, renewal_path.c.renewal_id == renewal.c.id)
    renewed = renewed.where(renewal_path.c.token_id == table.c.id, renewal.c.chain_sha256 != chain_sha256)
    covered_at = renewed.scalar_subquery()
    query = select(table.c.id, table.c.batch_id).join(record, record.c.token_id == table.c.id)
    first = and_(table.c.chain_sha256 == chain_sha256, or_(covered_at.is_(None), covered_at >= revocation.at))
    if revocation.harmless:
        query = query.where(first, table.c.gen_time >= revocation.at)
    else:
        query = query.where(or_(first, record.c.chain_sha256 == chain_sha256))
    rows = connection.execute(query.where(record.c.void == "")).all()
    moment = to_datetime(revocation.at).isoformat()
    why = f"{revocation.name} was revoked at {moment} ({revocation.reason})"
    for row in rows:
        connection.execute(update(record).where(record.c.token_id == row.id).values(void=why))
    for batch_id in {row.batch_id for row in rows}:
        settle_state(connection, batch_id)
    return len(rows)


def _revoked_chains(connection: Connection) -> list[str]:
    check, chains = revocation_check, tables.certificate_chain
    query = select(check.c.chain_sha256, chains.c.pem, revocation_list.c.der)
    query = query.join(chains, chains.c.sha256 == check.c.chain_sha256)
    rows = connection.execute(query.join(revocation_list, revocation_list.c.sha256 == check.c.list_sha256)).all()
    return sorted(
        {row.chain_sha256 for row in rows if read_list(row.der, certificates_from_pem(row.pem)).revocations}
    )
