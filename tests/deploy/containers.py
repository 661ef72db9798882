"""A Docker daemon of our own, with a network namespace of its own, and the images of others made from a clean Debian.

What the composition takes from a registry is made here, as far as the composition uses it: the servers are Debian's.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.deploy.chroot import Chroot
from tests.deploy.programs import must, run
from tests.timing import PATIENCE

IN_THE_BASE = ("ejabberd", "nmap", "openssl", "postgresql-15", "rabbitmq-server")
"""What the image of ours would fetch, and the servers of the other images."""

_POSTGRES = """#!/bin/sh
# The settings of Docker's official image, as far as the composition uses them.
set -eu
data=/var/lib/postgresql/data bin=/usr/lib/postgresql/15/bin
as="setpriv --reuid postgres --regid postgres --clear-groups"
chown postgres:postgres "$data"
chmod 0700 "$data"
if ! [ -s "$data/PG_VERSION" ]; then
    $as "$bin/initdb" -D "$data" -U "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" -E UTF8 \\
        --auth-host scram-sha-256 --auth-local trust
    echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
    $as "$bin/pg_ctl" -D "$data" -w -o "-c listen_addresses=" start
    $as "$bin/createdb" -U "$POSTGRES_USER" "$POSTGRES_DB" || [ "$POSTGRES_USER" = "$POSTGRES_DB" ]
    $as "$bin/pg_ctl" -D "$data" -w stop
fi
exec $as "$bin/postgres" -D "$data" -c listen_addresses='*'
"""

_DOCKERFILES = {
    "postgres:15": """FROM debian:12-slim
COPY entry /entry
RUN chmod 0755 /entry && ln -sf /usr/lib/postgresql/15/bin/* /usr/bin/
ENTRYPOINT ["/entry"]
""",
    "rabbitmq:3.13": """FROM debian:12-slim
ENTRYPOINT ["/usr/sbin/rabbitmq-server"]
""",
}


class Containers:
    """A daemon's containers, of one composition."""

    def __init__(self, *, namespace: str, socket: Path) -> None:
        self._into = ("nsenter", f"--net=/var/run/netns/{namespace}")
        self._environment = {"DOCKER_HOST": f"unix://{socket}", "VEDETTE_HOST": "hub.example"}
        self.composition = Path()
        """Folder of compose.yml."""

    def docker(self, *arguments: str | Path, seconds: float = 600.0) -> str:
        """Run a command of Docker that has to end well, and return what it printed."""
        return must("docker", *arguments, seconds=seconds, **self._environment)

    def compose(self, *arguments: str) -> str:
        """Run a command of Compose that has to end well, and return what it printed."""
        options = ("-f", f"{self.composition}/compose.yml", "--project-directory", f"{self.composition}")
        return must(*self._into, "docker-compose", *options, *arguments, seconds=900.0, **self._environment)

    def vedette(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ours where the hub runs, and return how it ended."""
        return run("docker", "exec", self.id("hub"), "vedette", *arguments, seconds=180.0, **self._environment)

    def id(self, service: str) -> str:
        """Return the container of a service."""
        return self.compose("ps", "--quiet", service).strip()

    def kill(self, service: str) -> None:
        """End what a service runs, as a crash would; `docker kill` would be somebody's wish that it stay away."""
        process = int(self.docker("inspect", "--format", "{{.State.Pid}}", self.id(service)))
        os.kill(process, signal.SIGKILL)

    def starts(self, service: str) -> int:
        """Return how often the daemon started a service again."""
        return int(self.docker("inspect", "--format", "{{.RestartCount}}", self.id(service)))


def wait_until(holds: Callable[[], object], *, what: str) -> None:
    """Ask until something holds; containers take their time."""
    end = time.monotonic() + 3 * PATIENCE
    while not holds():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.5)


@contextmanager
def running_daemon(folder: Path) -> Iterator[Containers]:
    """Start a daemon; its containers and its network end with the block.

    Args:
        folder: an empty one, for everything of the daemon.
    """
    namespace = f"vedette-{uuid.uuid4().hex[:8]}"
    must("ip", "netns", "add", namespace)
    # Its socket's path is short: sockets have 108 characters.
    options = {"data-root": "data", "exec-root": "run", "pidfile": "pid", "host": "socket"}
    places = [f"--{name}={'unix://' if name == 'host' else ''}{folder / place}" for name, place in options.items()]
    log = (folder / "log").open("wb")
    try:
        must("ip", "-n", namespace, "link", "set", "lo", "up")
        command = ["nsenter", f"--net=/var/run/netns/{namespace}", "dockerd", *places]
        daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        containers = Containers(namespace=namespace, socket=folder / "socket")
        try:
            wait_until(lambda: _answers(daemon, folder), what="the daemon answers")
            yield containers
        finally:
            for container in containers.docker("ps", "--all", "--quiet").split():
                containers.docker("rm", "--force", "--volumes", container)
            daemon.terminate()
            daemon.wait(PATIENCE)
    finally:
        log.close()
        must("ip", "netns", "del", namespace)


def _answers(daemon: subprocess.Popen[bytes], folder: Path) -> bool:
    assert daemon.poll() is None, (folder / "log").read_text()[-2000:]
    return run("docker", "version", DOCKER_HOST=f"unix://{folder / 'socket'}").returncode == 0


def make_images(containers: Containers, debian: Chroot, folder: Path) -> None:
    """Make the images that the composition names but does not build.

    Args:
        containers: the daemon's.
        debian: made with `IN_THE_BASE`; it gets no sources of packages, so that a build fetches nothing.
        folder: an empty one.
    """
    (debian.folder / "etc/apt/sources.list").write_text("")
    shutil.rmtree(debian.folder / "var/cache/apt/archives", ignore_errors=True)
    archive = folder / "debian.tar"
    must("tar", "-C", debian.folder, "--numeric-owner", "-cf", archive, ".", seconds=600.0)
    containers.docker("import", archive, "debian:12-slim")
    archive.unlink()
    for name, lines in _DOCKERFILES.items():
        place = folder / name.partition(":")[0]
        place.mkdir()
        (place / "Dockerfile").write_text(lines)
        (place / "entry").write_text(_POSTGRES)
        containers.docker("build", "--quiet", "--tag", name, place)
