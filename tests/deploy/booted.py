"""A Debian in a folder, booted: systemd is its first process, in namespaces that end with it (systemd-nspawn)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.deploy.programs import need, run_inside
from tests.timing import PATIENCE

INCLUDED = ("systemd", "systemd-sysv", "dbus", "procps")
"""What a Debian needs to be booted."""

_UP = ("running", "degraded")

_NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root")


class Booted:
    """A machine that can be turned on and off."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """Its root, with `INCLUDED`."""
        self._name = f"vedette-{uuid.uuid4().hex[:8]}"
        self._said = folder.parent / f"{self._name}.log"
        self._outside: subprocess.Popen[bytes] | None = None
        self._first = 0

    def start(self) -> None:
        """Turn it on, and wait until it is up."""
        # Without a service manager of this machine's: it may have none. Loopback and nothing else.
        alone = ("--private-network", "--register=no", "--keep-unit", "--link-journal=no")
        command = ["systemd-nspawn", f"--directory={self.folder}", f"--machine={self._name}", "--boot", *alone]
        with self._said.open("ab") as log:
            self._outside = subprocess.Popen(
                [*command, "--console=pipe"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._first = self._first_process(self._outside)
        # It says `degraded` where a service of Debian's does not like it here: what counts is ours.
        self.until(lambda: self.run("systemctl", "is-system-running").stdout.strip() in _UP, what="the machine is up")

    def power_off(self) -> None:
        """Turn it off, as a person does, and wait until it is."""
        assert self._outside is not None
        self.run("systemctl", "poweroff")
        assert self._outside.wait(3 * PATIENCE) == 0, self._said.read_text()[-4000:]

    def end(self) -> None:
        """Turn it off, whatever state it is in; harmless when it is off."""
        outside = self._outside
        if outside is None or outside.poll() is not None:
            return
        # Asked so, it ends all that runs in it.
        outside.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            outside.wait(PATIENCE)
        if outside.poll() is None:
            outside.kill()
            outside.wait()

    def run(self, *command: str, user: str = "root", seconds: float = 180.0) -> subprocess.CompletedProcess[str]:
        """Run a command in it as a user, and return how it ended."""
        as_user = [] if user == "root" else ["runuser", "-u", user, "--"]
        enter = ("nsenter", "--target", str(self._first), *_NAMESPACES)
        return run_inside(*enter, *as_user, *command, home="/", seconds=seconds)

    def must(self, *command: str, user: str = "root", seconds: float = 180.0) -> str:
        """Run a command that has to end well, and return what it printed."""
        done = self.run(*command, user=user, seconds=seconds)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}\n{self.journal()}"
        return done.stdout

    def vedette(self, *arguments: str) -> Any:
        """Run a command of ours as the package's user, and return its JSON; None where it is refused."""
        done = self.run("vedette", *arguments, "--json", user="vedette")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def shown(self, unit: str, *names: str) -> list[str]:
        """Return properties of a unit, as systemd knows them."""
        lines = self.must("systemctl", "show", unit, *(f"--property={name}" for name in names)).splitlines()
        values = dict(line.split("=", 1) for line in lines)
        return [values[name] for name in names]

    def journal(self) -> str:
        """Return the end of the journal of our units."""
        units = ("--unit=vedette", "--unit=vedette-xmpp", "--unit=vedette@*")
        return self.run("journalctl", "--no-pager", "--lines=400", *units).stdout

    def until(self, holds: Callable[[], object], *, what: str) -> None:
        """Wait until something holds; services take their time."""
        end = time.monotonic() + 3 * PATIENCE
        while not holds():
            assert time.monotonic() < end, f"never: {what}\n{self.journal()}"
            time.sleep(0.5)

    def _first_process(self, outside: subprocess.Popen[bytes]) -> int:
        """Return the machine's first process, once it is systemd."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            assert outside.poll() is None, f"the machine does not start: {self._said.read_text()[-4000:]}"
            for child in psutil.Process(outside.pid).children():
                with contextlib.suppress(psutil.Error):
                    if child.name() == "systemd":
                        return child.pid
            time.sleep(0.1)
        raise AssertionError(f"the machine's first process never came: {self._said.read_text()[-4000:]}")


@contextmanager
def booted(folder: Path) -> Iterator[Booted]:
    """Boot the Debian of a folder; it is off when the block ends, with everything that it started.

    One at a time on this machine: without a service manager of its own, their services would share control groups.

    Args:
        folder: its root, with `INCLUDED`.
    """
    need("systemd-nspawn", "nsenter")
    machine = Booted(folder)
    with (Path(tempfile.gettempdir()) / "vedette-booted.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            machine.start()
            yield machine
            machine.power_off()
        finally:
            machine.end()
