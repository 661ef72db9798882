"""The real package in a clean Debian: installed, run, upgraded, removed, purged. Takes minutes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.chroot import Chroot
from tests.deploy.programs import DEPLOY, ROOT, must, need
from vedette import __version__

pytestmark = pytest.mark.long

LATER = "99.0.0"
"""A version that is newer than any."""

AS_ITSELF = "runuser -u vedette -- "

SCRIPTS = "/var/lib/dpkg/info/vedette"

AS_A_SERVICE = """
for folder in /var/lib/vedette /var/log/vedette; do mount --bind $folder $folder; done
mount -t tmpfs tmpfs /tmp
mount -o remount,bind,ro /
cd /etc/vedette
exec setpriv --reuid vedette --regid vedette --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
    /usr/lib/vedette/bin/python3 /opt/manager.py
"""
"""What the unit takes from it that needs no systemd: nothing is writable but its folders, no capabilities."""

MANAGER = """
import os, signal, socket, subprocess, urllib.request

manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind("/tmp/notify")
manager.settimeout(240)
command = ["/usr/bin/vedette", "up", "-c", "/etc/vedette/vedette.yml", "--log-level", "info"]
environment = {"NOTIFY_SOCKET": "/tmp/notify", "HOME": "/var/lib/vedette", "PATH": "/usr/bin"}
fleet = subprocess.Popen(command, env=environment)
print("told:", manager.recv(100).decode(), flush=True)
print("ready:", urllib.request.urlopen("http://127.0.0.1:8780/readyz").status, flush=True)
fleet.send_signal(signal.SIGTERM)
print("ended:", fleet.wait(120), flush=True)
"""
"""A service manager, as far as this needs one."""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The package as `make deb` makes it, and one that is newer."""
    need("dpkg-deb")
    folder = tmp_path_factory.mktemp("dist")
    environment = folder / "environment"
    must("tools/deb-environment", ROOT / ".venv/bin/uv", "/usr/bin/python3", environment, seconds=900.0)
    now, later = (must("tools/deb-pack", environment, folder, *version, seconds=900.0) for version in ((), (LATER,)))
    # pytest keeps folders; this one has two gigabytes.
    shutil.rmtree(environment)
    yield Path(now.strip()), Path(later.strip())
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chroot]:
    """A clean Debian."""
    folder = tmp_path_factory.mktemp("debian")
    chroot = Chroot(folder / "root")
    chroot.make()
    yield chroot
    shutil.rmtree(folder)


@pytest.fixture
def machine(debian: Chroot, packages: tuple[Path, Path]) -> Chroot:
    """A Debian with the package as it is after installing it."""
    if debian.run(f"dpkg -s vedette | grep -qx 'Version: {__version__}'").returncode != 0:
        debian.install(packages[0])
    debian.must("rm -rf /var/lib/vedette /var/log/vedette /root/running /root/systemctl.log")
    shutil.copy(DEPLOY / "debian" / "vedette.yml", debian.folder / "etc/vedette/vedette.yml")
    debian.must(f"{SCRIPTS}.postinst configure")
    return debian


def test_the_demo_runs_as_the_packages_user_and_leaves_nothing_of_roots(machine: Chroot) -> None:
    assert machine.must("vedette --version").split() == ["vedette", __version__]
    demo = AS_ITSELF + "vedette demo --once --json --within 240 --folder /var/lib/vedette/demo"
    result = json.loads(machine.must(f"cd /tmp && {demo}"))
    assert result["items"] == result["stamped"] == result["verified"] > 0
    assert machine.must("find /var/lib/vedette ! -user vedette") == ""
    # What was compiled for it is what runs: nothing is compiled when it starts, and nothing was made here.
    assert machine.must("dpkg --verify vedette") == ""
    assert machine.run(f"grep -rlaF -e '{ROOT}/' -e /pytest-of- /usr/lib/vedette").stdout == ""


def test_commands_find_the_configuration_and_root_is_told_whose_it_is(machine: Chroot) -> None:
    # /root is a folder that the user may not even look into.
    machine.must(f"cd /root && {AS_ITSELF} vedette migrate")
    assert json.loads(machine.must(f"cd /root && {AS_ITSELF} vedette items --json")) == []
    refused = machine.run("cd /root && vedette items")
    assert refused.returncode == 2
    assert "sudo -u vedette" in refused.stderr
    places = "/var/lib/vedette /etc/vedette /etc/vedette/vedette.yml"
    assert machine.must(f"stat -c '%U:%G %a' {places}").splitlines() == [
        "vedette:vedette 750",
        "root:vedette 770",
        "root:vedette 660",
    ]


def test_as_a_service_it_says_when_it_is_ready_and_makes_no_link_for_the_log(machine: Chroot) -> None:
    (machine.folder / "opt" / "manager.py").write_text(MANAGER)
    said = machine.must(AS_A_SERVICE)
    assert [line for line in said.splitlines() if line.startswith(("told:", "ready:", "ended:"))] == [
        "told: READY=1",
        "ready: 200",
        "ended: 0",
    ]
    assert "The console: http://127.0.0.1:8780" in said
    assert "/setup#" not in said


def test_installing_it_again_changes_nothing(machine: Chroot, packages: tuple[Path, Path]) -> None:
    before = machine.files()
    machine.must("echo '# mine' >>/etc/vedette/vedette.yml")
    machine.install(packages[0])
    machine.must(f"{SCRIPTS}.postinst configure; {SCRIPTS}.postinst configure")
    assert machine.files() == before
    assert "# mine" in machine.must("cat /etc/vedette/vedette.yml")


def test_an_upgrade_leaves_a_store_alone_that_others_may_share(machine: Chroot) -> None:
    machine.must(f"{AS_ITSELF} vedette migrate")
    before = machine.must(f"{AS_ITSELF} vedette audit list --json")
    machine.must("echo 'store: sqlite:////var/lib/vedette/store.db' >>/etc/vedette/vedette.yml")
    machine.must(f"{SCRIPTS}.postinst configure 0.0.1")
    assert machine.must(f"{AS_ITSELF} vedette audit list --json") == before
    machine.must("sed -i /^store:/d /etc/vedette/vedette.yml; sed -i s/=yes/=no/ /etc/default/vedette")
    machine.must(f"{SCRIPTS}.postinst configure 0.0.1; sed -i s/=no/=yes/ /etc/default/vedette")
    assert machine.must(f"{AS_ITSELF} vedette audit list --json") == before


def test_an_upgrade_ends_the_fleet_migrates_its_store_and_starts_it_again(
    machine: Chroot, packages: tuple[Path, Path]
) -> None:
    machine.must(f"{AS_ITSELF} vedette migrate; touch /root/running")
    before = machine.must(f"{AS_ITSELF} vedette audit list --json")
    machine.pretend_systemd()
    machine.install(packages[1])
    assert machine.must("dpkg-query -W -f '${Version} ${Status}' vedette") == f"{LATER} install ok installed"
    told = machine.must("grep -E '^(stop|start) ' /root/systemctl.log").splitlines()
    assert told == ["stop vedette.service", "start vedette.service"]
    assert not (machine.folder / "run/vedette-upgrade.units").exists()
    after = machine.must(f"{AS_ITSELF} vedette audit list --json")
    assert after.count("store.migrate") == before.count("store.migrate") + 1
    machine.must("rm -r /run/systemd/system /usr/bin/systemctl")


def test_removing_keeps_data_and_configuration_and_purging_keeps_the_evidence(machine: Chroot) -> None:
    machine.must(f"{AS_ITSELF} vedette migrate")
    store = machine.must("sha256sum /var/lib/vedette/store.db")
    machine.must("dpkg --remove vedette")
    assert not (machine.folder / "usr/lib/vedette").exists()
    assert (machine.folder / "etc/vedette/vedette.yml").exists()
    assert machine.must("sha256sum /var/lib/vedette/store.db") == store
    said = machine.run("dpkg --purge vedette")
    assert said.returncode == 0
    assert "/var/lib/vedette is kept" in said.stderr
    assert machine.must("sha256sum /var/lib/vedette/store.db") == store
    machine.must("rm -rf /var/lib/vedette")
    assert [path for path in machine.files() if "vedette" in path] == []
