"""Revocation lists and responders' answers in the store: which are wanted, and which time-stamps they void."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select, update

from registry import tables
from registry.database import Database
from registry.evidence_tables import evidence_record, renewal, renewal_path, revocation_check, revocation_list
from registry.record_states import settle_state
from vedette.canonical import sha256_hex
from vedette.clock import Clock, to_datetime
from vedette.evidence.bundle_contents import certificates_from_pem
from vedette.evidence.certificates import parse_certificate
from vedette.evidence.ocsp import OcspQuestion, check_current, ocsp_questions, read_answer
from vedette.evidence.revocation import StatusKind, read_status
from vedette.evidence.revocation_points import Revocation, RevocationFinding, distribution_points, read_list
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedList:
    """A list, or a responder's answer, that should be asked for."""

    chain_sha256: str
    """The chain that it is for."""
    url: str
    """Where it is published, or who answers."""
    chain: tuple[bytes, ...]
    """The chain's certificates, DER, root last."""
    question: OcspQuestion | None = None
    """What the responder is asked; None: it is a list."""

    @property
    def kind(self) -> StatusKind:
        """Which of the two it is."""
        return StatusKind.LIST if self.question is None else StatusKind.ANSWER

    @property
    def about(self) -> str:
        """SHA-256 of the certificate that the responder is asked about, empty for a list."""
        return "" if self.question is None else sha256_hex(self.question.certificate)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListEffect:
    """What a list that came changed."""

    revocations: tuple[Revocation, ...]
    """Certificates of the chain that it revokes."""
    unknown: tuple[str, ...]
    """Certificates of the chain that the responder does not know."""
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

    async def store(self, wanted: WantedList, data: bytes, *, nonce: bytes | None = None) -> ListEffect:
        """Check a list or answer that came, keep it if it is newer, and void the time-stamps that it voids.

        `nonce` is the one that the responder was sent.

        Raises:
            EvidenceError: it is not one whose signer may speak of the chain, or an answer that is not of now.
            StoreError: the database failed.
        """
        now = self._clock.now()
        if wanted.question is None:
            finding = read_list(data, wanted.chain)
        else:
            finding = read_answer(data, (wanted.question.certificate, wanted.question.issuer), nonce=nonce)
            check_current(finding, now=now)
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
    """Return the newest lists and answers for the chains of these tokens and their renewals, by name in a bundle."""
    table, record, paths = tables.token, evidence_record, renewal_path
    first = select(table.c.chain_sha256).where(table.c.id.in_(token_ids))
    later = select(renewal.c.chain_sha256).join(paths, paths.c.renewal_id == renewal.c.id)
    later = later.join(record, record.c.token_id == paths.c.token_id).where(record.c.token_id.in_(token_ids))
    chains = set(connection.execute(first).scalars()) | set(connection.execute(later).scalars())
    query = select(revocation_list.c.sha256, revocation_list.c.kind, revocation_list.c.der)
    query = query.join(revocation_check, revocation_check.c.list_sha256 == revocation_list.c.sha256)
    rows = connection.execute(query.where(revocation_check.c.chain_sha256.in_(chains)))
    return {f"{sha256[:16]}.{kind}": der for sha256, kind, der in sorted({tuple(row) for row in rows})}


def _wanted(connection: Connection, *, older_than: int, now: int) -> list[WantedList]:
    chains, check = tables.certificate_chain, revocation_check
    asked = select(check.c.chain_sha256, check.c.url, check.c.about).where(check.c.checked_at > older_than)
    recent = {tuple(row) for row in connection.execute(asked)}
    found = []
    for sha256, pem in connection.execute(select(chains.c.sha256, chains.c.pem)):
        chain = certificates_from_pem(pem)
        if parse_certificate(chain[0]).not_after < now:
            continue
        found += [WantedList(chain_sha256=sha256, url=url, chain=chain) for url in distribution_points(chain)]
        found += [
            WantedList(chain_sha256=sha256, url=question.url, chain=chain, question=question)
            for question in ocsp_questions(chain)
        ]
    return [wanted for wanted in found if (wanted.chain_sha256, wanted.url, wanted.about) not in recent]


def _store(
    connection: Connection, wanted: WantedList, data: bytes, finding: RevocationFinding, now: int
) -> ListEffect:
    key = sha256_hex(data)
    held = select(revocation_list.c.this_update).join(
        revocation_check, revocation_check.c.list_sha256 == revocation_list.c.sha256
    )
    held = held.where(*_row_of(wanted))
    newest = connection.execute(held).scalar_one_or_none()
    if newest is not None and finding.this_update < newest:
        # Lists come without TLS: an old one, from before a revocation, is what an attacker would play back.
        _note(connection, wanted, {"checked_at": now, "error": "an older one than the one that is kept came"})
        return ListEffect(revocations=(), unknown=(), voided=0)
    if newest is not None and finding.unknown:
        # It says less than what is kept, which may be a revocation.
        _note(
            connection, wanted, {"checked_at": now, "error": "the responder does not know the certificate any more"}
        )
        return ListEffect(revocations=(), unknown=finding.unknown, voided=0)
    if connection.execute(select(revocation_list.c.sha256).where(revocation_list.c.sha256 == key)).first() is None:
        row = {"sha256": key, "kind": wanted.kind.value, "der": data, "this_update": finding.this_update}
        connection.execute(insert(revocation_list).values(row | {"fetched_at": now}))
    _note(connection, wanted, {"checked_at": now, "error": "", "list_sha256": key})
    voided = sum(_void(connection, wanted.chain_sha256, revocation) for revocation in finding.revocations)
    return ListEffect(revocations=finding.revocations, unknown=finding.unknown, voided=voided)


def _note(connection: Connection, wanted: WantedList, values: dict[str, object]) -> None:
    table = revocation_check
    key = {"chain_sha256": wanted.chain_sha256, "url": wanted.url, "about": wanted.about}
    if connection.execute(update(table).where(*_row_of(wanted)).values(values)).rowcount == 0:
        connection.execute(insert(table).values({"list_sha256": None} | key | values))


def _row_of(wanted: WantedList) -> tuple[ColumnElement[bool], ...]:
    columns = revocation_check.c
    return (
        columns.chain_sha256 == wanted.chain_sha256,
        columns.url == wanted.url,
        columns.about == wanted.about,
    )


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
    query = select(check.c.chain_sha256, chains.c.pem, revocation_list.c.kind, revocation_list.c.der)
    query = query.join(chains, chains.c.sha256 == check.c.chain_sha256)
    rows = connection.execute(query.join(revocation_list, revocation_list.c.sha256 == check.c.list_sha256)).all()
    return sorted(
        {
            row.chain_sha256
            for row in rows
            if read_status(StatusKind(row.kind), row.der, certificates_from_pem(row.pem)).revocations
        }
    )
