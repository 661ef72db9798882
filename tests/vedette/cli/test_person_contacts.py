"""A new person's contact list, filled in over the real embedded server."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from ejabberd.accounts import EmbeddedAccounts, new_password
from ejabberd.embedded import EmbeddedServer, EmbeddedSettings
from vedette.cli.carrier import Carrier
from vedette.cli.person_contacts import fill_in
from vedette.people.contacts import Contact

CONTACTS = [Contact(jid=f"{name}@localhost", role="probe") for name in ("probe1", "probe2")]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(EmbeddedSettings(folder=tmp_path, domain="localhost"))
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


def test_every_agent_is_in_the_list_with_name_and_group_and_asked(server: EmbeddedServer, tmp_path: Path) -> None:
    # Given a person's account and two agents that are away
    accounts, password = EmbeddedAccounts(tmp_path), new_password()
    for name in ("anna", "probe1", "probe2"):
        accounts.create(name, password)
    carrier = Carrier(server=f"127.0.0.1:{server.port}", ca=server.ca_file)
    # When the list is filled in
    assert fill_in(CONTACTS, jid="anna@localhost", password=password, carrier=carrier) == 2
    # Then both are in it, and each will be asked when it comes
    with closing(sqlite3.connect(tmp_path / "rosters.sqlite")) as connection:
        rows = connection.execute("SELECT owner, contact, entry FROM roster").fetchall()
    entries = {(owner, contact): orjson.loads(entry) for owner, contact, entry in rows}
    for contact in CONTACTS:
        mine = entries["anna@localhost", contact.jid]
        assert (mine["name"], mine["groups"], mine["asked"]) == (contact.name, ["Vedette probe"], True)
        assert entries[contact.jid, "anna@localhost"]["waiting"]
    # And who cannot log in fills in nothing
    assert fill_in(CONTACTS, jid="anna@localhost", password="wrong password", carrier=carrier) == 0


def test_without_a_server_nothing_is_filled_in(tmp_path: Path) -> None:
    carrier = Carrier(server="127.0.0.1:1", ca=None)
    assert fill_in(CONTACTS, jid="anna@localhost", password=new_password(), carrier=carrier) == 0


def test_another_node_takes_them_where_the_first_is_dead(server: EmbeddedServer, tmp_path: Path) -> None:
    accounts, password = EmbeddedAccounts(tmp_path), new_password()
    accounts.create("anna", password)
    carrier = Carrier(server="127.0.0.1:1", others=(f"127.0.0.1:{server.port}", "127.0.0.1:2"), ca=server.ca_file)
    assert fill_in(CONTACTS, jid="anna@localhost", password=password, carrier=carrier) == 2
