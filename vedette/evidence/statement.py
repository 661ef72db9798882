"""Statements: the canonical bytes about an item, an audit entry or a batch that get hashed and proved.

A statement is RFC 8785 canonical JSON of a fixed set of fields, written at commit, kept as bytes and never
serialised again. Reading one back is strict, and that strictness is part of the proof: RFC 4998 hashes data and
inner nodes alike, so only the rule "data is a statement" keeps two joined hashes from passing as a document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from vedette.canonical import MAX_SAFE_INTEGER, canonical_json, sha256
from vedette.errors import EvidenceError, RefusedError
from vedette.evidence.statement_fields import (
    BATCH_FIELDS,
    ITEM_FIELDS,
    STATEMENT_VERSION,
    canonical,
    check_fields,
    read_fields,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is proved about one item or audit entry."""

    kind: str
    """`item` or `audit`."""
    uuid: str
    """Identity of the item."""
    meta: Mapping[str, Any]
    """The item's whole meta, unknown fields included."""
    meta_json: bytes
    """The same as canonical JSON, for `item_digest`."""
    payload_sha256: str
    """SHA-256 of the raw decoded payload, hexadecimal."""
    size: int
    """Bytes of the raw decoded payload."""
    received_at: int
    """Microseconds since 1970 at the engine."""
    engine: str
    """Bare JID of the engine whose log this is in."""
    epoch: str
    """Epoch of that log."""
    log_index: int
    """Gapless position in that log."""
    manifest_sha256: str
    """SHA-256 of the signed manifest it came with, hexadecimal; empty for an unsigned item."""
    salt: str
    """16 random bytes, hexadecimal: a short item cannot be guessed from its leaf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStatement:
    """What binds a batch to its neighbours; it is one more leaf of the batch's own tree."""

    engine: str
    """Bare JID of the engine."""
    epoch: str
    """Epoch of its log."""
    number: int
    """Number of the batch within the epoch."""
    count: int
    """Items in the batch, this leaf not counted."""
    first_log_index: int
    """Lowest `log_index` in it."""
    last_log_index: int
    """Highest `log_index` in it."""
    previous_root: str
    """Root of the batch before, hexadecimal; empty for the first of an epoch."""


def item_statement(
    *,
    meta_json: bytes,
    uuid: str,
    payload_sha256: str,
    size: int,
    received_at: int,
    engine: str,
    epoch: str,
    log_index: int,
    manifest_sha256: str,
    salt: str,
) -> bytes:
    """Return the statement of an item as canonical JSON (RFC 8785).

    `meta_json` is canonical JSON already and goes in as it is; times are microseconds since 1970.

    Raises:
        EvidenceError: a number is past 2^53 - 1, or a text has a lone surrogate.
    """
    return _joined(
        kind=b"item",
        meta_json=meta_json,
        uuid=uuid,
        payload_sha256=payload_sha256,
        size=size,
        received_at=received_at,
        engine=engine,
        epoch=epoch,
        log_index=log_index,
        manifest_sha256=manifest_sha256,
        salt=salt,
    )


def audit_statement(
    *,
    meta_json: bytes,
    uuid: str,
    payload_sha256: str,
    size: int,
    received_at: int,
    engine: str,
    epoch: str,
    log_index: int,
    manifest_sha256: str,
    salt: str,
) -> bytes:
    """Return the statement of an audit entry: as `item_statement`, with `kind` audit.

    Raises:
        EvidenceError: a number is past 2^53 - 1, or a text has a lone surrogate.
    """
    return _joined(
        kind=b"audit",
        meta_json=meta_json,
        uuid=uuid,
        payload_sha256=payload_sha256,
        size=size,
        received_at=received_at,
        engine=engine,
        epoch=epoch,
        log_index=log_index,
        manifest_sha256=manifest_sha256,
        salt=salt,
    )


def _joined(
    *,
    kind: bytes,
    meta_json: bytes,
    uuid: str,
    payload_sha256: str,
    size: int,
    received_at: int,
    engine: str,
    epoch: str,
    log_index: int,
    manifest_sha256: str,
    salt: str,
) -> bytes:
    """Join the fields in the order of RFC 8785 section 3.2.3; orjson writes a string as section 3.2.2.2 asks."""
    if not (
        0 <= size <= MAX_SAFE_INTEGER
        and 0 <= log_index <= MAX_SAFE_INTEGER
        and -MAX_SAFE_INTEGER <= received_at <= MAX_SAFE_INTEGER
    ):
        raise EvidenceError("statement: size, log_index and received_at must fit into 53 bits")
    text = orjson.dumps
    try:
        return (
            b'{"engine":%b,"epoch":%b,"kind":"%b","log_index":%d,"manifest_sha256":"%b","meta":%b,'
            b'"payload_sha256":"%b","received_at":%d,"salt":"%b","size":%d,"uuid":%b,"v":1}'
        ) % (
            text(engine),
            text(epoch),
            kind,
            log_index,
            manifest_sha256.encode(),
            meta_json,
            payload_sha256.encode(),
            received_at,
            salt.encode(),
            size,
            text(uuid),
        )
    except (orjson.JSONEncodeError, UnicodeEncodeError) as error:
        raise EvidenceError(f"statement: a text cannot be written as JSON: {error}") from error


def batch_statement(
    *,
    engine: str,
    epoch: str,
    number: int,
    count: int,
    first_log_index: int,
    last_log_index: int,
    previous_root: str,
) -> bytes:
    """Return the statement of a batch as canonical JSON; its leaf is the batch leaf.

    Raises:
        EvidenceError: a value cannot be written as canonical JSON.
    """
    fields = {
        "count": count,
        "engine": engine,
        "epoch": epoch,
        "first_log_index": first_log_index,
        "kind": "batch",
        "last_log_index": last_log_index,
        "number": number,
        "previous_root": previous_root,
        "v": STATEMENT_VERSION,
    }
    try:
        return canonical_json(fields)
    except RefusedError as error:
        raise EvidenceError(f"batch statement: {error.reason}") from error


def leaf(statement: bytes) -> bytes:
    """Return the leaf of a statement: SHA-256 over its bytes."""
    return sha256(statement)


def read_statement(data: bytes) -> Statement:
    """Return the statement of an item or audit entry.

    Raises:
        EvidenceError: not the canonical bytes of exactly these fields with the right types, or another kind.
    """
    value = read_fields(data)
    if value.get("kind") not in ("item", "audit"):
        raise EvidenceError("statement: kind must be item or audit")
    check_fields(value, ITEM_FIELDS)
    rest = {name: item for name, item in value.items() if name != "v"}
    return Statement(**rest, meta_json=canonical(value["meta"]))


def read_batch_statement(data: bytes) -> BatchStatement:
    """Return the statement of a batch.

    Raises:
        EvidenceError: not the canonical bytes of exactly these fields with the right types, or another kind.
    """
    value = read_fields(data)
    if value.get("kind") != "batch":
        raise EvidenceError("batch statement: kind must be batch")
    check_fields(value, BATCH_FIELDS)
    if value["first_log_index"] > value["last_log_index"]:
        raise EvidenceError("batch statement: first_log_index is past last_log_index")
    return BatchStatement(**{name: item for name, item in value.items() if name not in ("v", "kind")})


def read_any_statement(data: bytes) -> Statement | BatchStatement:
    """Return the statement of whichever kind it is.

    Raises:
        EvidenceError: it is no statement that this release knows.
    """
    if read_fields(data).get("kind") == "batch":
        return read_batch_statement(data)
    return read_statement(data)
