"""The embedded server from its parent's side: start it, know its port, stop it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ejabberd.accounts import check_domain
from ejabberd.authority import Authority
from vedette.errors import ConfigurationError, ConnectionFailedError

START_SECONDS = 60.0
"""How long the server may take to say that it is ready (0.5 s on an idle machine)."""

STOP_SECONDS = 5.0
"""How long it may take to stop before it is killed."""


@dataclass(frozen=True, kw_only=True)
class EmbeddedSettings:
    """Where and as what the embedded server runs.

    Raises:
        ConfigurationError: the domain is not a lower-case host name, or the port not 0 to 65535.
    """

    folder: Path
    """Keeps accounts, rosters, certificates and the server's log; made if missing."""
    domain: str = "localhost"
    """The domain of its JIDs."""
    port: int = 0
    """Port on 127.0.0.1; 0 chooses a free one."""

    def __post_init__(self) -> None:
        check_domain(self.domain)
        if not 0 <= self.port <= 65535:
            raise ConfigurationError("xmpp", "port", f"{self.port} is not 0 to 65535")


class EmbeddedServer:
    """An XMPP server for one machine in a process of its own, on loopback only.

    It ends when this process ends, however that ends. Use it as an async context manager, or call
    `start` and `stop`; they may run on different event loops.
    """

    def __init__(self, settings: EmbeddedSettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.port = settings.port
        """The port that it listens on; the real one once started."""
        self.ca_file = Authority(settings.folder).ca_file
        """PEM file of the CA to verify it with."""

    @property
    def domain(self) -> str:
        """The domain of its JIDs."""
        return self._settings.domain

    @property
    def pid(self) -> int:
        """Its process id; 0 while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    async def start(self) -> None:
        """Start it and wait until it accepts connections.

        Raises:
            ConfigurationError: its folder cannot be written.
            ConnectionFailedError: it did not come up; the message has the reason in one line.
        """
        if self.pid:
            return
        await asyncio.to_thread(self._launch)
        try:
            ready = await asyncio.wait_for(asyncio.to_thread(self._first_line), START_SECONDS)
        except (TimeoutError, asyncio.CancelledError) as error:
            await self.stop()
            if isinstance(error, asyncio.CancelledError):
                raise
            raise ConnectionFailedError(f"the XMPP server was not ready within {START_SECONDS:.0f} s") from error
        if "port" not in ready:
            await self.stop()
            raise ConnectionFailedError(str(ready.get("error") or f"the XMPP server failed; see {self._log_file}"))
        self.port = int(ready["port"])

    async def stop(self) -> None:
        """Stop it (SIGTERM, then SIGKILL) and wait until it is gone; nothing if it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
        try:
            await asyncio.to_thread(process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
        if process.stdout is not None:
            process.stdout.close()

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        await self.stop()

    @property
    def _log_file(self) -> Path:
        return self._settings.folder / "server.log"

    def _launch(self) -> None:
        settings = self._settings
        Authority(settings.folder).server(settings.domain, names=["localhost", "127.0.0.1"])
        command = [sys.executable, "-m", "ejabberd.embedded", "--folder", str(settings.folder)]
        command += ["--domain", settings.domain, "--port", str(self._settings.port), "--parent-pid", str(os.getpid())]
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=_environment()
            )

    def _first_line(self) -> dict[str, Any]:
        process = self._process
        if process is None or process.stdout is None:
            return {}
        with contextlib.suppress(ValueError):
            value = json.loads(process.stdout.readline())
            if isinstance(value, dict):
                return value
        return {}


def _environment() -> dict[str, str]:
    # The child finds the packages where this process found them, installed or in a source tree.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**os.environ, "PYTHONPATH": path}
