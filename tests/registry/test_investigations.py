"""Investigations gathered from a store and a graph, on both databases: what is in them, and what is never in them."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from registry.correlation import Correlation
from registry.directory import Directory
from registry.graph_reading import GraphRead
from registry.investigations import Investigations
from registry.job_tables import job, job_run
from registry.sharing_facts import fold_sayings
from registry.sharing_graph import said_by_items
from registry.sharing_instance import instance_of
from tests.registry import a_graph
from tests.registry.a_graph import LINKS, THINGS
from tests.registry.conftest import ENGINE, Sender
from tests.registry.gathered import (
    FEED_SOURCE,
    PROBE_SOURCE,
    Fleet,
    fact_of,
    fleet,
    listed,
    names_of,
    origin_of,
    scanned,
    uuid_of,
)
from tests.sharing_parts import AT
from vedette.canonical import sha256_hex
from vedette.configuration.sharing import SharingSection
from vedette.correlation.policy import CorrelationPolicy
from vedette.extraction.interface import Document
from vedette.extraction.sources.threatfox import ThreatFox
from vedette.graph.ontology import ontology
from vedette.graph.port import Said
from vedette.messages.card import Role
from vedette.sharing.investigation import Service, Tlp
from vedette.sharing.own import Own
from vedette.sharing.policy import SharingPolicy
from vedette.sharing.selection import Selection

pytestmark = pytest.mark.parametrize(
    ("store_url", "graph_store_url"), [("sqlite", "sqlite"), ("postgresql", "postgresql")], indirect=True
)

__all__ = ["fleet"]


async def test_a_target_is_its_scans_its_facts_and_its_proofs(fleet: Fleet) -> None:
    payload = scanned("198.18.0.7", name="www.victim.test")
    uuid = await fleet.scan(1, "198.18.0.7", payload)
    await fleet.scan(2, "198.18.0.8", scanned("198.18.0.8"))

    found = await fleet.gather("target=198.18.0.7", bundles=True)

    assert (found.key, found.kind, found.title) == ("target:198.18.0.7", "target", "198.18.0.7")
    assert (found.organisation, found.tlp, found.withheld) == ("Example CSIRT", Tlp.AMBER, ())
    (scan,) = found.scans
    assert (scan.item, scan.raw, scan.sha256, scan.size) == (uuid, payload, sha256_hex(payload), len(payload))
    assert (scan.tool, scan.file_name, scan.command[0]) == ("nmap", f"nmap-{uuid}.xml", "nmap")
    assert scan.services == (
        Service(address="198.18.0.7", port=22, name="ssh", hostname="www.victim.test"),
        Service(address="198.18.0.7", port=443, name="https", hostname="www.victim.test"),
    )
    assert {"198.18.0.7", "www.victim.test", "198.18.0.7:22", "198.18.0.7:443", "22", "443"} <= names_of(found)
    assert "198.18.0.8" not in names_of(found)
    assert set(scan.vertices) == {fact.vertex.id for fact in found.facts}
    ip = fact_of(found, "198.18.0.7")
    assert (ip.items, ip.sources, ip.own, ip.malicious) == ((uuid,), (PROBE_SOURCE,), True, False)
    assert (found.first_seen, found.last_seen) == (AT + 1, AT + 1)
    ids = {fact.vertex.id for fact in found.facts}
    assert found.edges
    assert all(edge.out_id in ids and edge.in_id in ids for edge in found.edges)
    (proof,) = found.proofs
    assert (proof.item, proof.state, proof.payload_sha256) == (uuid, "self-asserted", scan.sha256)
    assert proof.statement_sha256 == sha256_hex(proof.statement)
    assert [stamp.external for stamp in proof.stamps] == [False]
    with zipfile.ZipFile(io.BytesIO(proof.bundle or b"")) as archive:
        assert any(name.endswith("verify.sh") for name in archive.namelist())


async def test_gathering_again_gives_the_same_document(fleet: Fleet) -> None:
    await fleet.feed(1, listed(("203.0.114.66:8080", "ip:port", "Emotet"), ("c2.evil.test", "domain", "Emotet")))
    await fleet.scan(2, "198.18.0.7", scanned("198.18.0.7", name="www.victim.test"))
    before = [await fleet.gather(select, bundles=True) for select in ("since=2000-01-01", "vertex=Emotet")]

    fleet.clock.advance(86_400)

    assert [await fleet.gather(select, bundles=True) for select in ("since=2000-01-01", "vertex=Emotet")] == before


async def test_what_a_list_of_threats_accuses_raises_an_alarm_but_never_what_is_ours(fleet: Fleet) -> None:
    await fleet.feed(
        1,
        listed(
            ("203.0.114.66:8080", "ip:port", "Emotet"),
            ("c2.evil.test", "domain", "Emotet"),
            ("8.8.8.8:53", "ip:port", "Emotet"),
            ("mail.victim.test", "domain", "Emotet"),
            ("198.18.0.7:443", "ip:port", "Emotet"),
        ),
    )
    await fleet.scan(2, "198.18.0.7", scanned("198.18.0.7"))

    found = await fleet.gather(f"source={FEED_SOURCE}", own=Own.of(domains=["victim.test"]))

    alarming = {fact.vertex.name for fact in found.facts if fact.alarming}
    assert alarming == {"Emotet", "203.0.114.66", "203.0.114.66:8080", "c2.evil.test"}
    assert "DNS" in fact_of(found, "8.8.8.8").warned
    assert fact_of(found, "mail.victim.test").own
    assert fact_of(found, "198.18.0.7").own
    assert fact_of(found, "198.18.0.7:443").own


async def test_the_addresses_that_a_tool_found_are_ours_too(fleet: Fleet) -> None:
    await fleet.scan(1, "www.named.test", scanned("198.18.0.9", name="www.named.test"))

    found = await fleet.gather("target=www.named.test")

    assert fact_of(found, "198.18.0.9").own
    assert fact_of(found, "198.18.0.9:22").own
    assert fact_of(found, "www.named.test").own


async def test_what_the_correlation_remembers_of_probes_is_ours_and_not_what_a_collector_reads(fleet: Fleet) -> None:
    await Directory(database=fleet.database, clock=fleet.clock).enrol(
        "collector@localhost", role=Role.COLLECTOR, public_key=fleet.kept.sender.key.verifying.text
    )
    await fleet.scan(1, "10.9.0.0/24", scanned("10.9.0.1"))
    feed = {"type": "document", "collector": "WEB", "target": "https://c2.evil.test/list", "source": FEED_SOURCE}
    reader = Sender("collector@localhost")
    reader.key = fleet.kept.sender.key
    (answer,) = await fleet.kept.intake.commit([reader.deliver(reader.item(uuid=uuid_of(7), **feed))])
    assert answer.refused == []
    policy = CorrelationPolicy()
    await Correlation(database=fleet.database, engine=ENGINE, clock=fleet.clock, policy=policy).advance(limit=10)
    accused = listed(("c2.evil.test", "domain", "Emotet"), ("10.9.0.77:80", "ip:port", "Emotet"))
    uuid = await fleet.feed(2, accused)

    found = await fleet.gather(f"item={uuid}")

    assert not fact_of(found, "c2.evil.test").own
    assert fact_of(found, "10.9.0.77").own


async def test_what_only_a_forbidden_item_says_is_not_in_it(fleet: Fleet) -> None:
    await fleet.feed(1, listed(("203.0.114.66:8080", "ip:port", "Emotet")))
    secret = listed(("203.0.114.66:8080", "ip:port", "Sekret"), ("hidden.test", "domain", "Sekret"))
    hidden = await fleet.feed(2, secret, tlp="red")
    also = await fleet.feed(3, secret, source="vedette.in.structured.internal")

    for policy in ({"sources": [FEED_SOURCE]}, {"sources": ["#.threatfox"], "ceiling": "amber+strict"}):
        found = await fleet.gather("since=2000-01-01", **policy)

        assert {"203.0.114.66", "Emotet"} <= names_of(found)
        assert "sekret" not in repr((found.facts, found.edges)).lower()
        assert fact_of(found, "203.0.114.66").vertex.mentions == 1
        assert [proof.item for proof in found.proofs] == [uuid_of(1)]
        reasons = {one.what: one.reason for one in found.withheld}
        assert "RED" in reasons[f"item {hidden}"]
        assert "sources" in reasons[f"item {also}"]


async def test_what_is_withdrawn_is_not_in_it_any_more(fleet: Fleet) -> None:
    uuid = await fleet.feed(1, listed(("c2.evil.test", "domain", "Emotet")))
    assert "c2.evil.test" in names_of(await fleet.gather(f"item={uuid}"))

    await fleet.write.withdraw(item=uuid, who="anna", why="a mistake")

    found = await fleet.gather(f"item={uuid}")
    assert (found.facts, found.edges) == ((), ())
    assert (await fleet.gather("vertex=c2.evil.test")).facts == ()
    other = await fleet.feed(2, listed(("c2.evil.test", "domain", "Qakbot")))
    again = await fleet.gather("vertex=c2.evil.test")
    assert names_of(again) == {"c2.evil.test", "Qakbot"}
    assert fact_of(again, "c2.evil.test").items == (other,)


async def test_graph_selections_find_and_walk(fleet: Fleet) -> None:
    first = await fleet.feed(
        1, listed(("c2.evil.test", "domain", "Emotet"), ("203.0.114.66:8080", "ip:port", "Emotet"))
    )
    await fleet.feed(2, listed(("other.test", "domain", "Qakbot")))

    around = await fleet.gather("vertex=Emotet")
    alone = await fleet.gather("vertex=c2.evil.test depth=0")
    searched = await fleet.gather("vertexType=Malware")
    named = await fleet.gather("text=qakbot")

    assert {"Emotet", "c2.evil.test", "203.0.114.66", "203.0.114.66:8080"} <= names_of(around)
    assert "other.test" not in names_of(around)
    assert all(fact.malicious for fact in around.facts)
    assert (around.scans, [proof.item for proof in around.proofs]) == ((), [first])
    assert (names_of(alone), alone.edges) == ({"c2.evil.test"}, ())
    assert names_of(searched) == {"Emotet", "Qakbot"}
    assert names_of(named) == {"Qakbot", "other.test"}
    assert (await fleet.gather("vertex=Nobody")).facts == ()


async def test_a_graph_selection_says_nothing_of_forbidden_items_either(fleet: Fleet) -> None:
    await fleet.feed(1, listed(("c2.evil.test", "domain", "Emotet")))
    await fleet.feed(2, listed(("c2.evil.test", "domain", "Sekret")), tlp="red")

    found = await fleet.gather("vertex=c2.evil.test")

    assert names_of(found) == {"c2.evil.test", "Emotet"}
    assert [one.what for one in found.withheld] == [f"item {uuid_of(2)}"]


async def test_a_popular_vertex_is_known_by_its_latest_mentions(fleet: Fleet) -> None:
    subgraph = ThreatFox().extract(Document(content=listed(("c2.evil.test", "domain", "Emotet"))))
    await fleet.write.merge([Said(origin=origin_of(number), subgraph=subgraph) for number in range(1, 56)])

    found = await fleet.gather("vertex=Emotet")

    assert (names_of(found), len(found.edges)) == ({"Emotet", "c2.evil.test"}, 1)
    assert fact_of(found, "Emotet").vertex.mentions == 50
    assert fact_of(found, "Emotet").items[0] == uuid_of(55)
    assert found.edges[0].count == 50


async def test_facts_are_what_the_graph_shows_where_all_items_count(fleet: Fleet) -> None:
    things = dict(THINGS)
    await fleet.write.merge(
        [a_graph.said(1, things, LINKS), a_graph.said(2, {"ip": things["ip"]}, at=a_graph.NOW + 7)]
    )
    later = {"zbot": a_graph.vertex("Malware", "Zbot", description=("again",)), "range": things["range"]}
    await fleet.write.merge([a_graph.said(3, later, at=a_graph.NOW - 9, confidence=0.5)])
    read = GraphRead(database=fleet.graph)
    sayings = await fleet.graph.read(
        lambda connection: said_by_items(connection, [a_graph.uuid_of(n) for n in (1, 2, 3)])
    )

    known = fold_sayings(sayings, items=[a_graph.uuid_of(n) for n in (1, 2, 3)], ontology=ontology())

    assert len(known.facts) == 5
    for id, fact in known.facts.items():
        assert fact.vertex == await read.vertex(id)
    shown = (await read.neighbourhood(list(known.facts), depth=1)).edges
    assert shown
    assert sorted(known.edges, key=repr) == sorted(shown, key=repr)


async def test_what_stands_for_others_is_named_by_those_that_count(fleet: Fleet) -> None:
    await fleet.write.merge([a_graph.said(1, {"zeus": THINGS["zeus"]}), a_graph.said(2, {"zbot": THINGS["zbot"]})])
    sayings = await fleet.graph.read(
        lambda connection: said_by_items(connection, [a_graph.uuid_of(n) for n in (1, 2)])
    )

    both = fold_sayings(sayings, items=[a_graph.uuid_of(1), a_graph.uuid_of(2)], ontology=ontology())
    one = fold_sayings(sayings, items=[a_graph.uuid_of(2)], ontology=ontology())

    assert list(both.facts) == list(one.facts)
    (fact,) = one.facts.values()
    assert (fact.vertex.name, fact.vertex.members) == ("Zbot", ())
    assert "Zeus" not in repr(fact)


async def test_what_a_person_decided_is_reviewed(fleet: Fleet) -> None:
    await fleet.feed(1, listed(("c2.evil.test", "domain", "Emotet"), ("other.test", "domain", "Heodo")))
    ids = [one.vertex.id for one in (await fleet.gather("vertexType=Malware")).facts]
    await fleet.write.decide(*ids, same=False, who="anna", why="they are not")

    found = await fleet.gather(f"item={uuid_of(1)}", reviewed=True)

    assert names_of(found) == {"Emotet", "Heodo"}
    assert (await fleet.gather(f"item={uuid_of(1)}", least_confidence=1.0)).facts


async def test_items_are_selected_by_their_words(fleet: Fleet) -> None:
    await fleet.scan(1, "198.18.0.7", scanned("198.18.0.7"), verdict="deviates")
    await fleet.scan(2, "198.18.0.8", scanned("198.18.0.8"), stamped=False)
    await fleet.feed(3, listed(("c2.evil.test", "domain", "Emotet")))

    async def items(select: str) -> list[str]:
        return [proof.item[:8] for proof in (await fleet.gather(select)).proofs]

    assert await items("type=scan") == ["00000000"] * 2
    assert len(await items("source=vedette.in.structured.*.probe")) == 2
    assert len(await items("verdict=deviates")) == 1
    assert len(await items("state=self-asserted type=scan")) == 2
    assert len(await items("check=check-1 target=198.18.0.8 agent=probe@localhost format=nmap-xml")) == 1
    assert len(await items("since=2000-01-01 until=2100-01-01")) == 3
    assert await items("until=2000-01-01") == []
    assert await items(f"item={uuid_of(99)}") == []
    assert await items("job=4b7f0ac2-6a86-4a0f-8a4f-5b8f6f1f0001") == []


async def test_a_job_is_what_its_runs_brought(fleet: Fleet) -> None:
    mine = await fleet.scan(1, "198.18.0.7", scanned("198.18.0.7"))
    await fleet.scan(2, "198.18.0.7", scanned("198.18.0.7"))
    await fleet.database.write(lambda connection: add_job(connection, "4b7f0ac2-6a86-4a0f-8a4f-5b8f6f1f0001", [mine]))

    found = await fleet.gather("job=4b7f0ac2-6a86-4a0f-8a4f-5b8f6f1f0001")

    assert (found.kind, [scan.item for scan in found.scans]) == ("job", [mine])
    narrowed = await fleet.gather("job=4b7f0ac2-6a86-4a0f-8a4f-5b8f6f1f0001 target=198.18.0.8")
    assert (narrowed.kind, narrowed.scans) == ("search", ())


def add_job(connection: Connection, uuid: str, runs: list[str]) -> None:
    """Enter a job that is done."""
    texts = dict.fromkeys(("tool", "arguments", "targets", "words", "agents", "place", "requested_by"), "")
    counts = dict.fromkeys(("parallel", "total", "active", "done", "failed", "refused", "cancelled", "pruned"), 0)
    row = {**texts, **counts, "id": 1, "uuid": uuid, "state": "done", "time_limit": 1.0, "requested_at": AT}
    connection.execute(insert(job).values(row))
    for number, run in enumerate(runs):
        texts = dict.fromkeys(("target", "agent", "life", "reason"), "")
        counts = dict.fromkeys(("attempts", "due_at", "lines", "dropped"), 0)
        row = {**texts, **counts, "id": number + 1, "uuid": run, "job_id": 1, "state": "done"}
        connection.execute(insert(job_run).values(row))


async def test_a_fleet_has_one_uuid_that_the_store_keeps(fleet: Fleet) -> None:
    first = await instance_of(fleet.database)

    assert await instance_of(fleet.database) == first
    section = SharingSection.model_validate({"own": {"domains": ["victim.test"]}, "organisation": "Us"})
    gathering = await Investigations.of(
        section, database=fleet.database, graph=fleet.graph, clock=fleet.clock, folder=Path()
    )
    found = await gathering.gather(Selection.parse("target=x", clock=fleet.clock), policy=SharingPolicy())
    assert (found.instance, found.organisation) == (first, "Us")
    assert found.uuid == replace(found, title="another").uuid
