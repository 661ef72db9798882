"""A person at a chat client on a real ejabberd: what the server adds must neither get in the way nor tell more."""

from __future__ import annotations

from pathlib import Path

from ejabberd.accounts import new_password
from tests.agents.person import PersonClient, fields, table
from tests.agents.station import Station
from tests.ejabberd.conftest import Production, Until
from tests.timing import PATIENCE
from vedette.jobs.scope import ScopePolicy
from vedette.people.person import Person, PersonRole


async def test_a_person_sees_the_fleet_and_runs_a_tool(production: Production, tmp_path: Path, until: Until) -> None:
    # Given a fleet on ejabberd, a person in its allow-list and a stranger
    station = Station(server=production.ejabberd, folder=tmp_path)
    station.accounts = production.accounts
    station.scope = ScopePolicy()
    station.people = [Person(jid=station.jid("anna"), role=PersonRole.OPERATE)]
    station.database.migrate()
    station.database.open()
    clients = []
    try:
        await station.start_hub()
        sender = await station.sender()
        for name in ("anna", "eve"):
            password = new_password()
            station.accounts.create(station.name(name), password)
            clients.append(PersonClient(station.jid(name), password, ca_file=production.ejabberd.ca_file))
            await clients[-1].log_in(production.ejabberd.port)
        anna, eve = clients
        registry, probe = station.jid("registry"), station.jid("sender")
        # When both ask to see it
        for client in clients:
            client.follow(registry, name="Registry", group="Vedette")
            client.follow(probe)
        # Then the person does, and the stranger does not
        await until(lambda: ("available", "") in anna.heard(registry) and ("available", "") in anna.heard(probe))
        sender.set_presence(show="dnd", status="scanning")
        await until(lambda: ("dnd", "scanning") in anna.heard(probe))
        await until(lambda: ("unsubscribed", "") in eve.heard(registry) and ("unsubscribed", "") in eve.heard(probe))
        assert {kind for jid in (registry, probe) for kind, _ in eve.heard(jid)} == {"unsubscribed"}
        assert await eve.refusal(str(sender.client.boundjid), "status") == ("forbidden", "")
        # And the agent can be browsed and spoken to
        info = await anna.plugin["xep_0030"].get_info(anna.address(probe), timeout=PATIENCE)
        assert info["disco_info"]["identities"] == {("client", "bot", None, "Vedette probe")}
        address = anna.address(registry)
        asked = await anna.call(address, "run-tool")
        assert "tcp-connect" in fields(asked)["tool"].options
        asked = await anna.call(address, "run-tool", session=asked["sessionid"], values={"tool": "tcp-connect"})
        values = {"targets": ["127.0.0.1"], "argument:ports": ["9"]}
        asked = await anna.call(address, "run-tool", session=asked["sessionid"], values=values)
        await anna.call(address, "run-tool", action="complete", session=asked["sessionid"])
        (row,) = table(await anna.call(address, "list-jobs"))
        assert (row["tool"], row["by"]) == ("tcp-connect", f"person {station.jid('anna')}")
    finally:
        for client in clients:
            await client.leave()
        await station.close()
