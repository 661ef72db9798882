"""What the sweep reads: slices of a log, batches with their tokens, and what belongs to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, or_, select, type_coerce
from sqlalchemy.types import NullType

from registry import tables
from registry.audit_tables import audit
from registry.evidence_tables import evidence_record
from registry.payload_rows import inline_payload
from registry.proof_state import ProofState, state_of
from registry.record_states import counted_stamps
from registry.records import batch_evidence, renewal_certificates
from registry.retention_rows import deletion_of
from vedette.errors import EvidenceError, RefusedError, StoreError
from vedette.evidence.audit_entry import AuditFacts
from vedette.evidence.bundle_contents import certificates_from_pem, certificates_to_pem
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.finding import Finding
from vedette.evidence.record import verify_record
from vedette.evidence.renewal_history import item_record
from vedette.evidence.sweep_checks import LogPlace, StoredAudit, StoredBatch, StoredItem, check_manifest
from vedette.evidence.token import verify_token

MAX_ORPHANS = 100
"""Rows that belong to nothing, in one pass."""

DocumentCheck = Callable[[str], bool | None]
"""Whether the file of a document is what its name says; None: it is not there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepTrust:
    """What the sweep believes."""

    roots: Mapping[str, TrustRoots]
    """Roots by authority, old ones too; of others the stored chain must do, which a forger could have replaced."""
    now: int
    """Microseconds since 1970."""


def read_items(connection: Connection, chain_id: int, first: int, last: int) -> list[StoredItem]:
    """Return the items of a range that are there, in order."""
    item = tables.item
    names = tuple(name for name in StoredItem.__dataclass_fields__ if name != "payload")
    payload = type_coerce(inline_payload().element, NullType()).label("payload")
    query = _raw(item, names).add_columns(payload).where(item.c.chain_id == chain_id)
    rows = connection.execute(query.where(item.c.log_index.between(first, last)).order_by(item.c.log_index))
    return [StoredItem(**_with_bytes(row, "statement", "payload", "digest")) for row in rows]


def read_audits(connection: Connection, chain_id: int, first: int, last: int) -> list[StoredAudit]:
    """Return the audit entries of a range that are there, in order."""
    facts = tuple(AuditFacts.__dataclass_fields__)
    query = _raw(audit, ("log_index", "received_at", "statement", *facts)).where(audit.c.chain_id == chain_id)
    rows = connection.execute(query.where(audit.c.log_index.between(first, last)).order_by(audit.c.log_index))
    return [_stored_audit(_with_bytes(row, "statement"), facts) for row in rows]


def _stored_audit(values: dict[str, Any], facts: tuple[str, ...]) -> StoredAudit:
    own = AuditFacts(**{name: values[name] for name in facts})
    return StoredAudit(
        log_index=values["log_index"],
        statement=values["statement"] or b"",
        received_at=values["received_at"],
        facts=own,
    )


def _raw(table: Table, names: tuple[str, ...]) -> Select[Any]:
    """Return a query of columns as the database has them: whoever tampers puts text where bytes belong."""
    columns: list[ColumnElement[Any]] = [type_coerce(table.c[name], NullType()).label(name) for name in names]
    return select(*columns)


def _with_bytes(row: Row[Any], *names: str) -> dict[str, Any]:
    """Return a row; what is not bytes where it must be becomes bytes that nothing was ever the hash of."""
    values = dict(row._mapping)
    for name in names:
        if values[name] is not None and not isinstance(values[name], bytes):
            values[name] = b"not bytes: " + repr(values[name])[:64].encode()
    return values


def next_batch(connection: Connection, chain_id: int, *, after: int, before: int) -> tuple[int, StoredBatch] | None:
    """Return id and content of the first batch past number `after` that ends before the index `before`."""
    batch = tables.batch
    query = _raw(batch, ("id", *StoredBatch.__dataclass_fields__)).where(batch.c.chain_id == chain_id)
    query = query.where(batch.c.number > after, batch.c.last_index < before).order_by(batch.c.number).limit(1)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    values = _with_bytes(row, "statement", "root", "previous_root")
    return int(values.pop("id")), StoredBatch(**values)


def manifest_findings(connection: Connection, items: list[StoredItem], log: LogPlace) -> list[Finding]:
    """Return what is wrong with the signed manifests that these items came with."""
    found: list[Finding] = []
    for sha256 in dict.fromkeys(item.manifest_sha256 for item in items if item.manifest_sha256 is not None):
        mine = [item for item in items if item.manifest_sha256 == sha256]
        table = tables.delivery
        row = connection.execute(select(table).where(table.c.sha256 == sha256)).one_or_none()
        manifest, flaw = (
            (None, "the manifest is missing")
            if row is None
            else check_manifest(sha256, text=row.text, signature=row.signature, public_key=row.public_key)
        )
        listed = set(manifest.items) if manifest is not None else set()
        for item in mine:
            text = flaw
            if manifest is not None and (item.uuid, item.digest.hex()) not in listed:
                text = "the signed manifest does not list it"
            elif manifest is not None and manifest.agent != item.agent:
                text = f"the signed manifest is of {manifest.agent}"
            if text:
                place = log.item(item.log_index)
                found.append(Finding(kind="manifest", place=place, text=f"{item.uuid}: {text}"))
    return found


def document_findings(
    connection: Connection, items: list[StoredItem], log: LogPlace, check: DocumentCheck
) -> list[Finding]:
    """Return what is wrong with the documents of items whose payload is not inline."""
    found = []
    for item in items:
        if item.payload is None and (good := check(item.payload_sha256)) is not True:
            place, name = log.item(item.log_index), f"{item.uuid}: the document {item.payload_sha256}"
            if good is False:
                found.append(Finding(kind="payload", place=place, text=f"{name} is damaged"))
            elif deletion_of(connection, item.uuid, item.payload_sha256) is None:
                found.append(Finding(kind="payload", place=place, text=f"{name} is missing, and nobody deleted it"))
    return found


def token_findings(
    connection: Connection, batch_id: int, batch: StoredBatch, log: LogPlace, trust: SweepTrust
) -> list[Finding]:
    """Return what is wrong with a batch's tokens, its renewals and its state."""
    place = log.batch(batch.number)
    try:
        return [
            *_all_token_findings(connection, batch_id, batch, log, trust),
            *_state_findings(connection, batch_id, place),
        ]
    except (TypeError, ValueError) as error:
        return [Finding(kind="token", place=place, text=f"a column does not hold what it must: {error}")]


def _all_token_findings(
    connection: Connection, batch_id: int, batch: StoredBatch, log: LogPlace, trust: SweepTrust
) -> list[Finding]:
    token, chains, record = tables.token, tables.certificate_chain, evidence_record
    query = select(token, chains.c.pem, record.c.renewals, record.c.void)
    query = query.outerjoin(chains, chains.c.sha256 == token.c.chain_sha256)
    query = query.outerjoin(record, record.c.token_id == token.c.id).where(token.c.batch_id == batch_id)
    found = []
    for row in connection.execute(query.order_by(token.c.id)).all():
        flaw = _token_flaw(connection, row, batch, trust)
        if flaw:
            place = f"{log.batch(batch.number)}, token of {row.tsa}"
            found.append(Finding(kind="token", place=place, text=flaw))
    return found


def _token_flaw(connection: Connection, row: Row[Any], batch: StoredBatch, trust: SweepTrust) -> str:
    if row.pem is None or row.renewals is None:
        return "its certificates or the state of its record are missing"
    try:
        chain = certificates_from_pem(row.pem)
        later = renewal_certificates(connection, row.id) if row.renewals else []
        roots = _roots(row.tsa, (*chain, *later), trust)
        token = verify_token(
            row.token, imprint=batch.root, digest_algorithm="sha256", roots=roots, untrusted=chain, now=trust.now
        )
        stored = (row.gen_time, row.serial, row.not_after)
        if stored != (token.gen_time, str(token.serial), token.not_after):
            return "its columns are not what the token says"
        if row.renewals:
            evidence = batch_evidence(connection, row.id)
            if len(evidence.events) != row.renewals:
                return "a renewal of its record is missing"
            data, pool = evidence.statements[0], (*chain, *later)
            verify_record(item_record(evidence, 0), data, roots=roots, untrusted=pool, strict=True, now=trust.now)
    except (EvidenceError, StoreError, RefusedError) as error:
        return str(error)
    return ""


def _roots(tsa: str, chain: tuple[bytes, ...], trust: SweepTrust) -> TrustRoots:
    given = trust.roots.get(tsa)
    own = TrustRoots.from_pem(certificates_to_pem(chain), place="the stored chain")
    if given is None:
        return own
    # Generations of an authority: what was a root when it stamped is believed beside what is one now, if it is kept.
    everything = tuple(dict.fromkeys(root for roots in trust.roots.values() for root in roots.certificates))
    return TrustRoots(everything)


def _state_findings(connection: Connection, batch_id: int, place: str) -> Iterator[Finding]:
    batch = tables.batch
    state = connection.execute(select(batch.c.state).where(batch.c.id == batch_id)).scalar_one_or_none()
    stamps = counted_stamps(connection, batch_id)
    expected = state_of(stamps, failed=state == ProofState.FAILED.value)
    if state is not None and state != expected.value:
        yield Finding(kind="state", place=place, text=f"is called {state}, but its tokens make it {expected.value}")


def orphan_findings(connection: Connection, chain_id: int, log: LogPlace) -> list[Finding]:
    """Return what lies outside of what the chain says, in one state of the store."""
    chain, item, batch, token = tables.chain, tables.item, tables.batch, tables.token
    next_index = connection.execute(select(chain.c.next_index).where(chain.c.id == chain_id)).scalar_one()
    found = [
        Finding(
            kind="inserted",
            place=log.item(index),
            text=f"{uuid}: lies outside of the log, which ends at {next_index}",
        )
        for table in (item, audit)
        for index, uuid in connection.execute(_outside(table, chain_id, next_index))
    ]
    beyond = select(batch.c.number).where(batch.c.chain_id == chain_id, batch.c.last_index >= next_index)
    found += [
        Finding(
            kind="truncated", place=log.batch(number), text=f"proves items past {next_index - 1}, where the log ends"
        )
        for number in connection.execute(beyond.limit(MAX_ORPHANS)).scalars()
    ]
    lost = (
        select(token.c.id, token.c.tsa).outerjoin(batch, batch.c.id == token.c.batch_id).where(batch.c.id.is_(None))
    )
    found += [
        Finding(kind="batch-missing", place=f"token {number} of {tsa}", text="its batch is not there")
        for number, tsa in connection.execute(lost.limit(MAX_ORPHANS))
    ]
    return found


def _outside(table: Table, chain_id: int, next_index: int) -> Select[Any]:
    """Return the query for index and uuid of what has a place that the chain does not have."""
    query = select(table.c.log_index, table.c.uuid).where(table.c.chain_id == chain_id)
    return query.where(or_(table.c.log_index >= next_index, table.c.log_index < 0)).limit(MAX_ORPHANS)
