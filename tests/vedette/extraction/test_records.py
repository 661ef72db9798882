"""JSON objects of others: what is of another type than expected is said, never raised."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vedette.extraction.records import Record, number_of


def test_values_are_read_and_wrong_ones_said() -> None:
    said: list[str] = []
    record = Record(
        {
            "text": " x ",
            "number": 1.5,
            "written": "2.5",
            "flag": True,
            "list": ["a", " ", 3, None],
            "objects": [{"id": "1"}, "no"],
            "inner": {"wrong": []},
            "none": None,
        },
        said.append,
    )
    assert (record.text("text"), record.text("number"), record.text("flag")) == ("x", "1.5", "true")
    assert (record.number("number"), record.number("written"), record.number("missing")) == (1.5, 2.5, None)
    assert record.flag("flag") is True
    assert record.texts("text") == ["x"]
    assert not said

    assert record.texts("list") == ["a"]
    assert [one.text("id") for one in record.records("objects")] == ["1"]
    assert record.record("inner").text("wrong") == ""
    assert record.number("text") is None
    assert record.flag("text") is None
    assert list(record.records("flag")) == []
    assert record.record("text").text("x") == ""
    assert said == [
        "list[2] is a number, not a text",
        "list[3] is empty, not a text",
        "objects[1] is a text, not an object",
        "inner.wrong is an array, not a text",
        "text is a text, not a number",
        "text is a text, not true or false",
        "flag is true or false, not an array",
        "text is a text, not an object",
    ]
    assert "none" not in record
    assert record.text("none") == ""


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("x"), inner),
)


@given(_ANY)
def test_any_value_is_taken(value: object) -> None:
    record = Record({"x": value}, lambda reason: None)
    for read in (record.text, record.number, record.flag, record.texts, record.record):
        read("x")
    for inner in record.records("x"):
        inner.text("x")
    Record(value, lambda reason: None).text("x")


def test_only_finite_numbers_are_numbers() -> None:
    assert number_of(" 0.5 ") == 0.5
    assert [number_of(text) for text in ("", "nan", "inf", "1e999", "x", "0x10")] == [None] * 6


def test_pairs_are_arrays_of_two_texts() -> None:
    said: list[str] = []
    headers = [["Server", " nginx "], ["a"], ["a", 1], "ab", ["b", "c"]]
    record = Record({"headers": headers, "none": None}, said.append)

    assert record.pairs("headers") == [("Server", "nginx"), ("b", "c")]
    assert record.pairs("none") == []
    assert said == [
        "headers[1] is an array, not a pair of texts",
        "headers[2] is an array, not a pair of texts",
        "headers[3] is a text, not a pair of texts",
    ]
