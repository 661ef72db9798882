"""Canonical JSON: the fast path must be RFC 8785's bytes, the slow one covers the rest."""

from __future__ import annotations

import math

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from vedette.canonical import MAX_SAFE_INTEGER, canonical_json, parse_json
from vedette.errors import RefusedError

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)
_KEYS = st.text(st.characters(exclude_categories=["Cs"]))
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner), max_leaves=20)


@given(_VALUES)
def test_any_value_is_canonical_as_the_reference_says(value: object) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


def _reads_back(value: object) -> bool:
    """Doubles past 2^53 are written as integers (RFC 8785 section 3.2.2.3) that I-JSON does not allow."""
    if isinstance(value, float):
        return not MAX_SAFE_INTEGER < abs(value) < 1e21
    if isinstance(value, dict):
        return all(map(_reads_back, value.values()))
    return all(map(_reads_back, value)) if isinstance(value, list) else True


@given(_VALUES.filter(_reads_back))
def test_reading_canonical_json_gives_the_same_bytes_again(value: object) -> None:
    data = canonical_json(value)
    assert canonical_json(parse_json(data)) == data


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53, -(2**53), "\ud800", {1: "key"}, {"a": object()}])
def test_what_canonical_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(RefusedError, match="RFC 8785"):
        canonical_json(value)


@pytest.mark.parametrize("text", ["", "{", "NaN", '{"a": 1,}', "[" * 100_000, '"\\ud800"', b"\xff"])
def test_what_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(RefusedError, match="not JSON"):
        parse_json(text)
