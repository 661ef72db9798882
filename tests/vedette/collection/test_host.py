"""Given what a host knows of itself, when it is collected, then all of it comes once, and later what changed."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.timing import PATIENCE
from tests.vedette.collection.rig import Rig, counts, payload, source
from tests.vedette.collection.test_files import aged
from vedette.canonical import canonical_json, parse_json
from vedette.collection.collectors.connections import COLUMNS
from vedette.collection.collectors.journal import Journal
from vedette.collection.collectors.logins import RECORD
from vedette.collection.collectors.services import _units
from vedette.collection.desk import Desk
from vedette.collection.interface import CollectorCatalogue
from vedette.collection.snapshots import differences


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that stand in for those that a machine may not have."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


async def said(rig: Rig) -> list[dict[str, Any]]:
    return [parse_json(payload(item)) for item in await rig.items()]


# Packages ----------------------------------------------------------------------------


def installed(folder: Path, **packages: str) -> None:
    entries = (
        f"Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: {version}\n"
        for name, version in packages.items()
    )
    (folder / "status").write_text("\n".join(entries))


async def test_packages_come_as_a_list_and_then_as_differences(rig: Rig) -> None:
    what = source("packages:dpkg=status", "PACKAGES", data_type="structured")
    installed(rig.folder, bash="5.2", curl="8.1", less="6")
    assert counts(await rig.run(what)) == {"fetched": 1, "items": 1, "new": 1}
    assert counts(await rig.run(what)) == {"fetched": 1, "unchanged": 1}
    installed(rig.folder, bash="5.3", curl="8.1", zsh="5.9")
    assert counts(await rig.run(what)) == {"changed": 1, "fetched": 1, "items": 1}
    whole, change = await said(rig)
    assert whole["list"] == {"dpkg": {"bash": "5.2", "curl": "8.1", "less": "6"}}
    assert change["changes"] == {
        "dpkg": {"added": {"zsh": "5.9"}, "removed": {"less": "6"}, "changed": {"bash": ["5.2", "5.3"]}}
    }
    assert change["before"] == whole["sha256"]
    assert [item["format"] for item in await rig.items()] == ["packages/1", "packages-changes/1"]
    await rig.run(what, mode="all")
    assert (await said(rig))[-1]["sha256"] == change["after"]


async def test_packages_of_python_and_npm(rig: Rig) -> None:
    for name, version in (("left", "1.0"), ("@scope/right", "2.0")):
        aged(
            rig.folder / "node_modules" / name / "package.json",
            canonical_json({"name": name, "version": version}).decode(),
        )
    aged(rig.folder / "node_modules/broken/package.json", "{")
    aged(rig.folder / "site/demo-1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.2\n")
    await rig.run(source("packages:pip=site,npm=node_modules", "PACKAGES"))
    (whole,) = await said(rig)
    assert whole["list"] == {"npm": {"@scope/right": "2.0", "left": "1.0"}, "pip": {"demo": "1.2"}}


@pytest.mark.parametrize("uri", ["packages:cargo", "dpkg", "packages:rpm=/x"])
def test_packages_that_nobody_knows_of(uri: str) -> None:
    collector = CollectorCatalogue().collector(source("packages:", "PACKAGES"), place="test")
    assert "source-URI" in (collector.objection(source(uri, "PACKAGES")) or "")


async def test_packages_that_are_not_there_are_told(rig: Rig) -> None:
    report = await rig.run(source("packages:dpkg=missing", "PACKAGES"))
    assert (report.counts["errors"], report.complete) == (1, False)
    assert "no package database of dpkg on this machine" in report.problems[0]


def test_differences_of_whole_kinds() -> None:
    assert differences({"a": {"x": "1"}}, {"a": {"x": "1"}}) == {}
    assert differences({"a": {"x": "1"}}, {"b": {"x": "1"}}) == {
        "a": {"removed": {"x": "1"}},
        "b": {"added": {"x": "1"}},
    }


# Services and connections ------------------------------------------------------------


async def test_who_listens_and_which_units_there_are(rig: Rig, programs: Path) -> None:
    program(programs, "systemctl", 'echo "ssh.service loaded active running OpenBSD Secure Shell server"\n')
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"tcp 127.0.0.1:{server.getsockname()[1]}"
        await rig.run(source("services:", "SERVICES"))
    await rig.run(source("services:", "SERVICES"))
    whole, change = await said(rig)
    assert whole["list"]["units"] == {"ssh.service": "active running"}
    assert place in whole["list"]["listening"]
    assert place in change["changes"]["listening"]["removed"]


def test_units_that_are_not_there_are_left_out() -> None:
    text = "a.service loaded failed failed A thing\nb.service not-found inactive dead b.service\n\nodd\n"
    assert _units(text) == {"a.service": "failed failed"}


async def test_who_speaks_to_whom_is_told_once(rig: Rig) -> None:
    what = source("connections:", "CONNECTIONS", data_type="structured")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        ours = (str(client.getsockname()[1]), str(server.getsockname()[1]))
        await rig.run(what)
        first = await rows(rig)
        await rig.run(what)
        again = await rows(rig)
    mine = [row for row in first if (row["source_port"], row["dest_port"]) == ours]
    assert len(mine) == 1
    assert (mine[0]["proc_pid"], mine[0]["uid"]) == (str(os.getpid()), str(os.getuid()))
    assert (mine[0]["ip_version"], mine[0]["source_ip"], mine[0]["dest_ip"]) == ("4", "127.0.0.1", "127.0.0.1")
    assert len([row for row in again if (row["source_port"], row["dest_port"]) == ours]) == 1


async def rows(rig: Rig) -> list[dict[str, str]]:
    lines = [line for item in await rig.items() for line in payload(item).decode().splitlines()]
    return list(csv.DictReader(lines, fieldnames=COLUMNS))


# Logins ------------------------------------------------------------------------------


def login(kind: int, user: bytes, host: bytes = b"", address: bytes = b"") -> bytes:
    return RECORD.pack(kind, 42, b"pts/0", b"ts/0", user, host, 0, 0, 0, 1_795_305_600, 5, address)


async def test_logins_come_as_they_happen(rig: Rig) -> None:
    path = rig.folder / "wtmp"
    v6 = bytes.fromhex("20010db8000000000000000000000001")
    path.write_bytes(login(7, b"anna", b"gate.example", bytes((192, 0, 2, 7))) + login(0, b"") + b"half a record")
    what = source("wtmp", "LOGINS")
    await rig.run(what)
    path.write_bytes(path.read_bytes()[: 2 * RECORD.size] + login(8, b"", address=v6))
    await rig.run(what)
    assert (await rig.run(what)).counts["items"] == 0
    found = [parse_json(line) for item in await rig.items() for line in payload(item).splitlines()]
    assert found[0] == {
        "kind": "login",
        "at": 1_795_305_600_000_005,
        "user": "anna",
        "line": "pts/0",
        "host": "gate.example",
        "address": "192.0.2.7",
        "pid": 42,
    }
    assert (found[1]["kind"], found[1]["address"]) == ("logout", "2001:db8::1")
    assert (await rig.run(source("missing", "LOGINS"))).counts["errors"] == 1


# The journal -------------------------------------------------------------------------


async def test_the_journal_goes_on_after_its_cursor(rig: Rig, programs: Path) -> None:
    program(programs, "journalctl", 'echo "{\\"__CURSOR\\":\\"s=$#\\",\\"MESSAGE\\":\\"$*\\"}"\n')
    what = source("journal:ssh.service", "JOURNAL")
    await rig.run(what)
    await rig.run(what)
    first, second = (parse_json(payload(item))["MESSAGE"] for item in await rig.items())
    assert "--lines=all" in first
    assert "--unit=ssh.service" in first
    assert "--follow" not in first
    assert "--after-cursor=s=6" in second
    program(programs, "journalctl", "echo no journal here >&2; exit 1")
    assert "ended with 1: no journal here" in (await rig.run(what)).problems[0]


@pytest.mark.parametrize("uri", ["journal:--all", "journal:a b", "/var/log/journal"])
def test_what_is_no_unit_is_refused(uri: str) -> None:
    collector = CollectorCatalogue().collector(source("journal:", "JOURNAL"), place="test")
    assert "source-URI" in (collector.objection(source(uri, "JOURNAL")) or "")


async def test_a_command_that_goes_on_is_ended_with_its_run(rig: Rig, programs: Path) -> None:
    program(programs, "journalctl", f'echo $$ > {programs}/pid\necho "{{\\"__CURSOR\\":\\"a\\"}}"\nexec sleep 600\n')
    desk: Desk = rig.desk(source("journal:", "JOURNAL", now_collect="new"))
    desk.lasting = True
    running = asyncio.create_task(Journal().collect(desk))
    async with asyncio.timeout(PATIENCE):
        while not desk.report.counts["new"]:
            await asyncio.sleep(0.02)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    with pytest.raises(ProcessLookupError):
        os.killpg(int((programs / "pid").read_text()), 0)
    assert await desk.mark("cursor") == "a"
