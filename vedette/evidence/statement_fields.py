"""What a statement's bytes must be: canonical JSON of exactly the fields of its kind, each of its type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from vedette.canonical import MAX_SAFE_INTEGER, canonical_json
from vedette.errors import EvidenceError, RefusedError

STATEMENT_VERSION = 1
"""The version of the statement form that this release writes and reads."""

MAX_STATEMENT = 1024 * 1024
"""Bytes of a statement that is read; meta is limited to far less."""

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_SALT = re.compile(r"[0-9a-f]{32}\Z")


def read_fields(data: bytes) -> dict[str, Any]:
    """Return the fields of canonical JSON bytes, whose canonical form must be these very bytes.

    Raises:
        EvidenceError: too large, not a JSON object, or not in canonical form.
    """
    if len(data) > MAX_STATEMENT:
        raise EvidenceError(f"statement: is {len(data)} bytes; the limit is {MAX_STATEMENT}")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise EvidenceError("statement: is not JSON, so it cannot be a statement") from error
    if not isinstance(value, dict):
        raise EvidenceError("statement: is not a JSON object")
    if canonical(value) != data:
        raise EvidenceError("statement: is not in canonical form (RFC 8785)")
    return value


def canonical(value: Any) -> bytes:
    """Return the canonical JSON; a whole number past 2^53 in it was written as a double (RFC 8785 section 3.2.2.3).

    Raises:
        EvidenceError: it holds what canonical JSON cannot.
    """
    try:
        return canonical_json(value)
    except RefusedError:
        try:
            return canonical_json(_with_doubles(value))
        except (RefusedError, RecursionError, OverflowError) as error:
            raise EvidenceError("statement: holds what canonical JSON cannot") from error


def _with_doubles(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_doubles(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_doubles(item) for item in value]
    if isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER:
        return float(value)
    return value


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_SAFE_INTEGER


def _is_instant(value: Any) -> bool:
    return type(value) is int and abs(value) <= MAX_SAFE_INTEGER


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _DIGEST.match(value) is not None


def _is_digest_or_empty(value: Any) -> bool:
    return value == "" or _is_digest(value)


def _is_salt(value: Any) -> bool:
    return isinstance(value, str) and _SALT.match(value) is not None


Fields = Mapping[str, Callable[[Any], bool]]
"""Names of fields, and what tells whether a value may stand there."""

_COMMON: Fields = {
    "v": lambda value: type(value) is int and value == STATEMENT_VERSION,
    "kind": _is_name,
    "engine": _is_name,
    "epoch": _is_name,
}
ITEM_FIELDS: Fields = {
    **_COMMON,
    "uuid": _is_name,
    "meta": lambda value: isinstance(value, dict),
    "payload_sha256": _is_digest,
    "size": _is_count,
    "received_at": _is_instant,
    "log_index": _is_count,
    "manifest_sha256": _is_digest_or_empty,
    "salt": _is_salt,
}
"""Fields of an item's or audit entry's statement."""

BATCH_FIELDS: Fields = {
    **_COMMON,
    "number": _is_count,
    "count": _is_count,
    "first_log_index": _is_count,
    "last_log_index": _is_count,
    "previous_root": _is_digest_or_empty,
}
"""Fields of a batch's statement."""


def check_fields(value: Mapping[str, Any], fields: Fields) -> None:
    """Demand exactly these fields, each of its type.

    Raises:
        EvidenceError: names the fields that are missing, unknown or wrong.
    """
    if value.keys() != fields.keys():
        wrong = ", ".join(sorted(str(name)[:64] for name in value.keys() ^ fields.keys()))
        raise EvidenceError(f"statement: missing or unknown fields: {wrong}")
    for name, is_right in fields.items():
        if not is_right(value[name]):
            raise EvidenceError(f"statement: {name} has a wrong type or value")
