"""What is stored of a batch's evidence records, put together: statements, token, renewals."""

from __future__ import annotations

from sqlalchemy import Connection, select

from registry import tables
from registry.evidence_tables import renewal, renewal_path, renewed_payloads
from registry.log import read_statements
from vedette.errors import StoreError
from vedette.evidence.bundle_contents import certificates_from_pem
from vedette.evidence.hashtree import HashTree, digest_function
from vedette.evidence.renewal_history import BatchEvidence, RenewalEvent, decode_path
from vedette.evidence.renewal_policy import RenewalKind
from vedette.evidence.statement import leaf


def batch_evidence(connection: Connection, token_id: int) -> BatchEvidence:
    """Return what the records of a token's batch are made of.

    Raises:
        EvidenceError: a stored path is damaged.
        StoreError: there is no such token, or items are missing.
    """
    token, batch = tables.token, tables.batch
    query = select(token.c.token, batch, batch.c["count"].label("size"))
    query = query.join(batch, batch.c.id == token.c.batch_id).where(token.c.id == token_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise StoreError(f"token {token_id}: is not in the store, or its batch is not")
    held = read_statements(connection, row.chain_id, row.first_index, row.last_index)
    statements = [statement for _, statement in held]
    if len(statements) != row.size:
        raise StoreError(f"batch {row.number}: items are missing: the store is damaged; restore a backup")
    if HashTree([leaf(data) for data in (*statements, row.statement)]).root != row.root:
        # Renewing it would put a fresh time-stamp on what was changed.
        raise StoreError(f"batch {row.number}: the items do not lead to its root: the store is damaged")
    return BatchEvidence(
        statements=statements,
        batch_statement=row.statement,
        token=row.token,
        events=renewal_events(connection, token_id=token_id, batch_id=row.id),
    )


def renewal_events(connection: Connection, *, token_id: int, batch_id: int) -> list[RenewalEvent]:
    """Return a record's renewals, oldest first.

    Raises:
        EvidenceError: a stored path is damaged.
    """
    query = select(renewal.c.kind, renewal.c.digest, renewal.c.token, renewal_path.c.path)
    query = query.join(renewal, renewal.c.id == renewal_path.c.renewal_id)
    rows = connection.execute(query.where(renewal_path.c.token_id == token_id).order_by(renewal_path.c.position))
    return [
        RenewalEvent(
            digest=row.digest,
            path=decode_path(row.path, digest=row.digest),
            token=row.token,
            payloads=payload_hashes(connection, batch_id, row.digest) if row.kind == RenewalKind.HASHTREE else None,
        )
        for row in rows.all()
    ]


def payload_hashes(connection: Connection, batch_id: int, digest: str) -> list[bytes] | None:
    """Return the payloads' hashes that a hash-tree renewal of this batch bound; None where there was none."""
    query = select(renewed_payloads.c.hashes)
    query = query.where(renewed_payloads.c.batch_id == batch_id, renewed_payloads.c.digest == digest)
    data = connection.execute(query).scalar_one_or_none()
    if data is None:
        return None
    size = digest_function(digest)(b"").digest_size
    return [data[start : start + size] for start in range(0, len(data), size)]


def renewal_certificates(connection: Connection, token_id: int) -> list[bytes]:
    """Return the certificates (DER) that a record's renewals were verified with."""
    chains = tables.certificate_chain
    query = select(chains.c.pem).join(renewal, renewal.c.chain_sha256 == chains.c.sha256)
    query = query.join(renewal_path, renewal_path.c.renewal_id == renewal.c.id)
    rows = connection.execute(query.where(renewal_path.c.token_id == token_id).order_by(renewal_path.c.position))
    return [certificate for pem in rows.scalars() for certificate in certificates_from_pem(pem)]
