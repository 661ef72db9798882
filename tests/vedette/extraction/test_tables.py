"""Tables: headers, quotes, places, and what is no table."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.extraction import tables
from vedette.extraction.interface import ExtractionError
from vedette.extraction.subgraph import Position
from vedette.extraction.tables import Layout, Row, rows

LAYOUT = Layout(columns=("name", "port", "words"), synonyms={"title": "name"}, comment="#")


def read(content: bytes, layout: Layout = LAYOUT, columns: tuple[str, ...] = ()) -> tuple[list[Row], list[str]]:
    """Return the rows, and what is wrong with the others."""
    wrong: list[str] = []

    def report(position: Position, reason: str) -> None:
        wrong.append(f"{position.label}: {reason}")

    return list(rows(content, layout, report, columns=columns)), wrong


def cells(content: bytes, layout: Layout = LAYOUT, columns: tuple[str, ...] = ()) -> list[tuple[str, str, str]]:
    return [(row["name"], row["port"], row["words"]) for row in read(content, layout, columns)[0]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,1,x\n", ("a", "1", "x")),
        (b"words,name,port\nx,a,1\n", ("a", "1", "x")),
        (b'"Words" , "NAME",\tPort\r\nx,a,1\r\n', ("a", "1", "x")),
        (b"\xef\xbb\xbfname,port,words\na,1,x", ("a", "1", "x")),
        ("name,port,words\na,1,ü\n".encode("utf-16"), ("a", "1", "ü")),
        ("a,1,ü\n".encode("latin-1"), ("a", "1", "ü")),
        (b"title,other,port\na,?,1\n", ("a", "1", "")),
        (b'# a comment with a "\n\n,,,\na,1\n', ("a", "1", "")),
        (b'a,1,"x, ""y""\nz"\n', ("a", "1", 'x, "y"\nz')),
        (b'a,1,5" disk\n', ("a", "1", '5" disk')),
        (b"a,1,\0\n", ("a", "1", "\0")),
        (b'"",""\n"\na",1,x\n', ("a", "1", "x")),
    ],
)
def test_a_row_is_read_by_its_columns(content: bytes, expected: tuple[str, str, str]) -> None:
    assert cells(content) == [expected]


def test_a_header_in_the_middle_is_no_row() -> None:
    assert cells(b"name,port\na,1\nname,port\nb,2\n") == [("a", "1", ""), ("b", "2", "")]


def test_a_name_with_a_comma_in_it_is_one_column() -> None:
    layout = Layout(columns=("name", "date of change", "port", "words"))

    assert cells(b"name,date of, change,port,words\na,2020,1,x\n", layout) == [("a", "1", "x")]


def test_columns_of_the_meta_come_before_those_of_the_layout() -> None:
    assert cells(b"1,a\n", columns=("port", "name")) == [("a", "1", "")]
    assert cells(b"name,port\na,1\n", columns=("port", "name")) == [("a", "1", "")]


def test_a_separator_is_another_one() -> None:
    assert cells(b"a\t1\tx,y\n", Layout(columns=LAYOUT.columns, separator="\t")) == [("a", "1", "x,y")]


def test_places_are_those_of_the_bytes() -> None:
    content = 'name,port,words\nä,1,"x\ny"\nb,2,z'.encode()

    found, wrong = read(content)

    assert not wrong
    assert [content[row.position.start : row.position.end].decode() for row in found] == ['ä,1,"x\ny"\n', "b,2,z"]
    assert [row.position.label for row in found] == ["row 2", "row 3"]


def test_blank_lines_are_counted_and_passed_over() -> None:
    content = b"\n" * 3_000_000 + b" ,; \r\n  ,b,x\n" + b"\n" * 3_000_000 + b"a\n  ,,"

    found, wrong = read(content)

    assert not wrong
    assert [(row.position.label, row["name"], row["port"]) for row in found] == [
        ("row 3000002", "", "b"),
        ("row 6000003", "a", ""),
    ]


def test_a_quote_left_open_costs_one_row() -> None:
    assert read(b'a,1,"x\nb,2,y\nc,3,z\n')[1] == [f"row 1: a quote is not closed within {tables.MAX_ROW} bytes"]
    assert cells(b'a,1,"x\nb,2,y\nc,3,z\n') == [("b", "2", "y"), ("c", "3", "z")]


def test_quotes_left_open_again_and_again_end_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_OPEN", 3)
    monkeypatch.setattr(tables, "MAX_ROW", 10)
    content = b'"\n0123456789\n' * 5

    with pytest.raises(ExtractionError, match="more than 3 rows leave a quote open"):
        read(content)


def test_a_line_that_is_too_long_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_LINE", 1000)
    long = b"x" * 5000

    found, wrong = read(b"a,1,x\n" + long + b"\nb,2,y\n")

    assert [row["name"] for row in found] == ["a", "b"]
    assert wrong == ["row 2: a line of 5001 bytes; 1000 are read at most"]


def test_a_long_document_in_one_line_is_refused_without_copies_of_it() -> None:
    found, wrong = read(b"x," * (4 * 1024 * 1024))

    assert not found
    assert wrong == [f"row 1: a line of {8 * 1024 * 1024} bytes; {tables.MAX_LINE} are read at most"]


def test_too_many_cells_cost_the_row() -> None:
    found, wrong = read(b"a,1,x,y\n" + b"b," * 2000 + b"\nc,3,z,,\n")

    assert [row["name"] for row in found] == ["c"]
    assert wrong == ["row 1: 4 cells, but 3 columns", "row 2: 2001 cells; 1000 are read at most"]


def test_nothing_but_bad_rows_is_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ERRORS", 10)

    with pytest.raises(ExtractionError, match="it is no table: row 11: 4 cells, but 3 columns"):
        read(b"1,2,3,4\n" * 20)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        found, _ = read(content)
    except ExtractionError:
        return
    for row in found:
        assert 0 <= (row.position.start or 0) < (row.position.end or 0)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=6))
def test_what_csv_writes_is_read_back(table: list[tuple[str, str, str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    layout = Layout(columns=("zzzzzzzzz1", "zzzzzzzzz2", "zzzzzzzzz3"))

    found, wrong = read(text.getvalue().encode("utf-8"), layout)

    expected = [tuple(cell.strip() for cell in row) for row in table]
    assert [tuple(row[name] for name in layout.columns) for row in found] == [row for row in expected if any(row)]
    assert not wrong


@given(
    st.lists(st.text(st.sampled_from('",a \r\tä'), max_size=6), min_size=1, max_size=4),
    st.sampled_from(["", "\n", "\r\n"]),
)
def test_a_line_on_which_each_cell_is_quoted_is_what_the_parser_reads(parts: list[str], end: str) -> None:
    line = ",".join(f'"{part}"' for part in parts) + end

    found = tables._plainly_quoted(line.encode(), ",")
    assert found is None or found == next(csv.reader([line], skipinitialspace=True))
    if not any('"' in part for part in parts):
        assert found == parts
