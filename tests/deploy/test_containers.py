"""The composition in real containers: it comes up by the documentation's steps, works, outlives its parts' deaths.

Takes minutes. The image of ours is built from the package as `make deb` makes it; the images of others are made here
(`containers.py`), since there is no registry to take them from.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest

from tests.deploy.chroot import Chroot
from tests.deploy.containers import IN_THE_BASE, Containers, make_images, running_daemon, wait_until
from tests.deploy.programs import DEPLOY, ROOT, must, need

pytestmark = pytest.mark.long

AGENTS = {"registry", "aggregation", "reader", "amqp"}

DYING = {
    f"198.51.100.{number}": service for number, service in enumerate(("hub", "rt", "xmpp", "postgres", "rabbitmq"))
}
"""What is ended, and the address that is told meanwhile."""

SECRETS = """
umask 077
openssl rand -hex 24 | tr -d '\\n' >secrets/postgres-password
echo "*:*:*:vedette:$(cat secrets/postgres-password)" >secrets/pgpass
login=$(openssl rand -hex 24)
printf 'default_user = vedette\\ndefault_pass = %s\\n' "$login" >secrets/rabbitmq-user.conf
printf 'vedette:%s\\n' "$login" >secrets/rabbitmq-login
chmod 0644 secrets/rabbitmq-user.conf secrets/postgres-password
"""
"""As docs/packaging.md has it."""

COLLECTOR = """
import asyncio, pathlib, sys
import aio_pika

async def publish(text):
    login = pathlib.Path("/var/lib/vedette/secrets/rabbitmq-login").read_text().strip()
    async with await aio_pika.connect(f"amqp://{login}@rabbitmq/") as broker:
        exchange = await (await broker.channel()).get_exchange("stucco")
        message = aio_pika.Message(
            text.encode(), content_type="text/plain", headers={"HasContent": True}, delivery_mode=2
        )
        await exchange.publish(message, routing_key="stucco.in.unstructured.report")

asyncio.run(publish(sys.argv[1]))
"""
"""Somebody's program that speaks to RabbitMQ, and to nothing of ours."""


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """The composition, started as the documentation says."""
    need("dockerd", "docker", "docker-compose", "nsenter", "dpkg-deb", "openssl")
    folder = tmp_path_factory.mktemp("containers")
    debian = Chroot(folder / "root")
    debian.make(*IN_THE_BASE)
    composition = shutil.copytree(
        DEPLOY / "compose", folder / "compose", ignore=shutil.ignore_patterns("secrets", "*.deb")
    )
    (composition / "secrets").mkdir(mode=0o700)
    must("sh", "-euc", f"cd {composition}\n{SECRETS}")
    must("tools/deb-environment", ROOT / ".venv/bin/uv", "/usr/bin/python3", folder / "environment", seconds=900.0)
    package = must("tools/deb-pack", folder / "environment", folder, seconds=900.0).strip()
    shutil.rmtree(folder / "environment")
    shutil.move(package, composition / "vedette.deb")
    (folder / "docker").mkdir()
    (folder / "images").mkdir()
    with running_daemon(folder / "docker") as daemon:
        make_images(daemon, debian, folder / "images")
        shutil.rmtree(debian.folder)
        daemon.composition = composition
        daemon.compose("up", "--build", "--detach")
        yield daemon
    shutil.rmtree(folder)


def there(containers: Containers) -> set[str]:
    """Return the agents that the hub sees."""
    said = containers.vedette("status", "--json")
    if said.returncode not in (0, 1):
        return set()
    return {agent["jid"].partition("@")[0] for agent in json.loads(said.stdout) if agent["presence"] == "available"}


def all_there(containers: Containers) -> bool:
    return there(containers) >= AGENTS


def publish(containers: Containers, text: str) -> None:
    python = "/usr/lib/vedette/bin/python3"
    containers.docker("exec", containers.id("gateway"), python, "-c", COLLECTOR, text)


def known(containers: Containers, address: str) -> bool:
    return address in containers.vedette("graph", "search", address).stdout


def items(containers: Containers) -> int:
    said = containers.vedette("items", "list", "--json")
    assert said.returncode == 0, said.stderr
    return len(json.loads(said.stdout))


def test_it_comes_up_whole_and_reads_what_a_collector_publishes(containers: Containers) -> None:
    wait_until(lambda: all_there(containers), what="all agents are there")
    publish(containers, "LeakyTurtle beacons to 203.0.113.77.")
    wait_until(lambda: known(containers, "203.0.113.77"), what="the graph has the address")
    assert items(containers) == 1
    assert "/setup#" in containers.vedette("users", "setup-link").stdout
    assert containers.vedette("repairs").returncode == 0


@pytest.mark.parametrize(("address", "service"), list(DYING.items()))
def test_what_dies_is_started_again_and_nothing_is_lost(containers: Containers, address: str, service: str) -> None:
    wait_until(lambda: all_there(containers), what="all agents are there")
    before, starts = items(containers), containers.starts(service)
    if service != "rabbitmq":
        publish(containers, f"LeakyTurtle beacons to {address}.")
    containers.kill(service)
    wait_until(lambda: containers.starts(service) > starts, what=f"{service} runs again")
    if service == "rabbitmq":
        wait_until(lambda: try_to_publish(containers, f"LeakyTurtle beacons to {address}."), what="it takes messages")
    wait_until(lambda: known(containers, address), what="the graph has the address")
    wait_until(lambda: all_there(containers), what="all agents are there again")
    assert items(containers) == before + 1


def try_to_publish(containers: Containers, text: str) -> bool:
    try:
        publish(containers, text)
    except AssertionError:
        return False
    return True


def test_what_was_stored_is_there_after_down_and_up(containers: Containers) -> None:
    before = items(containers)
    assert before > 0
    containers.compose("down")
    containers.compose("up", "--detach")
    wait_until(lambda: all_there(containers), what="all agents are there")
    assert items(containers) == before
