"""Entries of JSON documents: where they stand, and what ends a document early."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.extraction.entries import Entry
from vedette.extraction.interface import ExtractionError
from vedette.extraction.json_entries import json_entries, json_members


def _read(content: bytes) -> tuple[list[Entry[Any]], str]:
    found = []
    try:
        for entry in json_entries(content, arrays={"data"}):
            found.append(entry)
    except ExtractionError as error:
        return found, str(error)
    return found, ""


def test_elements_know_their_bytes() -> None:
    content = '\n{"a": [1, {"b": "]}"}], "data" : [ {"id": "ä"} ,\t[2], "x",3.5 ], "end": null } '.encode()
    found, reason = _read(content)
    assert not reason
    assert [entry.value for entry in found] == [{"id": "ä"}, [2], "x", 3.5]
    assert [content[entry.start : entry.end] for entry in found] == [b'{"id": "\xc3\xa4"}', b"[2]", b'"x"', b"3.5"]


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b"[]", []),
        (b'{"data": []}', []),
        (b"[1, 2]", [1, 2]),
        (b'{"id": 1}', [{"id": 1}]),
        (b'{"data": {"id": 1}}', [{"data": {"id": 1}}]),
        (b'{"id": 1}\n{"id": 2}\r\n\n{"data": [3]}', [{"id": 1}, {"id": 2}, 3]),
        (b"\xef\xbb\xbf[1]", [1]),
        (b"{}", [{}]),
    ],
)
def test_all_forms_are_read(content: bytes, values: list[object]) -> None:
    found, reason = _read(content)
    assert not reason
    assert [entry.value for entry in found] == values


@pytest.mark.parametrize(
    ("content", "values", "reason"),
    [
        (b"", [], "is empty"),
        (b"id,name", [], "at byte 0: an object or an array is expected"),
        (b"[1,2 ", [1, 2], "at byte 5: it ends there"),
        (b"[1, 2} ", [1, 2], "at byte 5: , is expected"),
        (b'{"data": [{"id": 1}, {"id": ', [{"id": 1}], "at byte 21: no value"),
        (b'{"data": [1]', [1], "it ends there"),
        (b"{1: 2}", [], "a name in quotes"),
        (b'{"a" 1}', [], ": is expected"),
        (b"[NaN, 1]", [None, 1], "1 values are not quite JSON; the first at byte 1: "),
        (b'[1, {"a": "x\xffy"}, {"b": "\xc3\xa4"}]', [1, {"a": "x\ufffdy"}, {"b": "ä"}], "the first at byte 4: "),
        (b'[[Infinity], "\\ud800", 3]', [None, None, 3], "2 values are not quite JSON; the first at byte 1: "),
        (b'{"a": NaN}\n{"a": 1}', [None, {"a": 1}], "the first at byte 0: "),
        (b"[" + b"[" * 100_000, [], "no"),
        (b'[{"n": ' + b"9" * 5_000 + b"}]", [None], "at byte 1"),
    ],
)
def test_what_cannot_be_read_is_told_behind_what_can(content: bytes, values: list[object], reason: str) -> None:
    found, told = _read(content)
    assert [entry.value for entry in found] == values
    assert reason in told


def test_an_entry_may_be_longer_than_a_window_and_no_longer_than_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    long = [{"text": "ü" * size} for size in (10, 1_500, 3_000, 40_000)]
    found, reason = _read(json.dumps(long, ensure_ascii=False).encode())
    assert [entry.value for entry in found] == long
    assert not reason
    monkeypatch.setattr("vedette.extraction.json_entries.MAX_ENTRY", 20_000)
    found, reason = _read(json.dumps(long, ensure_ascii=False).encode())
    assert [entry.value for entry in found] == long[:3]
    assert "not one value in 20000 bytes" in reason


def test_a_number_at_the_edge_of_a_window_is_whole() -> None:
    for padding in range(2_030, 2_050):
        content = b'{"' + b"k" * padding + b'": 1234567890123, "data": [1234567890123]}'
        assert [entry.value for entry in _read(content)[0]] == [1234567890123]


def test_members_have_their_keys() -> None:
    content = b'{"a": {"x": 1}, "b\\u00fc": [2]} '
    found = list(json_members(content))
    assert [(entry.key, entry.value) for entry in found] == [("a", {"x": 1}), ("bü", [2])]
    assert content[found[0].start : found[0].end] == b'{"x": 1}'
    for wrong in (b"[1]", b'{"a": 1} {"b": 2}', b'{"a": 1'):
        with pytest.raises(ExtractionError):
            list(json_members(wrong))


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.lists(_VALUES, max_size=6), st.dictionaries(st.text().filter(lambda key: key != "data"), _VALUES, max_size=3)
)
def test_entries_are_what_the_whole_document_holds(elements: list[object], others: dict[str, object]) -> None:
    try:
        content = orjson.dumps({**others, "data": elements})
    except orjson.JSONEncodeError:
        # Lone surrogates are no JSON.
        return
    found, reason = _read(content)
    assert not reason
    assert [entry.value for entry in found] == orjson.loads(content)["data"]
    assert [orjson.loads(content[entry.start : entry.end]) for entry in found] == [entry.value for entry in found]


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(rest: bytes) -> None:
    for lead in (b"", b"[", b'{"data": [', b'{"'):
        _read(lead + rest)
