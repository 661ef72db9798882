"""What deleted payloads said: taken back where a policy wants it, else it stays; done again, it changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from registry.audit_tables import audit
from registry.database import Database
from registry.gone_bytes import NOT_HERE, GoneBytes
from registry.graph import graph_database
from registry.graph_forgetting import GraphForgetting
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from registry.intake import Intake
from registry.retention_rows import bury_payload, read_payloads
from tests.registry.graphs import said, vertex
from vedette.clock import ManualClock
from vedette.errors import StoreError
from vedette.evidence.deletion import Deletion
from vedette.graph.port import VertexFilter

NAMES = ("by the policy", "by another policy", "by a person", "not at all")
POLICIES = ("short", "long", "", None)


def delete(database: Database, uuid: str, policy: str) -> None:
    deletion = Deletion(at=1, by="ann", reason="personal data", policy=policy)
    database.write_sync(
        lambda connection: bury_payload(connection, read_payloads(connection, [uuid])[uuid], deletion)
    )


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_only_what_a_policy_wants_gone_is_taken_back(
    database: Database, intake: Intake, sender: Any, clock: ManualClock, migrated_graph: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{shutil.copyfile(migrated_graph, tmp_path / 'graph.db')}"
    items = [sender.item() for _ in NAMES]
    await intake.commit([sender.deliver(*items)])
    for item, policy in zip(items, POLICIES, strict=True):
        if policy is not None:
            delete(database, item.uuid, policy)
    forgetting = GraphForgetting(store=database, graph_url=url, policies=["short"], clock=clock)
    with graph_database(url) as graph:
        write, read = GraphWriter(database=graph, clock=clock), GraphRead(database=graph)
        for item, name in zip(items, NAMES, strict=True):
            await write.merge([said(item.uuid, [vertex("Malware", name), vertex("IP", "192.0.2.1")])])
        assert [await forgetting.round(), await forgetting.round()] == [1, 0]
        found = {one.name for one in (await read.find(VertexFilter(type="Malware"))).vertices}
        assert found == set(NAMES[1:])
        (address,) = (await read.find(VertexFilter(type="IP"))).vertices
        told = await read.mentions(address.id)
        assert {one.origin.item: one.withdrawn for one in told} == {item.uuid: item is items[0] for item in items}
    query = select(audit.c.action).where(audit.c.action == "graph.withdraw")
    assert database.read_sync(lambda connection: len(connection.execute(query).all())) == 1


async def test_without_a_graph_it_says_so(database: Database, clock: ManualClock, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'missing.db'}"
    with pytest.raises(StoreError, match="vedette migrate"):
        await GraphForgetting(store=database, graph_url=url, policies=["short"], clock=clock).round()


async def test_why_bytes_are_gone(database: Database, intake: Intake, sender: Any) -> None:
    items = [sender.item() for _ in range(2)]
    await intake.commit([sender.deliver(*items)])
    delete(database, items[0].uuid, "")
    gone = await GoneBytes(database=database).of([items[0].uuid, items[1].uuid, "unknown"])
    assert gone.pop("unknown") == NOT_HERE
    assert gone == {items[0].uuid: "deleted 1970-01-01 00:00:00 UTC by ann: personal data"}
    assert await GoneBytes(database=database).of([]) == {}
