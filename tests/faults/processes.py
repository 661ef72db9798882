"""Processes that tests kill, stop and start again, always with the same identity and files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ejabberd.server import EjabberdServer
from tests.timing import bound
from vedette.errors import ConnectionFailedError

ROOT = Path(__file__).parents[2]
"""The source tree: where `python -m tests.faults.sender` works."""

POLL = 0.02
"""Seconds between looks at a condition."""


def until(condition: Callable[[], Any], *, seconds: float, what: str) -> Any:
    """Wait for a condition and return its value; fail saying what never came."""
    limit = bound(seconds)
    deadline = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {limit:.0f} s: {what}"
        time.sleep(POLL)
    return value


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has now (VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has no memory: it has ended")


class Part:
    """One process of ours: JSON lines on stdout, logs on stderr, both kept in files."""

    def __init__(
        self, name: str, argv: Sequence[str], *, folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.environment = dict(environment or {})
        self.starts = 0
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id, 0 while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    @property
    def log(self) -> str:
        """All that it ever logged."""
        path = self._folder / f"{self.name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def ready(self) -> dict[str, Any]:
        """What it said when it was ready; empty before."""
        for event in self.events():
            if event.get("event") == "ready" or "url" in event or "port" in event:
                return event
        return {}

    def events(self) -> list[dict[str, Any]]:
        """Return what it said since its last start."""
        path = self._output
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines if line.startswith(b"{")]

    def start(self, *, wait: float = 0.0) -> None:
        """Start it if it does not run; with `wait`, until it says that it is ready."""
        if not self.pid:
            self._launch()
        if wait:
            self.wait_until_ready(wait)

    def wait_until_ready(self, seconds: float) -> dict[str, Any]:
        """Return what it says when it is ready."""

        def said() -> dict[str, Any]:
            assert self.pid, f"{self.name} ended: {self.log[-2000:]}"
            return self.ready

        found: dict[str, Any] = until(said, seconds=seconds, what=f"{self.name} ready; {self.log[-2000:]}")
        return found

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self.pid:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()

    def stop(self) -> None:
        """End it politely, then by force."""
        if self._process is not None and self.pid:
            self._process.terminate()
            # A stopped process sees SIGTERM only once it goes on.
            self._process.send_signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(8)
        self.kill()

    @property
    def _output(self) -> Path:
        return self._folder / f"{self.name}.{self.starts}.out"

    def _launch(self) -> None:
        self.starts += 1
        path = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])
        with self._output.open("wb") as out, (self._folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.argv, "--parent-pid", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": path, **self.environment},
                start_new_session=True,
            )


class EjabberdPart:
    """A private ejabberd, killed and started like the others; its start is slow and done in a thread."""

    def __init__(self, server: EjabberdServer) -> None:
        self.name = "xmpp"
        self.server = server
        self.starts = 0
        self._starting: threading.Thread | None = None
        self._failure = ""

    @property
    def pid(self) -> int:
        """Its process id, 0 while it does not run."""
        return self.server.pid

    @property
    def is_up(self) -> bool:
        """Whether it accepts connections."""
        return bool(self.pid) and not self._is_starting

    @property
    def _is_starting(self) -> bool:
        return self._starting is not None and self._starting.is_alive()

    def start(self, *, wait: float = 0.0) -> None:
        """Start it if it does not run; with `wait`, until it accepts connections."""
        if not self.pid and not self._is_starting:
            self.starts += 1
            self._starting = threading.Thread(target=self._run, name="start ejabberd")
            self._starting.start()
        if wait and self._starting is not None:
            self._starting.join(bound(wait))
            assert self.is_up, f"ejabberd is not up: {self._failure}"

    def kill(self) -> None:
        """End it at once (SIGKILL), also while it starts."""
        self.server.kill()

    def stop(self) -> None:
        """End it and wait for a start that is under way."""
        self.kill()
        if self._starting is not None:
            self._starting.join(90)
        self.kill()

    def _run(self) -> None:
        self._failure = ""
        try:
            asyncio.run(self.server.start())
        except ConnectionFailedError as error:  # killed while it started: who wants it up starts it again
            self._failure = str(error)
