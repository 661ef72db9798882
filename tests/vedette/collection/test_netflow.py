"""Given flows as CSV or from Argus, when they are collected, then each is a record, and comes once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.vedette.collection.rig import Rig, counts, payload, source
from tests.vedette.collection.test_files import aged
from tests.vedette.collection.test_host import program, programs  # noqa: F401 (a fixture)
from vedette.collection.collectors.netflow import COLUMNS
from vedette.collection.interface import CollectorCatalogue

FLOW = "1373553586.136399, e s,6,10.10.10.1,56867,->,10.10.10.100,22,8,585,REQ\n"


async def test_a_header_names_the_columns_and_is_no_flow(rig: Rig) -> None:
    path = aged(rig.folder / "flows.csv", "StartTime,Flgs,More\n" + FLOW * 1_100)
    what = source("flows.csv", "NETFLOW", data_type="structured", content_type="text/csv")
    assert counts(await rig.run(what)) == {"items": 3, "new": 1_100}
    aged(path, FLOW, append=True)
    assert (await rig.run(what)).counts["new"] == 1
    items = await rig.items()
    assert [item["meta"]["records"] for item in items] == [500, 500, 100, 1]
    assert [item["meta"]["first_record"] for item in items] == [0, 500, 1_000, 1_100]
    assert items[0]["meta"]["columns"] == ["StartTime", "Flgs", "More"]
    assert payload(items[3]).decode() == FLOW


async def test_without_a_header_the_columns_are_stuccos(rig: Rig) -> None:
    aged(rig.folder / "flows.csv", FLOW)
    await rig.run(source("flows.csv", "NETFLOW"))
    (item,) = await rig.items()
    assert item["meta"]["columns"] == list(COLUMNS)
    assert (await rig.run(source("missing", "NETFLOW"))).counts["errors"] == 1


async def test_a_file_of_argus_goes_through_ra_and_only_new_flows_come(rig: Rig, programs: Path) -> None:  # noqa: F811
    # Prints a flow for each byte after the first.
    program(programs, "ra", 'for last; do :; done; n=$(($(wc -c < "$last") - 1)); seq "$n" | sed "s/$/, e/"\n')
    path = rig.folder / "-S.argus"
    path.write_bytes(b"\0" * 4)
    what = source("-S.argus", "NETFLOW")
    assert counts(await rig.run(what)) == {"items": 1, "new": 3}
    assert counts(await rig.run(what)) == {"unchanged": 1}
    path.write_bytes(b"\0" * 6)
    assert counts(await rig.run(what)) == {"items": 1, "new": 2}
    assert [payload(item) for item in await rig.items()] == [b"1, e\n2, e\n3, e\n", b"4, e\n5, e\n"]


async def test_packets_become_flows_by_argus(rig: Rig, programs: Path) -> None:  # noqa: F811
    program(programs, "argus", 'test "$1 $3 $4" = "-r -w -" && cat "$2"\n')
    program(programs, "ra", "wc -c\n")
    (rig.folder / "a.pcap").write_bytes(b"\xd4\xc3\xb2\xa1" + b"\0" * 20)
    await rig.run(source("a.pcap", "NETFLOW"))
    assert [payload(item) for item in await rig.items()] == [b"24\n"]
    program(programs, "argus", "echo no packets >&2; exit 3")
    report = await rig.run(source("a.pcap", "NETFLOW"), mode="all")
    assert "argus ended with 3: no packets" in report.problems[0]
    assert not report.complete


async def test_a_program_that_is_not_there_is_told(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    (rig.folder / "a.argus").write_bytes(b"\0\1\2")
    monkeypatch.setenv("PATH", str(rig.folder))
    report = await rig.run(source("a.argus", "NETFLOW"))
    assert "ra is not installed" in report.problems[0]


async def test_a_server_is_listened_to(rig: Rig, programs: Path) -> None:  # noqa: F811
    program(programs, "ra", 'echo "$@"\n')
    await rig.run(source("argus://127.0.0.1:561", "NETFLOW"))
    assert payload((await rig.items())[0]).endswith(b"-S 127.0.0.1:561 -T 10\n")


@pytest.mark.parametrize("uri", ["argus://-w", "argus://:561", "argus://h:x"])
def test_what_is_no_server_is_refused(uri: str) -> None:
    collector = CollectorCatalogue().collector(source("flows.csv", "NETFLOW"), place="test")
    assert "argus://HOST" in (collector.objection(source(uri, "NETFLOW")) or "")


@pytest.mark.skipif(shutil.which("ra") is None, reason="needs Argus' client (Debian: argus-client)")
async def test_the_real_ra_reads_nothing_from_what_is_no_argus_file(rig: Rig) -> None:
    (rig.folder / "a.argus").write_bytes(b"\0\1\2" * 100)
    assert (await rig.run(source("a.argus", "NETFLOW"))).counts["new"] == 0
