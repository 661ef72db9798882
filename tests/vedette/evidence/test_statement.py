"""Statements: joined bytes are canonical JSON, and nothing else reads as a statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.canonical import canonical_json, sha256
from vedette.errors import EvidenceError
from vedette.evidence.statement import (
    BatchStatement,
    Statement,
    audit_statement,
    batch_statement,
    item_statement,
    leaf,
    read_any_statement,
    read_batch_statement,
    read_statement,
)

HEX = "0123456789abcdef"
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
SAFE = st.integers(-(2**53) + 1, 2**53 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | SAFE | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.fixed_dictionaries(
    {
        "meta": st.dictionaries(TEXT, JSON, max_size=5),
        "uuid": TEXT.filter(bool),
        "payload_sha256": st.text(HEX, min_size=64, max_size=64),
        "size": st.integers(0, 2**53 - 1),
        "received_at": SAFE,
        "engine": TEXT.filter(bool),
        "epoch": TEXT.filter(bool),
        "log_index": st.integers(0, 2**53 - 1),
        "manifest_sha256": st.just("") | st.text(HEX, min_size=64, max_size=64),
        "salt": st.text(HEX, min_size=32, max_size=32),
    }
)


def joined(make: Callable[..., bytes], fields: dict[str, Any]) -> bytes:
    rest = {name: value for name, value in fields.items() if name != "meta"}
    return make(meta_json=canonical_json(fields["meta"]), **rest)


def sample(**changes: Any) -> dict[str, Any]:
    fields = {
        "v": 1,
        "kind": "item",
        "meta": {"uuid": "u"},
        "uuid": "u",
        "payload_sha256": "a" * 64,
        "size": 3,
        "received_at": 5,
        "engine": "engine@localhost",
        "epoch": "e1",
        "log_index": 0,
        "manifest_sha256": "",
        "salt": "0" * 32,
    }
    return {**fields, **changes}


@settings(max_examples=200, deadline=None)
@given(FIELDS)
def test_joined_bytes_are_the_canonical_json_of_the_fields(fields: dict[str, Any]) -> None:
    for kind, make in (("item", item_statement), ("audit", audit_statement)):
        statement = joined(make, fields)
        assert statement == canonical_json({"v": 1, "kind": kind, **fields})


@settings(max_examples=200, deadline=None)
@given(FIELDS)
def test_what_was_written_reads_back(fields: dict[str, Any]) -> None:
    read = read_statement(joined(item_statement, fields))
    assert read.meta_json == canonical_json(fields["meta"])
    assert (read.kind, read.uuid, read.log_index) == ("item", fields["uuid"], fields["log_index"])
    assert (read.size, read.received_at, read.salt) == (fields["size"], fields["received_at"], fields["salt"])


def test_a_whole_double_past_2_to_the_53_reads_back() -> None:
    statement = joined(
        item_statement, {key: value for key, value in sample(meta={"x": 1e16}).items() if key not in ("v", "kind")}
    )
    assert read_statement(statement).meta_json == b'{"x":10000000000000000}'


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"kind": "batch"},
        {"kind": "other"},
        {"uuid": ""},
        {"uuid": 1},
        {"meta": []},
        {"payload_sha256": "A" * 64},
        {"payload_sha256": "a" * 63},
        {"payload_sha256": ""},
        {"size": -1},
        {"size": True},
        {"size": 1.5},
        {"received_at": "5"},
        {"engine": None},
        {"epoch": ""},
        {"log_index": -1},
        {"manifest_sha256": None},
        {"salt": "0" * 31},
        {"extra": 1},
    ],
)
def test_a_wrong_field_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError):
        read_statement(canonical_json(sample(**change)))


@pytest.mark.parametrize("name", sorted(sample()))
def test_a_missing_field_is_refused(name: str) -> None:
    fields = sample()
    del fields[name]
    with pytest.raises(EvidenceError):
        read_statement(canonical_json(fields))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        sha256(b"a") + sha256(b"b"),
        canonical_json(sample()) + b"\n",
        b" " + canonical_json(sample()),
        orjson.dumps(sample()),
        canonical_json(sample()).replace(b'"v":1', b'"v":1.0'),
        canonical_json(sample()).replace(b'"v":1}', b'"v":1,"v":1}'),
        canonical_json(sample(meta={"a": "\u00e9"})).replace("\u00e9".encode(), b"\\u00e9"),
        canonical_json(sample(meta={"a": 1})).replace(b'{"a":1}', b'{"a":90071992547409931}'),
        b"[" * 200_000,
        b" " * (1024 * 1024 + 1),
    ],
)
def test_bytes_that_are_not_canonical_are_refused(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        read_any_statement(data)


def test_numbers_past_53_bits_and_lone_surrogates_are_refused_when_writing() -> None:
    fields = {name: value for name, value in sample().items() if name not in ("v", "kind")}
    for change in (
        {"log_index": 2**53},
        {"size": -1},
        {"received_at": 2**53},
        {"engine": "\ud800"},
        {"salt": "\ud800"},
    ):
        with pytest.raises(EvidenceError):
            joined(item_statement, {**fields, **change})


def test_a_batch_statement_reads_back_and_is_no_item() -> None:
    data = batch_statement(
        engine="e@h", epoch="1", number=2, count=3, first_log_index=4, last_log_index=6, previous_root=""
    )
    read = read_batch_statement(data)
    assert read == read_any_statement(data)
    assert isinstance(read, BatchStatement)
    assert (read.number, read.count, read.first_log_index, read.last_log_index) == (2, 3, 4, 6)
    with pytest.raises(EvidenceError):
        read_statement(data)
    with pytest.raises(EvidenceError):
        read_batch_statement(canonical_json(sample()))
    assert isinstance(read_any_statement(canonical_json(sample())), Statement)
    assert leaf(data) == sha256(data)


@pytest.mark.parametrize("change", [{"count": -1}, {"first_log_index": 9}, {"previous_root": "x"}, {"engine": ""}])
def test_a_wrong_batch_field_is_refused(change: dict[str, Any]) -> None:
    fields = {
        "engine": "e@h",
        "epoch": "1",
        "number": 2,
        "count": 3,
        "first_log_index": 4,
        "last_log_index": 6,
        "previous_root": "",
    }
    with pytest.raises(EvidenceError):
        read_batch_statement(batch_statement(**{**fields, **change}))
