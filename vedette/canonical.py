"""Canonical JSON (RFC 8785) and SHA-256, the bytes that everything signed or proved is made of."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import rfc8785

from vedette.errors import RefusedError

MAX_SAFE_INTEGER = 2**53 - 1
"""Largest integer that RFC 8785 (I-JSON, RFC 7493) represents exactly."""


def _is_plain(value: Any) -> bool:
    """Tell whether orjson's sorted output is RFC 8785's: ASCII keys, no floats, safe integers.

    The two differ only in the order of non-BMP keys, in number formatting and in what they refuse.
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return bool(-MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER)
    if kind is dict:
        for key, item in value.items():
            # Most values are texts: they need no call of their own.
            if type(key) is not str or not key.isascii() or not (type(item) is str or _is_plain(item)):
                return False
        return True
    return kind is list and all(map(_is_plain, value))


def canonical_json(value: Any) -> bytes:
    """Return the RFC 8785 canonical JSON of a JSON value.

    Raises:
        RefusedError: the value holds what canonical JSON cannot: NaN, an integer past 2^53 - 1, a
            lone surrogate, a key that is not a string.
    """
    try:
        if _is_plain(value):
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, orjson.JSONEncodeError, ValueError, RecursionError) as error:
        raise RefusedError("json", f"not representable as canonical JSON (RFC 8785): {error}") from error


def parse_json(text: str | bytes) -> Any:
    """Return the value of strict JSON (RFC 8259; orjson: no NaN, no lone surrogates, bounded depth).

    Raises:
        RefusedError: it is not JSON; the reason has the position.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RefusedError("json", f"not JSON: {error}") from error


def sha256(data: bytes) -> bytes:
    """Return the 32 bytes of SHA-256."""
    return hashlib.sha256(data).digest()


def sha256_hex(data: bytes) -> str:
    """Return SHA-256 as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
