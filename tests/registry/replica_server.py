"""A streaming replica of a PostgreSQL server of ours, which a test may kill, stop for a while and start again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.registry.postgresql import as_postgres, postgres_sql, postgres_url, programs, start_server, wait_for_server
from tests.timing import PATIENCE


class ReplicaServer:
    """A hot standby in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server: subprocess.Popen[bytes] | None = None

    def url(self, name: str) -> str:
        """The URL of a database."""
        return postgres_url(self.folder, name)

    def sql(self, statement: str) -> None:
        """Run a statement, such as to pause the replay."""
        postgres_sql(self.folder, statement)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        # It ends what stands in the way of its replay at once, rather than half a minute later.
        self._server = start_server(self.folder, "hot_standby=on", "max_standby_streaming_delay=0")
        wait_for_server(self._server, f"host={self.folder} user=postgres dbname=postgres", self.folder / "log")

    def end(self) -> None:
        """End it at once, as if its machine had failed."""
        server, self._server = self._server, None
        if server is not None:
            server.send_signal(signal.SIGQUIT)
            server.wait(timeout=PATIENCE)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let none of its processes do anything for a while; its connections stay."""
        assert self._server is not None
        # The one first that makes the others.
        self._server.send_signal(signal.SIGSTOP)
        processes = _children(self._server.pid)
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)
            self._server.send_signal(signal.SIGCONT)


@contextmanager
def running_replica(primary: Path) -> Iterator[ReplicaServer]:
    """Copy the server whose socket is in a folder, and run the copy as its replica."""
    binaries = programs()
    assert binaries is not None
    folder = Path(tempfile.mkdtemp(prefix="vedette-replica-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    options = ["-D", str(folder / "data"), "-h", str(primary), "-U", "postgres", "-R", "-X", "stream", "-c", "fast"]
    command = as_postgres(str(binaries / "pg_basebackup"), *options, "--no-sync")
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    replica = ReplicaServer(folder)
    try:
        replica.start()
        yield replica
    finally:
        replica.end()
        shutil.rmtree(folder, ignore_errors=True)


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == parent:
            found.append(int(status.parent.name))
    return found
