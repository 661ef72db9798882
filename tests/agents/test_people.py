"""People at an XMPP client: a real client that shares no code with ours, on the real embedded server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from slixmpp.exceptions import IqError

from ejabberd.accounts import new_password
from registry.audit import AuditFilter
from registry.callers import Actor
from registry.job_desk import JobDesk
from registry.schedule_desk import ScheduleDesk
from tests.agents.person import PersonClient, condition, fields, notes, table
from tests.agents.station import Station, Until, make_item
from tests.timing import PATIENCE
from vedette import __version__
from vedette.evidence.authority.local import LocalAuthority
from vedette.jobs.request import JobRequest
from vedette.jobs.scope import ScopePolicy
from vedette.people.person import Person, PersonRole
from vedette.scheduling.request import ScheduleRequest

Join = Callable[..., Awaitable[PersonClient]]

SCOPE = ScopePolicy(tools=["tcp-connect"], commands={"echo": ["echo", "seen", "{target}"]})


READING = ["fleet", "last-items", "list-jobs", "repairs", "schedules", "status", "verify-item"]
OPERATING = ["cancel-job", "order-check", "order-schedule", "run-tool"]


@pytest.fixture
async def join(station: Station) -> AsyncIterator[Join]:
    """Log people in; without a role, strangers with an account."""
    clients: list[PersonClient] = []

    async def go(name: str) -> PersonClient:
        password = new_password()
        station.accounts.create(station.name(name), password)
        client = PersonClient(station.jid(name), password, ca_file=station.server.ca_file)
        clients.append(client)
        await client.log_in(station.server.port)
        return client

    yield go
    for client in clients:
        await client.leave()


def allow(station: Station, **roles: PersonRole) -> None:
    station.people = [Person(jid=station.jid(name), role=role) for name, role in roles.items()]


async def calmly(held: bool) -> bool:
    """Return whether a condition held, slowly where not: who asks more than five times a second has to wait."""
    if not held:
        await asyncio.sleep(0.3)
    return held


async def test_a_person_sees_the_fleet_and_a_stranger_does_not(station: Station, join: Join, until: Until) -> None:
    # Given a fleet with a person in its allow-list, and a stranger with an account
    allow(station, anna=PersonRole.READ)
    await station.start_hub()
    sender = await station.sender()
    anna, eve = await join("anna"), await join("eve")
    registry, probe = station.jid("registry"), station.jid("sender")
    # When both ask to see it
    for client in (anna, eve):
        client.follow(registry, name="Registry", group="Vedette")
        client.follow(probe)
    # Then the person sees who is there, and why somebody is busy
    await until(lambda: ("available", "") in anna.heard(registry) and ("available", "") in anna.heard(probe))
    sender.set_presence(show="dnd", status="outbox full")
    await until(lambda: ("dnd", "outbox full") in anna.heard(probe))
    sender.set_presence(show="away", status="nothing to do")
    await until(lambda: ("away", "nothing to do") in anna.heard(probe))
    # And is offered the others as contacts, for the client and in words
    await until(lambda: anna.messages)
    offer = anna.messages[0].xml
    items = offer.findall("{http://jabber.org/protocol/rosterx}x/{http://jabber.org/protocol/rosterx}item")
    assert {item.get("jid") for item in items} == {probe, station.jid("engine")}
    assert {item[0].text for item in items} == {"Vedette probe", "Vedette aggregation"}
    assert probe in anna.messages[0]["body"]
    # And the stranger is refused and sees nothing
    await until(lambda: ("unsubscribed", "") in eve.heard(registry) and ("unsubscribed", "") in eve.heard(probe))
    assert {kind for jid in (registry, probe) for kind, _ in eve.heard(jid)} == {"unsubscribed"}
    assert eve.messages == []
    # And sees somebody go
    await sender.stop()
    await until(lambda: any(kind == "unavailable" for kind, _ in anna.heard(probe)))


async def test_discovery_version_and_capabilities(station: Station, join: Join, until: Until) -> None:
    allow(station, anna=PersonRole.OPERATE)
    await station.start_hub()
    await station.sender()
    anna = await join("anna")
    registry, probe = station.jid("registry"), station.jid("sender")
    for jid in (registry, probe):
        anna.follow(jid)
    await until(lambda: ("available", "") in anna.heard(registry) and ("available", "") in anna.heard(probe))
    address = anna.address(probe)
    # Identity and features
    disco = anna.plugin["xep_0030"]
    info = await disco.get_info(address, timeout=PATIENCE)
    assert info["disco_info"]["identities"] == {("client", "bot", None, "Vedette probe")}
    features = info["disco_info"]["features"]
    assert {"http://jabber.org/protocol/commands", "jabber:iq:version", "jabber:x:data"} <= set(features)
    # The hash in its presence is what the client computes from that
    caps = next(s["caps"] for s in reversed(anna.presences) if str(s["from"]) == address)
    assert caps["ver"] == anna.plugin["xep_0115"].generate_verstring(info["disco_info"], "sha-1")
    again = await disco.get_info(address, node=f"{caps['node']}#{caps['ver']}", timeout=PATIENCE)
    assert again["disco_info"]["features"] == features
    # Version: no more than name and version
    version = await anna.plugin["xep_0092"].get_version(address, timeout=PATIENCE)
    assert (version["software_version"]["name"], version["software_version"]["version"]) == ("Vedette", __version__)
    assert not version["software_version"]["os"]

    # The registry lists the fleet, with the address to ask further where it is known
    async def listed() -> bool:
        items = (await disco.get_items(anna.address(registry), timeout=PATIENCE))["disco_items"]["items"]
        assert {jid.partition("/")[0] for jid, _, _ in items} == {registry, probe, station.jid("engine")}
        return await calmly(address in {jid for jid, _, _ in items})

    await until(listed)
    # Commands
    assert await anna.nodes(address) == ["status"]
    assert await anna.nodes(anna.address(registry)) == sorted([*READING, *OPERATING])
    named = await disco.get_info(address, node="status", timeout=PATIENCE)
    assert named["disco_info"]["identities"] == {("automation", "command-node", None, "Status")}
    with pytest.raises(IqError) as caught:
        await disco.get_info(address, node="nothing", timeout=PATIENCE)
    assert condition(caught.value) == ("item-not-found", "")


async def test_a_stranger_learns_nothing(station: Station, join: Join) -> None:
    # Given a stranger with an account on the server, who guessed the address of an agent
    await station.start_hub()
    sender = await station.sender()
    eve = await join("eve")
    for agent in (sender, station.registry):
        address = str(agent.client.boundjid)
        disco = eve.plugin["xep_0030"]
        # When asking anything, then the answer is always the same
        for asked in (
            disco.get_info(address, timeout=PATIENCE),
            disco.get_info(address, node="status", timeout=PATIENCE),
            disco.get_items(address, timeout=PATIENCE),
            disco.get_items(address, node="http://jabber.org/protocol/commands", timeout=PATIENCE),
            eve.plugin["xep_0092"].get_version(address, timeout=PATIENCE),
            eve.call(address, "status"),
            eve.call(address, "no such command", session="x"),
            eve.call(address, "run-tool", action="nonsense"),
        ):
            with pytest.raises(IqError) as caught:
                await asked
            assert condition(caught.value) == ("forbidden", "")


async def test_status_of_an_agent_and_of_the_fleet(station: Station, join: Join, until: Until) -> None:
    allow(station, anna=PersonRole.READ)
    await station.start_hub()
    sender = await station.sender()
    sender.set_presence(show="dnd", status="a \x07bell and <b>markup</b> & more")
    anna = await join("anna")
    status = await anna.call(str(sender.client.boundjid), "status")
    assert status["status"] == "completed"
    told = fields(status)
    assert told["role"].values == ["probe"]
    assert told["presence"].values == ["dnd: a �bell and <b>markup</b> & more"]
    assert any("deliver" in line for line in told["behaviours"].values)

    async def listed() -> bool:
        rows = table(await anna.call(str(station.registry.client.boundjid), "fleet"))
        return await calmly("dnd" in {row["presence"] for row in rows} and len(rows) == 3)

    await until(listed)


async def test_a_tool_is_run_watched_and_cancelled(station: Station, join: Join) -> None:
    # Given somebody who may operate
    allow(station, anna=PersonRole.OPERATE)
    station.scope = SCOPE
    await station.start_hub()
    anna = await join("anna")
    registry = str(station.registry.client.boundjid)
    # When choosing a tool
    asked = await anna.call(registry, "run-tool")
    assert (asked["status"], sorted(asked["actions"])) == ("executing", ["next"])
    assert set(fields(asked)["tool"].options) == {"echo", "tcp-connect"}
    # Then its typed form comes, made from its schema
    asked = await anna.call(registry, "run-tool", session=asked["sessionid"], values={"tool": "tcp-connect"})
    form = fields(asked)
    assert (form["targets"].kind, form["targets"].required) == ("text-multi", True)
    assert (form["argument:ports"].kind, form["argument:ports"].required) == ("text-multi", True)
    assert (form["argument:banner"].kind, form["argument:banner"].values) == ("boolean", ["0"])
    # When a target is out of scope, then the same form comes back with the reason, filled in
    values = {"targets": ["192.0.2.1"], "argument:ports": ["9"], "parallel": "1"}
    asked = await anna.call(registry, "run-tool", session=asked["sessionid"], values=values)
    assert asked["status"] == "executing"
    (kind, text), *_ = notes(asked)
    assert kind == "error"
    assert "192.0.2.1" in text
    assert fields(asked)["targets"].values == ["192.0.2.1"]
    # When it is right, then the exact command lines are shown
    values["targets"] = ["127.0.0.1", "127.0.0.2"]
    asked = await anna.call(registry, "run-tool", session=asked["sessionid"], values=values)
    assert sorted(asked["actions"]) == ["complete", "prev"]
    shown = "".join(asked["form"].xml.itertext())
    assert "vedette:tcp-connect --ports 9 127.0.0.2" in shown
    assert (await station.jobs.page()).rows == []
    # And going back leaves what was filled in
    back = await anna.call(registry, "run-tool", action="prev", session=asked["sessionid"])
    assert fields(back)["targets"].values == ["127.0.0.1", "127.0.0.2"]
    asked = await anna.call(registry, "run-tool", session=asked["sessionid"], values=values)
    done = await anna.call(registry, "run-tool", action="complete", session=asked["sessionid"])
    # Then there is one job, of this person
    assert done["status"] == "completed"
    (job,) = (await station.jobs.page()).rows
    assert (job.tool, job.total, job.parallel) == ("tcp-connect", 2, 1)
    assert job.requested_by == f"person {station.jid('anna')}"
    assert fields(done)["job"].values == [job.uuid]
    # And the same again is no second one
    assert await anna.refusal(registry, "run-tool", action="complete", session=asked["sessionid"]) == (
        "bad-request",
        "bad-sessionid",
    )
    (row,) = table(await anna.call(registry, "list-jobs"))
    assert (row["job"], row["state"]) == (job.uuid, "requested")
    # When it is cancelled
    asked = await anna.call(registry, "cancel-job")
    done = await anna.call(registry, "cancel-job", session=asked["sessionid"], values={"job": job.uuid})
    assert "cancelled" in notes(done)[0][1]
    # Then it is, and both deeds are in the audit log
    assert (await station.jobs.get(job.uuid)).state == "cancelled"
    entries = (await station.audit.page(wanted=AuditFilter(action="job."))).entries
    assert [(entry.action, entry.who, entry.origin) for entry in entries] == [
        ("job.cancel", f"person {station.jid('anna')}", "xmpp"),
        ("job.request", f"person {station.jid('anna')}", "xmpp"),
    ]


async def test_who_only_reads_can_neither_run_nor_cancel(station: Station, join: Join) -> None:
    allow(station, bert=PersonRole.READ)
    station.scope = SCOPE
    await station.start_hub()
    bert = await join("bert")
    registry = str(station.registry.client.boundjid)
    assert await bert.nodes(registry) == sorted(READING)
    for node in OPERATING:
        assert await bert.refusal(registry, node) == ("forbidden", "")


async def test_items_and_their_proof(station: Station, join: Join, until: Until, authority: LocalAuthority) -> None:
    allow(station, anna=PersonRole.READ)
    station.roots = {authority.name: authority.roots}
    await station.start_hub(authority)
    sender = await station.sender()
    anna = await join("anna")
    registry = str(station.registry.client.boundjid)
    item = make_item(target="192.0.2.7")
    await sender.observe(item)

    async def stamped() -> bool:
        rows = table(await anna.call(registry, "last-items"))
        return await calmly(rows[:1] != [] and rows[0]["proof"] == "self-asserted")

    await until(stamped)
    asked = await anna.call(registry, "verify-item")
    told = await anna.call(registry, "verify-item", session=asked["sessionid"], values={"item": item["meta"]["uuid"]})
    assert notes(told) == [("info", "Every link holds.")]
    assert [row["link"] for row in table(told)] == ["payload", "statement", "tree", "token", "certificate"]
    # An item that is none is asked for again
    for wrong in ("nothing", "x" * 4000):
        asked = await anna.call(registry, "verify-item")
        told = await anna.call(registry, "verify-item", session=asked["sessionid"], values={"item": wrong})
        assert (told["status"], notes(told)[0][0]) == ("executing", "error")


async def test_schedules_are_shown_paused_and_run(station: Station, join: Join) -> None:
    # Given a schedule
    allow(station, anna=PersonRole.OPERATE)
    station.scope = SCOPE
    await station.start_hub()
    desk = JobDesk(jobs=station.jobs, policy=SCOPE, clock=station.clock)
    schedules = ScheduleDesk(database=station.database, desk=desk, clock=station.clock)
    job = JobRequest(tool="echo", targets=["127.0.0.1"])
    made = await schedules.add(
        ScheduleRequest(name="hourly look", when="every 1h", job=job), by=Actor(who="user anna", origin="test")
    )
    anna = await join("anna")
    registry = str(station.registry.client.boundjid)
    (row,) = table(await anna.call(registry, "schedules"))
    assert (row["name"], row["state"]) == ("hourly look", "scheduled")
    for order, state in (("pause", "paused"), ("resume", "scheduled"), ("run", "scheduled")):
        # When it is told what to do
        asked = await anna.call(registry, "order-schedule")
        values = {"schedule": made.uuid, "order": order}
        done = await anna.call(registry, "order-schedule", session=asked["sessionid"], values=values)
        # Then it does, in her name
        assert done["status"] == "completed"
        assert (await schedules.schedules.get(made.uuid)).state == state
    (entered,) = (await station.jobs.page()).rows
    assert entered.requested_by == f"person {station.jid('anna')}"
    entries = (await station.audit.page(wanted=AuditFilter(who=f"person {station.jid('anna')}"))).entries
    assert {"schedule.pause", "schedule.resume", "schedule.run"} <= {entry.action for entry in entries}


async def test_an_agent_without_checks_takes_no_orders(station: Station, join: Join, until: Until) -> None:
    allow(station, anna=PersonRole.OPERATE)
    await station.start_hub()
    await station.sender()
    anna = await join("anna")
    registry = str(station.registry.client.boundjid)

    async def listed() -> bool:
        asked = await anna.call(registry, "order-check")
        return await calmly(
            asked["status"] == "executing" and fields(asked)["agent"].options == [station.jid("sender")]
        )

    await until(listed)
    session = (await anna.call(registry, "order-check"))["sessionid"]
    told = await anna.call(registry, "order-check", session=session, values={"agent": station.jid("sender")})
    assert "has no checks" in notes(told)[0][1]
    # A client that shows no notes shows it with the form
    assert "has no checks" in told.xml.findtext("{jabber:x:data}x/{jabber:x:data}instructions")


async def test_hostile_calls_are_answered_as_the_specification_says(station: Station, join: Join) -> None:
    allow(station, anna=PersonRole.OPERATE, bert=PersonRole.OPERATE)
    station.scope = SCOPE
    await station.start_hub()
    anna, bert = await join("anna"), await join("bert")
    registry = str(station.registry.client.boundjid)
    session = (await anna.call(registry, "run-tool"))["sessionid"]
    bad = "bad-request"
    for expected, call in {
        ("item-not-found", ""): {"node": "nothing"},
        (bad, "malformed-action"): {"node": "run-tool", "session": session, "action": "explode"},
        (bad, "bad-action"): {"node": "run-tool", "session": session, "action": "prev"},
        (bad, "bad-locale"): {"node": "run-tool", "session": session, "language": "not a language!"},
        (bad, "bad-sessionid"): {"node": "run-tool", "session": "guessed"},
        (bad, "bad-payload"): {"node": "run-tool", "session": session, "values": {}},
    }.items():
        assert await anna.refusal(registry, **call) == expected, call
    for values in (
        {"tool": "rm"},
        {"tool": "echo", "more": "x"},
        {"tool": ["echo", "tcp-connect"]},
        {"tool": "echo" * 2000},
        {f"field{number}": "x" for number in range(500)},
        {"tool": "x" * 300_000},
    ):
        assert await anna.refusal(registry, "run-tool", session=session, values=values) == (bad, "bad-payload")
    for action in ("complete", "prev"):
        assert await anna.refusal(registry, "run-tool", session=session, action=action) == (bad, "bad-action")
    # Of somebody else, of another command
    assert await bert.refusal(registry, "run-tool", session=session) == (bad, "bad-sessionid")
    assert await anna.refusal(registry, "cancel-job", session=session) == (bad, "bad-sessionid")
    # After all that it still works, and cancelling ends it
    ended = await anna.call(registry, "run-tool", session=session, action="cancel")
    assert ended["status"] == "canceled"
    assert await anna.refusal(registry, "run-tool", session=session) == (bad, "bad-sessionid")
    serving = next(one for one in station.registry.behaviours if one.name == "serve people")
    assert serving.counters["failed"] == 0


async def test_who_asks_too_often_is_told_to_wait(station: Station, join: Join) -> None:
    allow(station, anna=PersonRole.READ, bert=PersonRole.READ)
    await station.start_hub()
    anna, bert = await join("anna"), await join("bert")
    registry = str(station.registry.client.boundjid)
    refused: list[tuple[str, str]] = []
    for _ in range(20):
        # Faster than the allowance comes back, on whatever machine, and more than may wait at once.
        calls = [anna.call(registry, "status") for _ in range(100)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        refused += [condition(one) for one in answers if isinstance(one, IqError)]
        if refused:
            break
    assert set(refused) == {("resource-constraint", "")}
    # And nobody else has to wait for it
    assert (await bert.call(registry, "status"))["status"] == "completed"


async def test_who_is_put_into_the_file_is_no_stranger_any_more(station: Station, join: Join, until: Until) -> None:
    # Given a fleet whose file names nobody, and a client that was refused
    station.people_file = station.folder / "vedette.yml"
    station.people_file.write_text("data: var\n")
    await station.start_hub()
    sender = await station.sender()
    anna, address = await join("anna"), str(sender.client.boundjid)
    assert await anna.refusal(address, "status") == ("forbidden", "")
    # When she is put into it
    station.people_file.write_text(f"people: [{{jid: {station.jid('anna')}}}]\n")
    # Then she is let in by the registry at once, and by who asks it as soon as that does
    assert (await anna.call(str(station.registry.client.boundjid), "status"))["status"] == "completed"

    async def answered() -> bool:
        try:
            return bool((await anna.call(address, "status"))["status"] == "completed")
        except IqError:
            return await calmly(False)

    await until(answered)


async def test_who_is_taken_out_of_the_list_sees_no_more(station: Station, join: Join, until: Until) -> None:
    # Given a person who sees a probe
    allow(station, anna=PersonRole.READ)
    await station.start_hub()
    sender = await station.sender()
    anna = await join("anna")
    for jid in (station.jid("registry"), station.jid("sender")):
        anna.follow(jid)
    await until(lambda: ("available", "") in anna.heard(station.jid("sender")))
    # When the hub starts again without that person
    await station.registry.stop()
    station.people.clear()
    await station.restart_registry()
    # Then both agents end it, also the one that did not restart
    for jid in (station.jid("registry"), station.jid("sender")):
        await until(lambda jid=jid: ("unsubscribed", "") in anna.heard(jid))
    assert await anna.refusal(str(sender.client.boundjid), "status") == ("forbidden", "")
