"""A cluster of three ejabberd on loopback, made with the commands of docs/cluster.md."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents.connection import Connection, ServerAddress
from ejabberd.accounts import new_password
from ejabberd.api import EjabberdAccounts
from ejabberd.authority import Authority
from ejabberd.server import EjabberdServer
from tests.ejabberd.conftest import Client, Until
from tests.registry.postgresql import postgres_sql
from tests.registry.postgresql_port import reached_by_tcp
from tests.timing import PATIENCE
from vedette.log import logger

DATABASE = "cluster_accounts"
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
COMMAND = [sys.executable, "-c", "from vedette.cli.xmpp import app; app()"]


async def _xmpp(*arguments: str) -> Any:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, "--json", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, output + errors
    return json.loads(output)


@pytest.fixture
async def nodes(open_folder: Path, postgres_folder: Path) -> AsyncIterator[list[EjabberdServer]]:
    """Three nodes of one cluster."""
    postgres_sql(postgres_folder, f"CREATE DATABASE {DATABASE}")
    servers: list[EjabberdServer] = []
    try:
        async with reached_by_tcp(postgres_folder) as port:
            node_port = 0
            for number, host in enumerate(HOSTS):
                folder = open_folder / f"node{number}"
                if number:
                    shutil.copytree(open_folder / "node0" / "tls", folder / "tls")
                names = [word for name in HOSTS for word in ("--host", name)]
                made = await _xmpp(
                    *("init", "--folder", str(folder), "--domain", "localhost", *names, "--listen", host),
                    *("--port", "0", "--node", f"vedette{port}@{host}", "--node-address", host),
                    *("--node-port", str(node_port)),
                    *("--accounts", f"postgresql://postgres:none@127.0.0.1:{port}/{DATABASE}"),
                )
                node_port = made["node_port"]
                servers.append(EjabberdServer(folder))
            await asyncio.gather(*(server.start() for server in servers))
            for number in (1, 2):
                await _xmpp("join", "--folder", str(open_folder / f"node{number}"), servers[0].settings.node)
            yield servers
            await asyncio.gather(*(server.stop() for server in servers))
    finally:
        for server in servers:
            server.kill()
        postgres_sql(postgres_folder, f"DROP DATABASE {DATABASE} WITH (FORCE)")


def _connection(name: str, password: str, nodes: list[EjabberdServer]) -> tuple[Connection, list[str]]:
    first, *others = (f"{server.settings.listen}:{server.port}" for server in nodes)
    presences: list[str] = []
    connection = Connection(
        jid=f"{name}@localhost/main",
        password=password,
        server=ServerAddress.parse(first, others=others, ca_file=nodes[0].ca_file),
        log=logger("test"),
        on_session=lambda: connection.client.send_presence(ppriority=1),
        on_lost=lambda _: None,
    )

    def hear(stanza: Any) -> None:
        kind = stanza.xml.get("type", "available")
        presences.append(f"{stanza['from']} {kind}")
        if kind == "subscribe":
            connection.client.send_presence(pto=stanza["from"].bare, ptype="subscribed")

    connection.on_presence(hear)
    return connection, presences


@pytest.mark.long  # in `make test`, `tests/faults/test_large_fleet.py` has a cluster, of which a node dies
async def test_a_node_dies_its_agents_move_and_it_comes_back(nodes: list[EjabberdServer], until: Until) -> None:
    folders = [server.ca_file.parent.parent for server in nodes]
    names = sorted(server.settings.node for server in nodes)
    assert await _xmpp("cluster", "--folder", str(folders[2])) == {"nodes": names}
    # An account that is made on one node is one on each.
    password = new_password()
    accounts = [EjabberdAccounts(folder) for folder in folders]
    for name in ("mover", "watcher"):
        await asyncio.to_thread(accounts[0].create, name, password)
    assert await asyncio.to_thread(accounts[2].names) == ["mover", "watcher"]
    mover, _ = _connection("mover", password, nodes)
    await mover.open(patience=PATIENCE)
    dying = next(server for server in nodes if server.settings.listen == mover.server.host)
    left = [server for server in nodes if server is not dying]
    watcher, seen = _connection("watcher", password, left)
    await watcher.open(patience=PATIENCE)
    keepers = [asyncio.create_task(connection.keep()) for connection in (mover, watcher)]
    for one, other in ((watcher, "mover"), (mover, "watcher")):
        one.client.send_presence(pto=f"{other}@localhost", ptype="subscribe")
    await until(lambda: "mover@localhost/main available" in seen)
    seen.clear()
    dying.kill()
    # Its followers see it again where it went, without asking.
    await until(lambda: mover.online and mover.server.host != dying.settings.listen)
    await until(lambda: "mover@localhost/main available" in seen)
    await dying.start()
    again = [await _xmpp("cluster", "--folder", str(folder)) for folder in folders]
    assert again == [{"nodes": names}] * 3
    # Whoever is removed on one node is out on each, with the certificate too.
    lost: list[Any] = []
    mover.client.add_event_handler("disconnected", lost.append)
    await asyncio.to_thread(accounts[nodes.index(dying)].remove, "mover")
    await until(lambda: lost)
    for task in keepers:
        task.cancel()
    await asyncio.gather(*keepers, return_exceptions=True)
    await asyncio.gather(mover.close(), watcher.close())
    certificate, key = Authority(folders[0] / "tls").client("mover@localhost")
    for server in nodes:
        client = Client("mover@localhost/main", "", server.ca_file)
        client.certfile, client.keyfile = str(certificate), str(key)
        client.connect(server.settings.listen, server.port)
        await asyncio.wait_for(client.failed.wait(), PATIENCE)
        await client.disconnect(wait=0.5)
    gone = nodes.index(dying)
    staying = next(number for number in range(3) if number != gone)
    left_over = await _xmpp("leave", "--folder", str(folders[staying]), dying.settings.node)
    assert left_over == {"nodes": sorted(server.settings.node for server in left)}
