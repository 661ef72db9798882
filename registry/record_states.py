"""How each evidence record stands: what its newest token rests on, and whether its time-stamp still counts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from registry import tables
from registry.evidence_tables import evidence_record
from registry.proof_state import ProofState, Stamp, state_of
from vedette.canonical import sha256_hex
from vedette.evidence.algorithm_lifetimes import algorithms_under
from vedette.evidence.bundle_contents import certificates_from_pem


def store_certificates(connection: Connection, pem: bytes) -> str:
    """Store a chain's certificates unless they are there; returns their SHA-256, hexadecimal."""
    table, key = tables.certificate_chain, sha256_hex(pem)
    if connection.execute(select(table.c.sha256).where(table.c.sha256 == key)).one_or_none() is None:
        connection.execute(insert(table).values(sha256=key, pem=pem))
    return key


def open_record(connection: Connection, token_id: int, token: dict[str, Any], pem: bytes) -> None:
    """Begin the record of a new token; `token` is its row, `pem` its chain.

    Raises:
        EvidenceError: the token or a certificate cannot be read.
    """
    row = {name: token[name] for name in ("tsa", "external", "not_after", "chain_sha256")}
    algorithms = algorithms_under(token["token"], certificates_from_pem(pem))
    values = {"token_id": token_id, "digest": "sha256", "algorithms": ",".join(algorithms), "renewals": 0, "void": ""}
    connection.execute(insert(evidence_record).values(row | values))


def counted_stamps(connection: Connection, batch_id: int) -> list[Stamp]:
    """Return what counts of a batch's tokens; those that are void do not count."""
    table, record = tables.token, evidence_record
    query = select(table.c.tsa, table.c.external, table.c.gen_time, table.c.obtained_at)
    query = query.join(record, record.c.token_id == table.c.id).where(record.c.void == "")
    return [Stamp(**row._mapping) for row in connection.execute(query.where(table.c.batch_id == batch_id))]


def void_reason(connection: Connection, batch_id: int) -> str:
    """Return which of a batch's time-stamps count no more and why; empty where all count."""
    table, record = tables.token, evidence_record
    query = select(table.c.tsa, record.c.void).join(record, record.c.token_id == table.c.id)
    rows = connection.execute(query.where(table.c.batch_id == batch_id, record.c.void != "").order_by(table.c.id))
    return "; ".join(f"the time-stamp of {tsa} is void: {void}" for tsa, void in rows)


def settle_state(connection: Connection, batch_id: int) -> ProofState:
    """Set a batch's state to what its tokens that count make it, and return it.

    A batch of which no token counts any more has failed: `retry_failed` lets other authorities stamp it anew.
    """
    reason = void_reason(connection, batch_id)
    state = state_of(counted_stamps(connection, batch_id), failed=bool(reason))
    values = {"state": state.value, "reason": reason}
    connection.execute(update(tables.batch).where(tables.batch.c.id == batch_id).values(values))
    return state
