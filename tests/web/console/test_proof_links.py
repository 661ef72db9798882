"""A proof link by link: whatever is tampered with, that link is broken, and it is the one that is shown red."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, update

from registry import tables
from registry.callers import Scope
from registry.scandale_check import ProofCheck
from tests.registry.payloads import change_payload
from tests.web.api.station import CLOCK, Station, a_station, an_item
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.certificates import TrustRoots


@pytest.fixture
async def station(migrated: Path, tmp_path: Path) -> AsyncIterator[Station]:
    """A running intake with a time-stamping authority of its own."""
    async with a_station(migrated, tmp_path) as station:
        yield station


async def stamped(station: Station) -> str:
    """Post three items and stamp them; returns the uuid of the one in the middle."""
    items = [an_item(b"payload %d" % number) for number in range(3)]
    async with station.client(Scope.INGEST) as client:
        for item in items:
            answer = await client.post("/items/", json=item)
            assert answer.status_code < 300, answer.text
    await station.stamp()
    uuid: str = items[1]["meta"]["uuid"]
    return uuid


async def links(station: Station, uuid: str, *, roots: dict[str, TrustRoots] | None = None) -> dict[str, bool | None]:
    """Return which links hold."""
    known = station.roots if roots is None else roots
    check = ProofCheck(database=station.database, roots=known, clock=CLOCK, documents=station.content)
    found = await check.links(uuid)
    # The whole and its parts must not say different things.
    assert (await check.flaw(uuid) == "") is all(link.good for link in found)
    return {link.kind.value: link.good for link in found}


GOOD = dict.fromkeys(("payload", "statement", "tree", "token", "certificate"), True)


async def test_a_good_proof_has_good_links(station: Station) -> None:
    assert await links(station, await stamped(station)) == GOOD


BROKEN: tuple[tuple[dict[str, Any], dict[str, bool | None]], ...] = (
    ({"payload": b"something else"}, GOOD | {"payload": False}),
    # The time is part of where the payload is kept.
    ({"received_at": 0}, GOOD | {"payload": False, "statement": False}),
    ({"size": 1}, GOOD | {"statement": False}),
    ({"statement": b"{}"}, {"payload": None, "statement": False, "tree": False}),
)


@pytest.mark.parametrize(("values", "expected"), BROKEN, ids=["payload", "time", "size", "statement"])
async def test_what_was_tampered_with_is_the_link_that_is_broken(
    station: Station, values: dict[str, Any], expected: dict[str, bool | None]
) -> None:
    uuid = await stamped(station)

    def change(connection: Connection) -> None:
        if "payload" in values:
            change_payload(connection, uuid, values["payload"])
        else:
            connection.execute(update(tables.item).where(tables.item.c.uuid == uuid).values(values))

    await station.database.write(change)
    assert await links(station, uuid) == expected


async def test_a_neighbour_that_was_tampered_with_breaks_the_tree(station: Station) -> None:
    uuid = await stamped(station)
    change = update(tables.item).where(tables.item.c.uuid != uuid).values(statement=b"{}")
    await station.database.write(lambda connection: connection.execute(change))
    assert await links(station, uuid) == {"payload": True, "statement": True, "tree": False}


async def test_a_token_that_is_none_is_broken_and_its_certificate_not_judged(station: Station) -> None:
    uuid = await stamped(station)
    change = update(tables.token).values(token=b"garbage")
    await station.database.write(lambda connection: connection.execute(change))
    assert await links(station, uuid) == GOOD | {"token": False, "certificate": None}


async def test_a_good_token_of_somebody_who_is_not_trusted_has_a_broken_certificate(
    station: Station, tmp_path: Path
) -> None:
    uuid = await stamped(station)
    LocalAuthority.open(tmp_path / "other", clock=CLOCK, create=True)
    others = TrustRoots.load(tmp_path / "other" / "roots.pem")
    for roots in ({}, {"local": others}):
        assert await links(station, uuid, roots=roots) == GOOD | {"certificate": False}


async def test_what_waits_for_its_batch_has_no_links(station: Station) -> None:
    item = an_item()
    async with station.client(Scope.INGEST) as client:
        await client.post("/items/", json=item)
    check = ProofCheck(database=station.database, roots=station.roots, clock=CLOCK)
    assert await check.links(item["meta"]["uuid"]) == []
    assert await check.links("00000000-0000-4000-8000-000000000000") == []
