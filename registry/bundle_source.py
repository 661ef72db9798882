"""What the store knows about the proof of one item or audit entry, put together for a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from registry import tables
from registry.audit_tables import audit
from registry.batches import batch_tree
from registry.evidence_tables import evidence_record
from registry.log import facts_of
from registry.payload_rows import inline_payload
from registry.proof_state import ProofState
from registry.records import batch_evidence, renewal_certificates
from registry.retention_rows import deletion_of
from registry.revocation_lists import kept_lists
from vedette.canonical import sha256_hex
from vedette.errors import EvidenceError, RefusedError, StoreError
from vedette.evidence.audit_entry import AUDIT_FORMAT, audit_payload
from vedette.evidence.bundle_contents import BundleContents, BundleToken, certificates_from_pem
from vedette.evidence.deletion import Deletion
from vedette.evidence.renewal_history import item_record
from vedette.evidence.statement import read_statement
from vedette.messages.batch import Signed
from vedette.signing import VerifyingKey


def bundle_contents(connection: Connection, uuid: str) -> BundleContents:
    """Return all that a bundle of this item is made of.

    Raises:
        EvidenceError: there is no such item, or it has no token yet; says which.
        StoreError: what is stored does not fit together.
    """
    return _contents(connection, _item(connection, uuid))


def audit_bundle_contents(connection: Connection, number: int) -> BundleContents:
    """Return all that a bundle of the audit entry of this number is made of.

    Raises:
        EvidenceError: there is no such entry, it is damaged, or it has no token yet; says which.
        StoreError: what is stored does not fit together.
    """
    return _contents(connection, _audit(connection, number))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Logged:
    """An item or audit entry in its chain."""

    chain_id: int
    log_index: int
    payload: bytes | None
    statement: bytes
    manifest_sha256: str | None
    agent: str
    format: str
    deletion: Deletion | None = None


def _contents(connection: Connection, item: _Logged) -> BundleContents:
    batch = _batch(connection, item)
    tree = batch_tree(connection, item.chain_id, batch.first_index, batch.last_index, batch.statement)
    if tree.root != batch.root:
        raise StoreError(f"batch {batch.number}: the stored items do not lead to its root: the store is damaged")
    tokens, chain, crls = _proofs(connection, batch, item.log_index - batch.first_index)
    manifest, key = _manifest(connection, item)
    return BundleContents(
        payload=item.payload,
        statement=item.statement,
        manifest=manifest,
        agent_key_pem=key,
        batch_statement=batch.statement,
        path=tree.path(item.log_index - batch.first_index),
        batch_path=tree.path(batch.last_index - batch.first_index + 1),
        tokens=tokens,
        format=item.format,
        chain=chain,
        crls=crls,
        deletion=item.deletion,
    )


def _item(connection: Connection, uuid: str) -> _Logged:
    table = tables.item
    names = ("chain_id", "log_index", "agent", "statement", "manifest_sha256", "format")
    columns = [table.c.payload_sha256, inline_payload(), *(table.c[name] for name in names)]
    row = connection.execute(select(*columns).where(table.c.uuid == uuid)).mappings().one_or_none()
    if row is None:
        raise EvidenceError(f"{uuid}: there is no such item in the store")
    deletion = deletion_of(connection, uuid, row["payload_sha256"]) if row["payload"] is None else None
    return _Logged(**{name: row[name] for name in (*names, "payload")}, deletion=deletion)


def _audit(connection: Connection, number: int) -> _Logged:
    row = connection.execute(select(audit).where(audit.c.id == number)).mappings().one_or_none()
    if row is None:
        raise EvidenceError(f"{number}: there is no such audit entry in the store; see: vedette audit list")
    if row["statement"] is None:
        raise EvidenceError(
            f"audit entry {number} is pending: no engine has logged it yet; try again in some seconds"
        )
    payload = audit_payload(facts_of(row))
    if sha256_hex(payload) != read_statement(row["statement"]).payload_sha256:
        raise StoreError(f"audit entry {number}: is not what was logged: the store is damaged; restore a backup")
    return _Logged(
        chain_id=row["chain_id"],
        log_index=row["log_index"],
        payload=payload,
        statement=row["statement"],
        manifest_sha256=None,
        agent="",
        format=AUDIT_FORMAT,
    )


def _batch(connection: Connection, item: _Logged) -> Row[Any]:
    table = tables.batch
    query = select(table).where(table.c.chain_id == item.chain_id, table.c.last_index >= item.log_index)
    row = connection.execute(query.order_by(table.c.last_index).limit(1)).one_or_none()
    if row is None:
        raise EvidenceError("the item is pending: its batch is not closed yet; try again in some seconds")
    return row


def _proofs(
    connection: Connection, batch: Row[Any], place: int
) -> tuple[list[BundleToken], list[bytes], dict[str, bytes]]:
    """Return the tokens that count, in the order in which they came, all their certificates, and the lists kept."""
    table, record = tables.token, evidence_record
    query = select(table, record.c.renewals).join(record, record.c.token_id == table.c.id).where(record.c.void == "")
    rows = connection.execute(query.where(table.c.batch_id == batch.id).order_by(table.c.id)).all()
    if not rows and batch.state == ProofState.FAILED.value:
        raise EvidenceError(f"the item has no time-stamp: {batch.reason}")
    if not rows:
        raise EvidenceError("the item is pending: no authority has stamped its batch yet; try again later")
    tokens = [_token(connection, row, place) for row in rows]
    chains = {row.id: _certificates(connection, row) for row in rows}
    certificates = dict.fromkeys(certificate for chain in chains.values() for certificate in chain)
    crls = kept_lists(connection, [row.id for row in rows])
    return tokens, list(certificates), crls


def _token(connection: Connection, row: Row[Any], place: int) -> BundleToken:
    renewed = item_record(batch_evidence(connection, row.id), place) if row.renewals else None
    return BundleToken(name=row.tsa, external=row.external, token=row.token, gen_time=row.gen_time, record=renewed)


def _certificates(connection: Connection, row: Row[Any]) -> list[bytes]:
    chains = tables.certificate_chain
    pem = connection.execute(select(chains.c.pem).where(chains.c.sha256 == row.chain_sha256)).scalar_one()
    return [*certificates_from_pem(pem), *renewal_certificates(connection, row.id)]


def _manifest(connection: Connection, item: _Logged) -> tuple[Signed | None, bytes | None]:
    """Return the signed manifest with the key of its agent as PEM; nothing for an unsigned item."""
    if item.manifest_sha256 is None:
        return None, None
    table = tables.delivery
    row = connection.execute(select(table).where(table.c.sha256 == item.manifest_sha256)).one()
    if row.public_key is None:
        raise StoreError(f"manifest {row.sha256}: the key of {row.agent} was not enrolled when it came")
    try:
        key = VerifyingKey.from_text(row.public_key)
    except RefusedError as error:
        raise StoreError(f"manifest {row.sha256}: the stored key of {row.agent} is damaged") from error
    return Signed(text=row.text, signature=row.signature), key.pem
