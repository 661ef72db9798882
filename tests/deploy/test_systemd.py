"""The package's services under a real systemd, on a Debian that is booted: started, killed, ended, booted anew.

Takes minutes: `make test-long`.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.deploy.booted import INCLUDED, Booted, booted
from tests.deploy.chroot import Chroot
from tests.deploy.programs import ROOT, must, need

pytestmark = pytest.mark.long

LATER = "99.0.0"
"""A version that is newer than any."""

COUNTER = """
import pathlib

file = pathlib.Path("/var/lib/vedette/count")
number = int(file.read_text()) + 1 if file.exists() else 1
file.write_text(str(number))
print(f"number {number}.")
"""
"""What the probe runs: each run says the next number, so that what is lost or twice shows."""

FLEET = {
    "data": "/var/lib/vedette",
    "api": {"port": 8780},
    "probes": ["count.json"],
    "batch": {"seconds": 1.0},
    "xmpp": {"server": "ejabberd", "folder": "/var/lib/vedette/ejabberd", "domain": "agents.example"},
}

PROBE = {
    "command": ["python3", "/opt/count.py"],
    "period": 0.5,
    "jid": "count@agents.example",
    "passwd": "a-password-of-the-probe",
}

UNITS = ("vedette-xmpp", "vedette")


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root of a clean Debian with the package, and with a later one in /root; configured as its page says."""
    need("dpkg-deb", "systemd-nspawn")
    folder = tmp_path_factory.mktemp("machine")
    environment, root = folder / "environment", folder / "root"
    must("tools/deb-environment", ROOT / ".venv/bin/uv", "/usr/bin/python3", environment, seconds=900.0)
    now, later = (must("tools/deb-pack", environment, folder, *version, seconds=900.0) for version in ((), (LATER,)))
    shutil.rmtree(environment)
    chroot = Chroot(root)
    chroot.make(*INCLUDED, "ejabberd", "openssl")
    chroot.install(Path(now.strip()))
    shutil.move(later.strip(), root / "root" / "later.deb")
    (root / "opt" / "count.py").write_text(COUNTER)
    for name, content in (("count.json", json.dumps(PROBE)), ("vedette.yml", yaml.safe_dump(FLEET))):
        (root / "etc" / "vedette" / name).write_text(content)
    chroot.must("chown root:vedette /etc/vedette/count.json")
    yield root
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def machine(debian: Path) -> Iterator[Booted]:
    """The machine, up for the first time, with its services started."""
    with booted(debian) as up:
        up.must("systemctl", "disable", "--now", "ejabberd")
        where = ("--folder", "/var/lib/vedette/ejabberd", "--domain", "agents.example", "--host", "hub.example")
        up.must("vedette", "xmpp", "init", *where, "--listen", "127.0.0.1", user="vedette")
        up.must("vedette", "check-config", "/etc/vedette/vedette.yml", user="vedette")
        for unit in UNITS:
            # Done when it said that it is ready.
            up.must("systemctl", "enable", "--now", unit, seconds=300.0)
            assert up.shown(unit, "ActiveState", "SubState") == ["active", "running"]
        yield up


def is_there(machine: Booted) -> bool:
    """Whether all agents are present; those of jobs come when there is work."""
    agents = machine.vedette("status") or [{"role": "none", "presence": "gone"}]
    return all(agent["presence"] == "available" for agent in agents if agent["role"] != "job")


def numbers(machine: Booted) -> list[int]:
    """What the probe said, as the store has it."""
    store = machine.folder / "var" / "lib" / "vedette" / "store.db"
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as opened:
        payloads = opened.execute("SELECT payload FROM item_payload ORDER BY received_at").fetchall()
    return [int(found[1]) for (payload,) in payloads if (found := re.fullmatch(rb"number (\d+)\.\n", payload))]


def goes_on(machine: Booted) -> None:
    """Wait until all are there, and new items come."""
    machine.until(lambda: is_there(machine), what="all agents are present")
    before = max(numbers(machine), default=0)
    machine.until(lambda: max(numbers(machine), default=0) >= before + 3, what=f"items after {before}")


ENDS = 5
"""How often the fleet or the server is ended in this file."""


def nothing_lost(machine: Booted) -> None:
    """Each number is there once; what a run said that was cut off with its probe nobody ever had."""
    found = numbers(machine)
    assert len(found) == len(set(found)), "an item is there twice"
    assert max(found) - len(found) <= ENDS, f"lost: {sorted(set(range(1, max(found))) - set(found))}"


def test_the_services_run_as_their_user_with_little(machine: Booted) -> None:
    goes_on(machine)
    pids = [machine.shown(unit, "MainPID")[0] for unit in UNITS]
    owners = machine.must("ps", "-o", "user=", "--pid", ",".join(pids)).split()
    assert owners == ["vedette", "vedette"]
    said = machine.must("systemd-analyze", "security", "--no-pager", *UNITS)
    exposed = [float(found) for found in re.findall(r"Overall exposure level.*: ([0-9.]+)", said)]
    assert len(exposed) == 2
    assert max(exposed) <= 2.5
    answered = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8780/readyz').status)"
    assert machine.must("python3", "-c", answered).strip() == "200"
    journal = machine.journal()
    assert "The fleet is up" in journal
    assert "/setup#" not in journal
    assert machine.must("find", "/var/lib/vedette", "!", "-user", "vedette") == ""


@pytest.mark.parametrize("unit", UNITS)
def test_a_service_that_is_killed_comes_back_and_nothing_is_lost(machine: Booted, unit: str) -> None:
    goes_on(machine)
    before = int(machine.shown(unit, "NRestarts")[0])
    machine.must("systemctl", "kill", "--kill-whom=main", "--signal=KILL", unit)
    machine.until(lambda: int(machine.shown(unit, "NRestarts")[0]) > before, what=f"{unit} is started again")
    machine.until(lambda: machine.shown(unit, "ActiveState") == ["active"], what=f"{unit} is up again")
    goes_on(machine)
    nothing_lost(machine)


def test_a_service_ends_with_all_that_it_started(machine: Booted) -> None:
    goes_on(machine)
    machine.must("systemctl", "stop", "vedette")
    assert machine.shown("vedette", "ActiveState", "Result") == ["inactive", "success"]
    left = machine.must("ps", "-u", "vedette", "-o", "args=").splitlines()
    # The XMPP server's alone: no probe's check, no authority, no part of the fleet.
    assert [line for line in left if "python3" in line and "vedette xmpp up" not in line] == []
    machine.must("systemctl", "start", "vedette", seconds=300.0)
    goes_on(machine)
    nothing_lost(machine)


def test_an_upgrade_ends_what_runs_and_starts_it_again(machine: Booted) -> None:
    goes_on(machine)
    before = machine.shown("vedette", "MainPID")
    machine.must("dpkg", "--force-unsafe-io", "--install", "/root/later.deb", seconds=600.0)
    assert machine.must("dpkg-query", "-W", "-f", "${Version}", "vedette") == LATER
    assert machine.shown("vedette", "ActiveState") == ["active"]
    assert machine.shown("vedette", "MainPID") != before
    goes_on(machine)
    nothing_lost(machine)


def test_a_machine_that_is_started_again_runs_what_it_ran(machine: Booted) -> None:
    goes_on(machine)
    machine.power_off()
    machine.start()
    for unit in UNITS:
        machine.until(lambda unit=unit: machine.shown(unit, "ActiveState") == ["active"], what=f"{unit} is up")  # type: ignore[misc]
    goes_on(machine)
    nothing_lost(machine)
