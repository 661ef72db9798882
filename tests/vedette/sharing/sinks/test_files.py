"""The exporters `csv` and `ndjson`."""

from __future__ import annotations

import base64
import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sharing_cases import CASES, everything, hostile, large, scanned
from tests.sharing_parts import fact
from vedette.clock import iso_time
from vedette.sharing.exporter import ExportError
from vedette.sharing.investigation import Investigation
from vedette.sharing.sinks.lines import Ndjson
from vedette.sharing.sinks.records import records_of
from vedette.sharing.sinks.spreadsheet import COLUMNS, Csv, safe_cell

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def _csv(folder: Path, *investigations: Investigation) -> list[dict[str, str]]:
    Csv().write(investigations, folder / "shared.csv")
    text = (folder / "shared.csv").read_bytes().decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def _lines(folder: Path, *investigations: Investigation) -> list[dict[str, Any]]:
    Ndjson().write(investigations, folder / "shared.ndjson")
    return [json.loads(line) for line in (folder / "shared.ndjson").read_text(encoding="utf-8").split("\n")[:-1]]


def test_a_row_says_what_is_known(tmp_path: Path) -> None:
    rows = _csv(tmp_path, everything())
    assert len(rows) == len(everything().facts)
    row = next(one for one in rows if one["name"] == "CVE-2021-41773")
    assert row == row | {
        "investigation": "search:everything",
        "tlp": "green",
        "type": "Vulnerability",
        "description": "A path traversal in Apache HTTP Server 2.4.49.",
        "first_seen": "2026-11-22T00:00:00.123456Z",
        "last_seen": "2026-11-22T01:00:00.123456Z",
        "mentions": "1",
        "malicious": "false",
    }
    assert json.loads(row["properties"])["cvss3Score"] == 7.5
    bad = next(one for one in rows if one["name"] == "203.0.113.66")
    assert (bad["malicious"], bad["alarming"], bad["own"], bad["confidence"]) == ("true", "true", "false", "0.75")


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_same_is_the_same_bytes_in_the_form_of_the_standard(tmp_path: Path, name: str) -> None:
    for exporter in (Csv(), Ndjson()):
        paths = [tmp_path / f"{number}{exporter.suffix}" for number in range(2)]
        withheld = [list(exporter.write([CASES[name]()], path)) for path in paths]
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert withheld[0] == withheld[1] == list(CASES[name]().withheld)
    data = (tmp_path / "0.csv").read_bytes()
    assert data.startswith(",".join(COLUMNS).encode() + b"\r\n")
    assert data.endswith(b"\r\n")
    assert {len(row) for row in csv.reader(io.StringIO(data.decode(), newline=""))} == {len(COLUMNS)}


def test_hostile_names_are_no_formulas_and_break_out_of_no_cell(tmp_path: Path) -> None:
    investigation = hostile()
    rows = _csv(tmp_path, investigation)
    assert len(rows) == len(investigation.facts)
    for row, one in zip(rows, investigation.facts, strict=True):
        assert row["vertex"] == one.vertex.id
        assert row["name"] in {one.vertex.name, f"'{one.vertex.name}", one.vertex.name.replace("\x1b", "\ufffd")}
        assert not any(cell.startswith(FORMULAS) for cell in row.values())


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_is_a_formula(text: str) -> None:
    cell = safe_cell(text)
    assert not cell.startswith(FORMULAS)
    assert not cell.strip().startswith(FORMULAS)
    assert len(cell) - len(text) in {0, 1}


def test_ordinary_text_stays_as_it_is() -> None:
    for text in ("192.0.2.7", "a=b", "CVE-2021-1", "", "x\ty", "'quoted'"):
        assert safe_cell(text) == text
    assert safe_cell("=1+1") == "'=1+1"
    assert safe_cell("  @SUM(A1)") == "'  @SUM(A1)"
    assert safe_cell("a\x00b\x7f") == "a\ufffdb\ufffd"


def test_each_line_is_a_record(tmp_path: Path) -> None:
    investigation = everything()
    head, *lines = _lines(tmp_path, investigation)
    assert (head["kind"], head["key"], head["tlp"], head["pap"]) == (
        "investigation",
        investigation.key,
        "green",
        "amber",
    )
    assert head["id"] == str(investigation.uuid)
    of = {kind: [one for one in lines if one["kind"] == kind] for kind in ("fact", "edge", "scan", "proof")}
    assert sum(map(len, of.values())) == len(lines)
    assert {one["investigation"] for one in lines} == {head["id"]}
    assert len({one["id"] for one in lines}) == len(lines)
    ip = next(one for one in of["fact"] if one["properties"]["name"] == "192.0.2.7")
    assert ip["properties"] == _properties_of(investigation, "192.0.2.7")
    ids = {one["vertex"] for one in of["fact"]}
    assert all({one["outVertID"], one["inVertID"]} <= ids for one in of["edge"])
    assert base64.b64decode(of["scan"][0]["raw"]) == investigation.scans[0].raw
    assert [one["statement"].encode() for one in of["proof"]] == [one.statement for one in investigation.proofs]
    assert {one["state"]: one["bundle"] is None for one in of["proof"]} == {
        proof.state: proof.bundle is None for proof in investigation.proofs
    }


def test_what_was_withheld_is_told_to_nobody(tmp_path: Path) -> None:
    for exporter in (Csv(), Ndjson()):
        withheld = exporter.write([everything()], tmp_path / "shared")
        assert list(withheld) == list(everything().withheld)
        assert b"accounts are shared on request" not in (tmp_path / "shared").read_bytes()


def test_one_bad_value_among_a_thousand_is_reported_and_the_rest_arrives(tmp_path: Path) -> None:
    facts = list(large(1_000, edges=False).facts)
    facts[500] = replace(facts[500], vertex=replace(facts[500].vertex, name="half \ud800"))
    facts[600] = replace(facts[600], vertex=replace(facts[600].vertex, properties={"size": 2**70}))
    investigation = replace(large(1_000, edges=False), facts=facts)
    for exporter in (Csv(), Ndjson()):
        withheld = exporter.write([investigation], tmp_path / exporter.name)
        assert [one.vertex for one in withheld] == [facts[500].vertex.id, facts[600].vertex.id]
        assert "half ?" in withheld[0].what
    assert len((tmp_path / "csv").read_bytes().splitlines()) == 1 + 998
    assert len((tmp_path / "ndjson").read_bytes().splitlines()) == 1 + 998


def test_several_investigations_are_one_file(tmp_path: Path) -> None:
    assert {row["investigation"] for row in _csv(tmp_path, scanned(), everything())} == {
        "target:192.0.2.7",
        "search:everything",
    }
    heads = [one["key"] for one in _lines(tmp_path, scanned(), everything()) if one["kind"] == "investigation"]
    assert heads == ["target:192.0.2.7", "search:everything"]


def test_a_title_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot be written as JSON"):
        Ndjson().write([replace(scanned(), title="half \ud800")], tmp_path / "shared")
    assert list(tmp_path.iterdir()) == []


def test_a_time_that_no_calendar_has_stays_a_number(tmp_path: Path) -> None:
    assert iso_time(10**18) == str(10**18)
    assert iso_time(-(10**18)) == str(-(10**18))
    odd = fact("Malware", "Odd")
    odd = replace(odd, vertex=replace(odd.vertex, first_seen=10**18))
    (row,) = _csv(tmp_path, replace(scanned(), facts=[odd]))
    assert row["first_seen"] == str(10**18)


def test_ids_are_of_the_investigation_and_of_what_they_are_about() -> None:
    ids = {record.id for record in records_of(scanned())}
    assert ids == {record.id for record in records_of(replace(scanned(), title="Another", facts=scanned().facts))}
    assert ids.isdisjoint(record.id for record in records_of(replace(scanned(), key="target:192.0.2.8")))


def _properties_of(investigation: Investigation, name: str) -> dict[str, object]:
    return next(one.vertex.as_stucco() for one in investigation.facts if one.vertex.name == name)
