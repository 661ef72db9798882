"""The agent that exports, over the real embedded server: what is collected arrives at destinations, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from agents.identity import Identity
from agents.misp import MispAgent
from registry.callers import Actor
from registry.exports import Exports
from registry.graph import graph_database
from registry.sharing_making import Sharing, sharing_of
from tests.agents.room import Room, flows, uuid_of
from tests.agents.station import Station, Until, make_item
from tests.agents.test_rt import cells
from tests.agents.test_timestamping import Moody
from tests.fake_misp import KEY, Failure, serving
from tests.sharing_exporter import catalogue, contents, mood_file
from tests.vedette.extraction.flows import address
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.evidence.authority.local import LocalAuthority
from vedette.messages.card import Role
from vedette.sharing.exporter import ExporterCatalogue
from vedette.sharing.request import Export, ExportRequest

ANNA = Actor(who="user anna", origin="192.0.2.1")
SCAN = "vedette.in.structured.tests.probe1"


@pytest.fixture(scope="session")
def empty_graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph to copy."""
    path = tmp_path_factory.mktemp("graph") / "graph.db"
    graph_database(f"sqlite:///{path}").migrate()
    return path


class Office:
    """A room with agents that export to files."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.station = room.station
        self.destinations = [{"name": one, "exporter": "file", "path": f"{one}.json"} for one in ("alpha", "beta")]
        self.catalogue: ExporterCatalogue | None = catalogue()
        self._graphs = [graph_database(room.url)]
        self._graphs[0].open()

    async def sharing(self, name: str, *shares: dict[str, Any]) -> Sharing:
        """Return the sharing of a configuration."""
        section = {"destinations": self.destinations, "shares": list(shares)}
        self.configuration = FleetConfiguration.model_validate({"sharing": section})
        paths = FleetPaths(file=self.station.folder / "vedette.yml", configuration=self.configuration)
        return await sharing_of(
            self.configuration,
            paths,
            database=self.station.database,
            graph=self._graphs[0],
            name=name,
            clock=self.station.clock,
            catalogue=self.catalogue,
        )

    async def agent(self, *shares: dict[str, Any], identity: Identity | None = None) -> MispAgent:
        """Start an agent with some shares."""
        known = identity or await self.station.identity("misp", Role.MISP)
        sharing = await self.sharing(known.jid, *shares)
        self.exports: Exports = sharing.exports
        agent = MispAgent(
            identity=known,
            clock=self.station.clock,
            sharing=sharing,
            section=self.configuration.sharing,
            view_port=None,
        )
        await self.station.start(agent)
        return agent

    def path(self, name: str) -> Path:
        """Return the file that a destination is."""
        return self.station.folder / f"{name}.json"

    def held(self, name: str = "alpha") -> set[str]:
        """Return what a destination holds, of all investigations."""
        return {fact for key, facts in contents(self.path(name)).items() if key != "requests" for fact in facts}

    async def all(self) -> list[Export]:
        """Return all exports, the newest first."""
        return (await self.exports.page()).rows

    def close(self) -> None:
        """Let go of the graph."""
        for graph in self._graphs:
            graph.close()


@pytest.fixture
async def office(station: Station, empty_graph: Path) -> AsyncIterator[Office]:
    room = Room(station, Path(copyfile(empty_graph, station.folder / "graph.db")))
    made = Office(room)
    yield made
    await room.close()
    made.close()


def share(**changes: Any) -> dict[str, Any]:
    return {"name": "all", "select": "type=scan", "to": ["alpha"], "when": "automatic", "settle": 0, **changes}


async def test_what_is_collected_and_read_arrives_with_what_was_read_of_it(office: Office, until: Until) -> None:
    await office.room.open()
    agent = await office.agent(share())
    await office.room.start()
    sender = await office.station.sender()
    (item,) = await sender.observe(flows(1))
    await until(lambda: address(1) in office.held())
    await until(lambda: agent.watching.seen.last and agent.watching.seen.last[0].state == "done")
    (row, _) = cells(agent.state().panels, "Destinations")
    assert (row["Destination"], row["State"], row["Queue"]) == ("alpha", "well", "0")
    (told,) = cells(agent.state().panels, "Shares")
    assert (told["Share"], told["When"]) == ("all", "automatic, 0 s after an item")
    assert {one.share for one in await office.all()} == {"all"}
    assert uuid_of(item)


async def test_a_burst_becomes_one_export_for_each_target(office: Office, until: Until) -> None:
    await office.room.open()
    agent = await office.agent(share(per="target", settle=3_600, to=["alpha", "beta"]))
    sender = await office.station.sender()
    targets = [f"192.0.2.{number % 2}" for number in range(60)]
    await sender.observe(*(make_item(source=SCAN, target=target) for target in targets), make_item(source=SCAN))
    await until(lambda: agent.waking.counters["acknowledged"] == 61)
    exports = await office.all()
    assert sorted((one.destination, one.key.rpartition(":")[2]) for one in exports) == [
        (name, target) for name in ("alpha", "beta") for target in ("192.0.2.0", "192.0.2.1")
    ]
    assert {one.state for one in exports} == {"waiting"}


async def test_what_a_share_does_not_select_wakes_nothing(office: Office, until: Until) -> None:
    await office.room.open()
    agent = await office.agent(
        share(select="type=report"),
        share(name="other", select="source=*.in.structured.others.#"),
        share(name="by-hand", when="manual"),
    )
    sender = await office.station.sender()
    await sender.observe(make_item(source=SCAN))
    await until(lambda: agent.waking.counters["acknowledged"] == 1)
    assert await office.all() == []


async def test_a_destination_that_fails_is_told_and_gets_it_when_it_is_back(office: Office, until: Until) -> None:
    await office.room.open()
    mood_file(office.path("alpha")).write_text("down")
    agent = await office.agent(share(to=["alpha", "beta"], select="type=scan"))
    sender = await office.station.sender()
    (item,) = await sender.observe(make_item(source=SCAN, target="192.0.2.7", check="tests"))
    await until(lambda: agent.watching.seen.trouble)
    await agent.heartbeat()
    presence = agent.state().presence
    assert (presence.show, "alpha: file: does not answer" in presence.status) == ("dnd", True)
    await until(lambda: any(one.destination == "beta" and one.state == "done" for one in agent.watching.seen.last))
    mood_file(office.path("alpha")).unlink()
    (waiting,) = (await office.exports.page(destination="alpha")).rows
    await until(lambda: _is_done(office, waiting.uuid))
    await until(lambda: not agent.watching.seen.trouble)
    await agent.heartbeat()
    assert agent.state().presence.show == "available"
    assert uuid_of(item)


async def test_an_agent_that_is_stopped_in_the_middle_goes_on_and_doubles_nothing(
    office: Office, until: Until
) -> None:
    await office.room.open()
    identity = await office.station.identity("misp", Role.MISP)
    mood_file(office.path("alpha")).write_text("slow")
    agent = await office.agent(share(), identity=identity)
    sender = await office.station.sender()
    await sender.observe(make_item(source=SCAN, target="192.0.2.7", check="tests"))
    await until(lambda: _any_is(office, "running"))
    await agent.stop()
    (back,) = await office.all()
    assert (back.state, back.attempts) == ("waiting", 0)
    mood_file(office.path("alpha")).unlink()
    await office.agent(share(), identity=identity)
    await until(lambda: _is_done(office, back.uuid))
    assert len(await office.all()) == 1


async def test_what_needs_a_person_waits_on_the_page_and_goes_when_it_is_approved(
    office: Office, until: Until
) -> None:
    await office.room.open()
    agent = await office.agent(share(when="approval"))
    await office.room.start()
    sender = await office.station.sender()
    await sender.observe(flows(1))
    await until(lambda: agent.watching.seen.approvals)
    (row,) = cells(agent.state().panels, "Waiting for approval")
    assert (row["State"], row["Destination"]) == ("approval", "alpha")
    (export,) = agent.watching.seen.approvals
    assert office.held() == set()
    assert export.plan is not None
    await office.exports.approve(export.uuid, by=ANNA, digest=export.plan.digest)
    await until(lambda: address(1) in office.held())


async def test_what_people_ask_for_is_done_beside_shares(office: Office, until: Until) -> None:
    await office.room.open()
    await office.agent()
    made = await office.exports.request(
        ExportRequest(select="target=192.0.2.7", destination="beta", dry_run=True), by=ANNA
    )
    await until(lambda: _is(office, made.uuid, "planned"))


async def test_what_a_probe_found_is_an_event_on_a_misp_with_its_proof_and_only_once(
    office: Office, until: Until, authority: LocalAuthority
) -> None:
    # Given an authority that does not answer yet, and a MISP that breaks off in the middle
    moody = Moody(authority, name="moody", external=True)
    await office.station.start_hub(moody)
    with serving() as fake:
        (office.station.folder / "misp.key").write_text(KEY)
        address_of = {"url": fake.url, "key_file": "misp.key", "sightings": False}
        office.destinations, office.catalogue = [{"name": "alpha", "exporter": "misp", **address_of}], None
        agent = await office.agent(share(per="target", proof=True))
        await office.room.start()
        sender = await office.station.sender()
        (item,) = await sender.observe(flows(1, target="192.0.2.7", check="flows"))
        # When it is committed and read, nothing is sent before it is proved
        await until(lambda: _waits_for(office, "proved"))
        assert fake.writes == []
        fake.fail_next(Failure(kind="after"), after=3)
        moody.failing = False
        # Then it arrives, with the statement, and the second try doubles nothing
        await until(lambda: _any_is(office, "done"))
        (event,) = fake.store.events.values()
        assert event["info"] == "all: 192.0.2.7"
        (report,) = fake.store.reports.values()
        assert uuid_of(item) in report["content"]
        values = [row["value"] for row in fake.store.attributes.values() if not row["deleted"]]
        assert address(1) in values
        # And the same again sends nothing
        writes = len(fake.writes)
        (done,) = await office.all()
        assert done.attempts == 2, "the first one was broken off"
        await office.exports.retry(done.uuid, by=ANNA)
        await until(lambda: agent.running[0].counters["done"] == 2)
        assert (len(fake.writes), len(fake.store.events)) == (writes, 1)


async def _waits_for(office: Office, reason: str) -> bool:
    return any(one.state == "waiting" and reason in one.reason for one in await office.all())


async def _is(office: Office, uuid: str, state: str) -> bool:
    return (await office.exports.get(uuid)).state == state


async def _is_done(office: Office, uuid: str) -> bool:
    return await _is(office, uuid, "done")


async def _any_is(office: Office, state: str) -> bool:
    return any(one.state == state for one in await office.all())
