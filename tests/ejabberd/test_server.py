"""The real ejabberd, as `vedette xmpp` configures and runs it."""

from __future__ import annotations

import asyncio
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import psutil
import pytest

from ejabberd.accounts import new_password
from ejabberd.authority import Authority
from ejabberd.configuration import initialise
from ejabberd.server import EjabberdServer
from ejabberd.settings import XmppSettings
from tests.timing import PATIENCE, bound
from vedette.errors import ConfigurationError, ConnectionFailedError, RefusedError

PARENT = """
import asyncio, sys
from pathlib import Path
from ejabberd.server import EjabberdServer

async def main():
    server = EjabberdServer(Path(sys.argv[1]))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def _ended(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


async def test_it_listens_on_loopback_only_and_not_as_root(production: Any) -> None:
    process = psutil.Process(production.ejabberd.pid)
    addresses = {entry.laddr.ip for entry in process.net_connections("inet") if entry.status == psutil.CONN_LISTEN}
    assert addresses == {"127.0.0.1"}
    ports = {entry.laddr.port for entry in process.net_connections("inet") if entry.status == psutil.CONN_LISTEN}
    settings = production.ejabberd.settings
    assert ports == {settings.port, settings.api_port, settings.node_port}
    assert process.uids().effective != 0


async def test_login_by_scram_and_messages(production: Any, until: Any) -> None:
    passwords = {name: new_password() for name in "ab"}
    for name, password in passwords.items():
        production.accounts.create(name, password)
    assert production.accounts.names() == ["a", "b"]
    a, b = [await production.connect(name, passwords[name]) for name in "ab"]
    assert a.plugin["feature_mechanisms"].mech.name == "SCRAM-SHA-256"
    a.send_message("b@localhost", "y" * 900_000)
    await until(lambda: b.messages)
    assert len(b.messages[0]["body"]) == 900_000
    ended: list[Any] = []
    a.add_event_handler("disconnected", ended.append)
    a.send_message("b@localhost", "y" * 1_200_000)
    await until(lambda: ended)


async def test_login_by_client_certificate(production: Any) -> None:
    production.accounts.create("a", new_password())
    authority = Authority(production.folder / "tls")
    client = production.client("a", "", certificate=authority.client("a@localhost"))
    await client.wait_until("session_start", PATIENCE)
    assert client.plugin["feature_mechanisms"].mech.name == "EXTERNAL"


async def test_a_certificate_lets_in_whom_it_names_and_nobody_else(production: Any) -> None:
    for name in "ab":
        production.accounts.create(name, new_password())
    authority = Authority(production.folder / "tls")
    client = production.client("a", "", certificate=authority.client("b@localhost"))
    await client.wait_until("session_start", PATIENCE)
    assert client.boundjid.bare == "b@localhost"


async def test_a_certificate_of_another_authority_lets_nobody_in(production: Any, tmp_path: Path) -> None:
    production.accounts.create("a", new_password())
    client = production.client("a", "", certificate=Authority(tmp_path).client("a@localhost"))
    await asyncio.wait_for(client.failed.wait(), PATIENCE)


async def test_a_removed_account_is_kept_out_with_its_certificate(production: Any, until: Any) -> None:
    production.accounts.create("a", new_password())
    certificate = Authority(production.folder / "tls").client("a@localhost")
    first = production.client("a", "", certificate=certificate)
    await first.wait_until("session_start", PATIENCE)
    ended: list[Any] = []
    first.add_event_handler("disconnected", ended.append)
    production.accounts.remove("a")
    await until(lambda: ended)
    for _ in range(2):
        again = production.client("a", "", certificate=certificate)
        await asyncio.wait_for(again.failed.wait(), PATIENCE)
        await production.ejabberd.stop()
        await production.ejabberd.start()
    password = new_password()
    production.accounts.create("a", password)
    await production.connect("a", password)


async def test_a_wrong_password_fails_soon(production: Any) -> None:
    production.accounts.create("a", new_password())
    await asyncio.wait_for(production.client("a", new_password()).failed.wait(), PATIENCE)


async def test_its_log_is_the_rotated_one_alone_and_has_no_secret(production: Any, until: Any) -> None:
    password = new_password()
    production.accounts.create("a", password)
    await asyncio.wait_for(production.client("a", new_password()).failed.wait(), PATIENCE)
    logs = production.folder / "logs"
    await until(lambda: "Failed c2s" in (logs / "ejabberd.log").read_text())
    said = "".join(path.read_text() for path in logs.iterdir())
    assert "Failed c2s" not in (logs / "console.log").read_text()
    assert not [secret for secret in (password, production.ejabberd.settings.api_secret) if secret in said]


async def test_a_changed_password_counts_at_once(production: Any) -> None:
    production.accounts.create("a", new_password())
    again = new_password()
    production.accounts.create("a", again)
    await production.connect("a", again)


async def test_a_removed_account_is_out(production: Any, until: Any) -> None:
    password = new_password()
    production.accounts.create("a", password)
    client = await production.connect("a", password)
    ended: list[Any] = []
    client.add_event_handler("disconnected", ended.append)
    production.accounts.remove("a")
    await until(lambda: ended)
    assert production.accounts.names() == []
    production.accounts.remove("a")


async def test_names_and_passwords_are_checked(production: Any) -> None:
    with pytest.raises(RefusedError, match="name"):
        production.accounts.create("A/b", new_password())
    with pytest.raises(RefusedError, match="password"):
        production.accounts.create("a", "")


async def test_a_killed_server_comes_back_with_its_accounts(production: Any) -> None:
    password = new_password()
    production.accounts.create("a", password)
    await production.connect("a", password)
    production.ejabberd.kill()
    assert production.ejabberd.pid == 0
    await production.ejabberd.start()
    assert production.accounts.names() == ["a"]
    await production.connect("a", password)


async def test_presence_of_a_killed_client_ends(production: Any, until: Any) -> None:
    passwords = {name: new_password() for name in "ab"}
    for name, password in passwords.items():
        production.accounts.create(name, password)
    a, b = [await production.connect(name, passwords[name]) for name in "ab"]
    a.send_presence_subscription("b@localhost")
    await until(lambda: b.seen("subscribe", "a@localhost"))
    b.send_presence(pto="a@localhost", ptype="subscribed")
    await until(lambda: a.seen("available", "b@localhost"))
    b.kill()
    killed = time.monotonic()
    await until(lambda: a.seen("unavailable", "b@localhost"))
    assert time.monotonic() - killed < bound(2.0)


@pytest.mark.long
async def test_a_cut_client_is_seen_gone_within_thirty_seconds(production: Any, until: Any) -> None:
    passwords = {name: new_password() for name in "ab"}
    for name, password in passwords.items():
        production.accounts.create(name, password)
    a, b = [await production.connect(name, passwords[name]) for name in "ab"]
    a.send_presence_subscription("b@localhost")
    await until(lambda: b.seen("subscribe", "a@localhost"))
    b.send_presence(pto="a@localhost", ptype="subscribed")
    await until(lambda: a.seen("available", "b@localhost"))
    # A half-open connection: the socket stays, nothing is read or answered any more.
    b.transport.pause_reading()
    cut = time.monotonic()
    await until(lambda: a.seen("unavailable", "b@localhost"), bound(30.0))
    assert time.monotonic() - cut < bound(30.0)
    b.transport.abort()


async def test_publish_subscribe(production: Any, until: Any) -> None:
    passwords = {name: new_password() for name in "ab"}
    for name, password in passwords.items():
        production.accounts.create(name, password)
    a, b = [await production.connect(name, passwords[name]) for name in "ab"]
    heard: list[Any] = []
    b.add_event_handler("pubsub_publish", heard.append)
    await a["xep_0060"].create_node("pubsub.localhost", "scan")
    await b["xep_0060"].subscribe("pubsub.localhost", "scan")
    await a["xep_0060"].publish("pubsub.localhost", "scan", id="1", payload=Element("{vedette/1}event"))
    await until(lambda: heard)


async def test_two_run_side_by_side(production: Any, open_folder: Path) -> None:
    initialise(open_folder / "second", XmppSettings(domain="second.example", port=0))
    async with EjabberdServer(open_folder / "second") as second:
        assert second.port != production.ejabberd.port
        assert psutil.pid_exists(production.ejabberd.pid)


async def test_a_taken_port_is_explained_in_one_line(open_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        initialise(open_folder / "x", XmppSettings(domain="localhost", port=port))
        with pytest.raises(
            ConnectionFailedError, match=rf"port {port} on 127.0.0.1 is taken .* choose another port$"
        ):
            await EjabberdServer(open_folder / "x").start()


async def test_a_broken_configuration_is_explained(open_folder: Path) -> None:
    initialise(open_folder / "x", XmppSettings(domain="localhost", port=0))
    with (open_folder / "x" / "config" / "ejabberd.yml").open("a") as file:
        file.write("nonsense_option: 1\n")
    with pytest.raises(ConnectionFailedError, match="nonsense_option"):
        await EjabberdServer(open_folder / "x").start()


async def test_a_folder_that_its_user_cannot_reach_is_explained(open_folder: Path) -> None:
    initialise(open_folder / "closed" / "x", XmppSettings(domain="localhost", port=0))
    (open_folder / "closed").chmod(0o700)
    if stat.S_IMODE((open_folder / "closed").stat().st_mode) == 0o700 and (open_folder / "closed").owner() != "root":
        pytest.skip("only root starts it as another user")
    with pytest.raises(ConfigurationError, match="cannot reach it"):
        await EjabberdServer(open_folder / "closed" / "x").start()


def test_it_ends_with_its_parent(open_folder: Path) -> None:
    initialise(open_folder / "x", XmppSettings(domain="localhost", port=0))
    command = [sys.executable, "-c", PARENT, str(open_folder / "x")]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert _ended(pid, PATIENCE)
