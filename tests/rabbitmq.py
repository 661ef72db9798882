"""A RabbitMQ node of our own: loopback only, no epmd, in a temporary folder; it may be killed and started again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ejabberd.authority import Authority
from tests.timing import PATIENCE

_SETTINGS = """listeners.tcp.1 = 127.0.0.1:{port}
listeners.ssl.1 = 127.0.0.1:{tls_port}
ssl_options.cacertfile = {ca}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
ssl_options.verify = verify_none
num_acceptors.tcp = 2
num_acceptors.ssl = 2
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 1MB
log.console = false
log.file.level = warning
"""


def _home() -> Path | None:
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
    return found[-1] if found and shutil.which("erl") else None


class RabbitMq:
    """One node."""

    def __init__(self, home: Path, folder: Path) -> None:
        self._home = home
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        authority = Authority(folder / "tls")
        self._certificate, self._key = authority.server("localhost", names=["localhost", "127.0.0.1"])
        self.ca_file = authority.ca_file
        self.port, self.tls_port, self._node_port = _free_ports(3)

    @property
    def url(self) -> str:
        return f"amqp://127.0.0.1:{self.port}/"

    @property
    def tls_url(self) -> str:
        return f"amqps://localhost:{self.tls_port}/"

    def start(self) -> None:
        """Start it, with what it held when it was killed, and wait until it takes connections."""
        self._process = self._launch()
        self._wait(self._process)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self._listens():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"RabbitMQ did not start: {(self._folder / 'console').read_text()[-2000:]}")
            time.sleep(0.05)

    async def restart(self) -> None:
        """Start it again without holding up who waits for it."""
        # Here, and only the waiting in a thread: it ends with the thread that started it.
        self._process = self._launch()
        await asyncio.to_thread(self._wait, self._process)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def _launch(self) -> subprocess.Popen[bytes]:
        folder, plugins = self._folder, self._home / "plugins"
        settings = _SETTINGS.format(
            port=self.port,
            tls_port=self.tls_port,
            ca=self.ca_file,
            certificate=self._certificate,
            key=self._key,
        )
        (folder / "rabbitmq.conf").write_text(settings)
        (folder / "plugins").write_text("[].\n")
        own = {
            "ERL_DIST_PORT": self._node_port,
            "ERL_LIBS": plugins,
            "ERL_CRASH_DUMP": folder / "crash",
            "HOME": folder,
            "RABBITMQ_HOME": self._home,
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": folder / "rabbitmq.conf",
            "RABBITMQ_DIST_PORT": self._node_port,
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "plugins",
            "RABBITMQ_FEATURE_FLAGS_FILE": folder / "flags",
            "RABBITMQ_LOG_BASE": folder / "log",
            "RABBITMQ_MNESIA_BASE": folder / "mnesia",
            "RABBITMQ_NODENAME": "tests@localhost",
            "RABBITMQ_PID_FILE": folder / "pid",
            "RABBITMQ_PLUGINS_DIR": plugins,
        }
        command = ["setpriv", "--pdeathsig=KILL", "--", "erl", "-sname", "tests@localhost", "-noinput"]
        command += ["-start_epmd", "false", "-erl_epmd_port", str(self._node_port), "-setcookie", "tests"]
        command += ["-kernel", "inet_dist_use_interface", "{127,0,0,1}", "+S", "2:2", "+sbwt", "none"]
        command += ["-syslog", "logger", "[]", "-syslog", "syslog_error_logger", "false"]
        command += ["-s", "rabbit", "boot", "-boot", "start_sasl"]
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | {
            key: str(value) for key, value in own.items()
        }
        with (folder / "console").open("wb") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env=environment
            )

    def _listens(self) -> bool:
        try:
            for port in (self.port, self.tls_port):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True


@contextmanager
def running_rabbitmq() -> Iterator[RabbitMq]:
    """Run a node."""
    home = _home()
    if home is None:
        reason = "RabbitMQ is not installed: apt-get install rabbitmq-server"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="vedette-rabbitmq-"))
    node = RabbitMq(home, folder)
    try:
        node.start()
        yield node
    finally:
        node.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports
