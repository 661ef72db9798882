"""Which form is sent, and that a table holds nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from web.api.problems import ProblemError
from web.api.v1.negotiation import wanted_form
from web.api.v1.parameters import Form
from web.api.v1.tables import RISKY, csv_header, csv_rows, ndjson_rows


@dataclass(frozen=True, slots=True)
class Row:
    text: Any
    number: int = 0


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, Form.JSON),
        ("", Form.JSON),
        ("*/*", Form.JSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Form.JSON),
        ("text/csv", Form.CSV),
        ("text/*", Form.CSV),
        ("application/x-ndjson", Form.NDJSON),
        ("application/json;q=0.5, text/csv", Form.CSV),
        ("application/json;q=0, */*", Form.CSV),
        ("TEXT/CSV; Q=1", Form.CSV),
        ("text/csv;q=x, application/json", Form.JSON),
        ("text/csv;q=-1", Form.CSV),
    ],
)
def test_the_form_that_is_liked_best_is_sent(accept: str | None, form: Form) -> None:
    assert wanted_form(path="/v1/items", accept=accept, asked=None) is form


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", "text/csv;q=0.000", ",;,"])
def test_none_of_the_three_is_406(accept: str) -> None:
    with pytest.raises(ProblemError) as refused:
        wanted_form(path="/v1/items", accept=accept, asked=None)
    assert refused.value.status == 406


def test_the_parameter_goes_before_the_path_and_the_path_before_the_header() -> None:
    assert wanted_form(path="/v1/items.csv", accept="application/json", asked=None) is Form.CSV
    assert wanted_form(path="/v1/items.csv", accept="text/csv", asked=Form.NDJSON) is Form.NDJSON


@settings(max_examples=200, derandomize=True, database=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_from_a_table_and_none_is_a_formula(text: str) -> None:
    table = csv_header(["text", "number"]) + csv_rows([Row(text)], ["text", "number"])
    _, (cell, number) = csv.reader(io.StringIO(table.decode(), newline=""))
    assert number == "0"
    assert not cell.startswith(RISKY)
    assert cell == text or (text.startswith(RISKY) and cell == f"'{text}")


def test_values_that_are_no_text_have_a_form_of_their_own() -> None:
    rows = [Row(value, -1) for value in (None, True, False, -5, ["a", 1], ("-x",))]
    lines = csv_rows(rows, ["text", "number"]).decode().splitlines()
    assert lines == [",-1", "true,-1", "false,-1", "-5,-1", '"[""a"",1]",-1', '"[""-x""]",-1']
    assert ndjson_rows([Row("=1"), Row(None)]) == b'{"text":"=1","number":0}\n{"text":null,"number":0}\n'
