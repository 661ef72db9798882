"""A clean Debian in a folder, made by debootstrap; each command in it has namespaces that end with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.programs import must, need, run_inside

INCLUDED = "python3,adduser,ca-certificates,tzdata,libstdc++6"
"""What the package depends on: dpkg fetches nothing."""

_ENTER = """
set -e
# A mount of its own, so that a script can make it read-only.
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/dev"
for name in null zero full random urandom tty; do
    : >"$1/dev/$name"
    mount --bind "/dev/$name" "$1/dev/$name"
done
ln -s /proc/self/fd "$1/dev/fd"
mkdir "$1/dev/shm"
chmod 1777 "$1/dev/shm"
# Loopback and nothing else.
ip link set lo up
exec chroot "$1" /bin/sh -c "$2"
"""

_SYSTEMCTL = """#!/bin/sh
# Stands in for systemd: says that the fleet runs while somebody started it, and keeps what it was told.
echo "$*" >>/root/systemctl.log
case "$1" in
    list-units) [ ! -e /root/running ] || echo "vedette.service loaded active running Vedette" ;;
    stop) rm -f /root/running ;;
    start) touch /root/running ;;
esac
"""


class Chroot:
    """A Debian in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """Its root."""

    def make(self, *more: str) -> None:
        """Fill it, from where this machine has its own packages from; `more` are packages to put into it."""
        need("debootstrap", "unshare", "ip", "chroot")
        if os.geteuid() != 0:
            pytest.skip("only root can make a Debian in a folder")
        form = "$(CREATED_BY) $(SITE) $(RELEASE)"
        lines = [line.split() for line in must("apt-get", "indextargets", "--format", form).splitlines()]
        site, _ = next((line[1], line[2]) for line in lines if line[0] == "Packages")
        release = must("sh", "-c", '. /etc/os-release; echo "$VERSION_CODENAME"').strip()
        options = ("--variant=minbase", f"--include={','.join((INCLUDED, *more))}")
        must("debootstrap", *options, release, self.folder, site, seconds=900.0)

    def run(self, script: str, *, seconds: float = 600.0) -> subprocess.CompletedProcess[str]:
        """Run a shell script in it as root, and return how it ended."""
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "/bin/sh", "-c", _ENTER, "sh"]
        return run_inside(*command, str(self.folder), script, home="/root", seconds=seconds)

    def must(self, script: str, *, seconds: float = 600.0) -> str:
        """Run a script that has to end well, and return what it printed."""
        done = self.run(script, seconds=seconds)
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def install(self, package: Path) -> None:
        """Install a package, which replaces the one of its name."""
        shutil.copy(package, self.folder / "root" / "new.deb")
        # Its 600 MB need not be on the disk before the next test.
        self.must("dpkg --force-unsafe-io --install /root/new.deb")
        (self.folder / "root" / "new.deb").unlink()

    def pretend_systemd(self) -> None:
        """Let the package's scripts find a service manager that writes down what it is told."""
        program = self.folder / "usr" / "bin" / "systemctl"
        program.write_text(_SYSTEMCTL)
        program.chmod(0o755)
        (self.folder / "run" / "systemd" / "system").mkdir(parents=True, exist_ok=True)

    def files(self) -> set[str]:
        """Return the files that are there, but what belongs to dpkg, to the moment, and to Python's cache."""
        left_out = ("var/lib/dpkg", "var/log", "var/cache", "root", "run", "proc", "dev", "tmp")
        found = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}
        return {path for path in found if not path.startswith(left_out) and "__pycache__" not in path}
