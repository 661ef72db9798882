"""`vedette extract`: what one document states."""

from __future__ import annotations

import gzip
import json
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from vedette.cli import extract as command
from vedette.cli.main import build
from vedette.errors import ConfigurationError

ROWS = b"1373553586.1, e,tcp,10.10.10.1,80,->,2001:db8::1,443,8,585,ECO\njunk,,,no address\n"
FLOW = "10.10.10.1:80_through_[2001:db8::1]:443"


def run(*words: str) -> int:
    """Run the command; returns its exit code."""
    try:
        return int(build(["extract"])(["extract", *words], standalone_mode=False) or 0)
    except SystemExit as done:
        return int(done.code or 0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "flows.csv"
    file.write_bytes(ROWS)
    return file


@pytest.mark.parametrize(
    "source", ["argus", "ARGUS", "stucco.in.structured.argus", "a.b.in.structured.argus.sensor1"]
)
def test_a_document_is_printed_as_stucco_has_it(source: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(source, str(file)) == 0

    said = capsys.readouterr()
    graph = json.loads(said.out)
    assert set(graph) == {"vertices", "edges"}
    assert FLOW in {vertex["name"] for vertex in graph["vertices"].values()}
    assert set(graph["edges"][0]) == {"outVertID", "inVertID", "relation"}
    assert said.err == f"vedette: {file}: row 2 [63-81]: no DstAddr\n"


def test_problems_are_in_the_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("argus", str(file), "--json") == 0

    graph = json.loads(capsys.readouterr().out)
    assert graph["problems"] == [{"position": "row 2 [63-81]", "reason": "no DstAddr"}]
    assert graph["skipped"] == 1


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(gzip.compress(ROWS))))

    assert run("argus", "-") == 0
    assert FLOW in capsys.readouterr().out


def test_what_the_meta_would_say_can_be_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "hone.csv"
    file.write_bytes(b"user,uid,path\nann,1000,/bin/sh\n")

    assert run("hone", str(file), "--meta", "hostname=web1") == 0
    assert "uid 1000 on host web1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "content", "reason"),
    [
        ("argus", b"junk\n", "none of its rows can be read; row 1: no SrcAddr"),
        ("argus", b"", "nothing is stated"),
        ("situ", b"{", "not JSON at byte 1"),
        ("situ", b"\x1f\x8b\x08broken", ""),
        ("nvd", b"<html>", ""),
    ],
)
def test_what_cannot_be_read_is_exit_1_with_the_reason(
    source: str, content: bytes, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "document"
    file.write_bytes(content)

    assert run(source, str(file)) == 1

    said = capsys.readouterr().err
    assert said.startswith(f"vedette: {file}: ")
    assert reason in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("argos", "unknown extractor 'argos'; did you mean 'argus'?"),
        ("stucco.in.structured.argos", "did you mean 'argus'?"),
    ],
)
def test_an_unknown_source_names_the_nearest(source: str, reason: str, file: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        run(source, str(file))

    assert reason in str(caught.value)


def test_wrong_use_says_what_is_wrong(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        run("argus", str(tmp_path / "absent"))
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        run("argus", str(tmp_path))
    with pytest.raises(ConfigurationError, match="'hostname' is not NAME=VALUE"):
        run("argus", str(file), "--meta", "hostname")
    monkeypatch.setattr(command, "MAX_DOCUMENT", 10)
    with pytest.raises(ConfigurationError, match="is larger than 10 bytes"):
        run("argus", str(file))
