"""A PostgreSQL that is killed and started again, and keeps what it confirmed."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psutil

from tests.registry.postgresql import as_postgres, programs, wait_for_server
from tests.timing import PATIENCE


class PostgresPart:
    """A PostgreSQL that keeps its promises: what it confirmed survives SIGKILL."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vedette-large-pg-"))
        found = programs()
        assert found is not None, "PostgreSQL is not installed: apt-get install postgresql"
        self._programs = found
        shutil.chown(self.folder, "postgres", "postgres")
        data = str(self.folder / "data")
        initdb = as_postgres(str(found / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8")
        subprocess.run(initdb, check=True, capture_output=True, cwd=self.folder)
        self._server: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = int(taken.getsockname()[1])

    @property
    def words(self) -> str:
        """What libpq is told."""
        return f"host={self.folder} port={self.port} user=postgres dbname=postgres"

    @property
    def url(self) -> str:
        """The store's URL."""
        return f"postgresql+psycopg://postgres@/postgres?host={self.folder}&port={self.port}"

    def start(self) -> None:
        """Start it and wait until it answers; after a crash it first recovers."""
        # ejabberd's driver speaks TCP only.
        options = ["listen_addresses=127.0.0.1", f"port={self.port}", "max_connections=80", "shared_buffers=64MB"]
        words = [word for option in options for word in ("-c", option)]
        log = self.folder / "log"
        with log.open("ab") as output:
            command = as_postgres(
                str(self._programs / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), *words
            )
            self._server = subprocess.Popen(command, stdout=output, stderr=output, cwd=self.folder)
        wait_for_server(self._server, self.words, log)

    def kill(self) -> None:
        """End it as a crash would, its children, too."""
        if self._server is not None:
            family = psutil.Process(self._server.pid).children(recursive=True)
            self._server.kill()
            self._server.wait()
            for child in family:
                if child.is_running():
                    child.kill()
            psutil.wait_procs(family, timeout=PATIENCE)

    def close(self) -> None:
        """End it and delete its data."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(timeout=PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)
