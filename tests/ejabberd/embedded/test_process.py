"""The server's process: where it listens, how it starts, and that it never outlives its parent."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from ejabberd.authority import Authority
from ejabberd.embedded import EmbeddedServer, EmbeddedSettings
from tests.timing import bound
from vedette.errors import ConfigurationError, ConnectionFailedError

PARENT = """
import asyncio, sys
from pathlib import Path
from ejabberd.embedded import EmbeddedServer, EmbeddedSettings

async def main():
    server = EmbeddedServer(EmbeddedSettings(folder=Path(sys.argv[1])))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def _listening(pid: int) -> list[str]:
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        target = str(descriptor.readlink())
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and (table.startswith("udp") or fields[3] == "0A"):
                found.append(f"{table} {fields[1]}")
    return found


def _ended(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


async def test_it_listens_on_one_loopback_port_and_nothing_else(server: Any) -> None:
    pid, port = server.embedded.pid, server.embedded.port
    assert _listening(pid) == [f"tcp 0100007F:{port:04X}"]


async def test_it_needs_little_memory_and_no_other_process(server: Any) -> None:
    process = psutil.Process(server.embedded.pid)
    assert process.memory_full_info().pss < 60 * 1024 * 1024
    assert process.children() == []


async def test_a_taken_port_is_explained_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = EmbeddedServer(EmbeddedSettings(folder=tmp_path, port=port))
        with pytest.raises(
            ConnectionFailedError, match=rf"port {port} on 127.0.0.1 is taken .* choose another port$"
        ):
            await server.start()
    assert server.pid == 0


async def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        await EmbeddedServer(EmbeddedSettings(folder=tmp_path / "file" / "xmpp")).start()


async def test_a_damaged_database_is_explained(tmp_path: Path) -> None:
    (tmp_path / "accounts.sqlite").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(ConnectionFailedError, match="cannot open the server's databases"):
        await EmbeddedServer(EmbeddedSettings(folder=tmp_path)).start()


async def test_it_starts_again_on_the_same_port_with_its_accounts(server: Any, connect: Any) -> None:
    await connect("a")
    port = server.embedded.port
    await server.embedded.stop()
    assert server.embedded.pid == 0
    server.embedded = EmbeddedServer(EmbeddedSettings(folder=server.folder, port=port))
    await server.embedded.start()
    try:
        assert server.embedded.port == port
        assert str((await connect("a")).boundjid) == "a@localhost/main"
    finally:
        await server.embedded.stop()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_parent(tmp_path: Path, how: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    parent.send_signal(how)
    parent.wait()
    parent.stdout.close()
    assert _ended(pid, bound(2.0))


def test_sigterm_is_a_clean_stop(tmp_path: Path) -> None:
    Authority(tmp_path).server("localhost")
    command = [sys.executable, "-m", "ejabberd.embedded", "--folder", str(tmp_path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert json.loads(child.stdout.readline())["pid"] == child.pid
    child.terminate()
    assert child.wait(bound(5.0)) == 0
    child.stdout.close()


@pytest.mark.parametrize("changes", [{"domain": "a'b"}, {"domain": ""}, {"domain": "Big.example"}, {"port": 65536}])
def test_settings_that_cannot_work_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        EmbeddedSettings(folder=tmp_path, **changes)
