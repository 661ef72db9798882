"""An audit entry as evidence: canonical JSON, which is its statement's meta and, the same bytes, its payload.

So the statement says by itself who did what, and the payload is bound like an item's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from vedette.canonical import canonical_json, sha256_hex
from vedette.errors import EvidenceError, RefusedError
from vedette.evidence.statement import Statement, audit_statement

AUDIT_FORMAT = "audit"
"""What a bundle calls the format of the payload; also `meta.type`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditFacts:
    """Who did what to what, when and from where."""

    uuid: str
    """Random identity of the entry."""
    at: int
    """Microseconds since 1970 by the clock of who wrote it down."""
    who: str
    """Who did it."""
    action: str
    """What was done, dotted words."""
    object: str
    """What it was done to."""
    origin: str
    """Where from."""
    detail: str
    """Why, or what changed; often empty."""


_NAMES = frozenset(AuditFacts.__dataclass_fields__)


def _check_types(meta: Mapping[str, Any]) -> None:
    wrong = sorted(name for name in _NAMES if type(meta[name]) is not (int if name == "at" else str))
    if wrong:
        raise EvidenceError(f"audit entry: {', '.join(wrong)} has a wrong type")


def audit_payload(facts: AuditFacts) -> bytes:
    """Return the entry as canonical JSON.

    Raises:
        EvidenceError: a value cannot be written as canonical JSON.
    """
    meta = asdict(facts)
    _check_types(meta)
    try:
        return canonical_json(meta | {"type": AUDIT_FORMAT})
    except RefusedError as error:
        raise EvidenceError(f"audit entry: {error.reason}") from error


def state_audit(facts: AuditFacts, *, received_at: int, engine: str, epoch: str, log_index: int, salt: str) -> bytes:
    """Return the entry's statement: nobody's manifest lists it, the engine logs it on its own account.

    Raises:
        EvidenceError: a value cannot be written as canonical JSON.
    """
    payload = audit_payload(facts)
    return audit_statement(
        meta_json=payload,
        uuid=facts.uuid,
        payload_sha256=sha256_hex(payload),
        size=len(payload),
        received_at=received_at,
        engine=engine,
        epoch=epoch,
        log_index=log_index,
        manifest_sha256="",
        salt=salt,
    )


def read_audit(statement: Statement) -> AuditFacts:
    """Return what a statement of kind `audit` says.

    Raises:
        EvidenceError: it is of another kind, its meta is not exactly such an entry, or it is not its own payload.
    """
    meta = statement.meta
    if statement.kind != "audit" or meta.get("type") != AUDIT_FORMAT or meta.keys() - {"type"} != _NAMES:
        raise EvidenceError("statement: is not the one of an audit entry")
    _check_types(meta)
    if meta["uuid"] != statement.uuid or statement.manifest_sha256:
        raise EvidenceError("statement: the audit entry is of another uuid, or names a manifest")
    if (statement.payload_sha256, statement.size) != (sha256_hex(statement.meta_json), len(statement.meta_json)):
        raise EvidenceError("statement: the payload of an audit entry must be its meta")
    return AuditFacts(**{name: meta[name] for name in _NAMES})
