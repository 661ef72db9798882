"""Running `vedette` as a person does: in a process of its own with everything that it starts, or in this one."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.timing import PATIENCE, bound
from vedette.cli.main import run

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "vedette.cli.main"]


def environment(source: Path = ROOT) -> dict[str, str]:
    """The environment of a user, with the source tree, or another one, in reach."""
    return {**os.environ, "PYTHONPATH": str(source), "COLUMNS": "200"}


def vedette(
    *arguments: object, folder: Path, seconds: float = 2 * PATIENCE, source: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(source),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )


def called(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it in this process, where a test is about what a command says: that takes a tenth of the time."""
    words, out, err = [str(argument) for argument in arguments], io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setenv("COLUMNS", "200")
        patch.setattr(sys, "argv", ["vedette", *words])
        patch.setattr(sys, "stdin", io.StringIO())
        with pytest.raises(SystemExit) as ended:
            run()
    code = ended.value.code
    return subprocess.CompletedProcess(words, code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a command said on stderr."""
    assert "Traceback" not in done.stderr, done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


def until(condition: Callable[[], object], *, seconds: float = PATIENCE, what: Callable[[], str] = str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"the condition never held: {what()}"
        time.sleep(0.05)


@dataclass(frozen=True, kw_only=True)
class Running:
    """A command that runs, its output in files."""

    process: psutil.Popen
    out: Path
    err: Path

    def said(self) -> str:
        """Return its stdout so far."""
        return self.out.read_text()

    def complained(self) -> str:
        """Return its stderr so far."""
        return self.err.read_text()

    def until_said(self, text: str, *, seconds: float = PATIENCE) -> None:
        """Wait until it printed a text; fail at once when it ended without."""

        def said_or_ended() -> bool:
            return text in self.said() or self.process.poll() is not None

        until(said_or_ended, seconds=seconds, what=lambda: f"{text!r} in {self.said()}{self.complained()}")
        assert text in self.said(), self.said() + self.complained()

    def children(self) -> dict[str, psutil.Process]:
        """Return the processes of the fleet: xmpp, tsa, hub and field."""
        found = {}
        for child in self.process.children():
            try:
                words = " ".join(child.cmdline())
            except psutil.Error:
                # Dead, or dying.
                continue
            for name, mark in _MARKS.items():
                if mark in words:
                    found[name] = child
        return found

    def child(self, mark: str) -> psutil.Process | None:
        """Return the process that it started whose words have a mark."""
        for one in self.process.children():
            try:
                if mark in " ".join(one.cmdline()):
                    return one
            except psutil.Error:
                # Dead, or dying.
                continue
        return None

    def kill_child(self, mark: str) -> None:
        """Kill a process that it started, and wait until there is another one."""
        gone = self.child(mark)
        assert gone is not None, mark
        gone.kill()

        def is_another() -> bool:
            child = self.child(mark)
            return child is not None and child.pid != gone.pid

        until(is_another, what=self.complained)

    def end(self, number: int = signal.SIGINT, *, within: float = 20.0) -> int:
        """Send a signal and return the exit code; everything that it started must be gone then."""
        family = self.process.children(recursive=True)
        self.process.send_signal(number)
        code: int = self.process.wait(bound(within))
        _, alive = psutil.wait_procs(family, timeout=bound(0.5))
        assert not alive, f"left behind: {[child.cmdline() for child in alive]}"
        return code


_MARKS = {
    "xmpp": "ejabberd.embedded",
    "tsa": "vedette.evidence.authority",
    "hub": "vedette.cli.process hub",
    "field": "vedette.cli.process field",
}


@contextmanager
def running(*arguments: object, folder: Path, name: str = "command", source: Path = ROOT) -> Iterator[Running]:
    """Start a command, and end it with all that it started whatever happens."""
    out, err = folder / f"{name}.out", folder / f"{name}.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = psutil.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=folder,
            env=environment(source),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
    command = Running(process=process, out=out, err=err)
    try:
        yield command
    finally:
        family = process.children(recursive=True) if process.is_running() else []
        if process.poll() is None:
            process.terminate()
        psutil.wait_procs([process, *family], timeout=PATIENCE)
        for left in [process, *family]:
            if left.is_running():
                left.kill()
        process.wait()


def listening_ports(processes: list[psutil.Process]) -> set[int]:
    """Return the TCP ports that processes listen on, which must all be loopback."""
    ports = set()
    for process in processes:
        for connection in process.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip in ("127.0.0.1", "::1"), connection
                ports.add(connection.laddr.port)
    return ports
