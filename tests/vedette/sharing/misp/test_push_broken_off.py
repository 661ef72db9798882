"""Exports that break off at each request, before, within and after it: done again they end where they would have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.fake_misp import Failure
from tests.misp_pushing import Pushing, about, addresses, held, pushing, said
from tests.sharing_cases import scanned
from vedette.errors import ConnectionFailedError, StoreError
from vedette.sharing.investigation import Investigation

Kind = Literal["before", "after", "within"]

FIRST = about(*addresses(1, 2, 3), tags=["botnet:mirai"])
SECOND = about(*addresses(2, 3, 4, bad=[3]), tags=["botnet:gafgyt"])
MOST_REQUESTS = 12


def _state(misp: Pushing) -> Mapping[str, Any]:
    """Return what is on the server but its clock."""
    store = misp.store
    rows = [*store.attributes.values(), *store.objects.values(), *store.references.values(), *store.reports.values()]
    plain = {row["uuid"]: {name: value for name, value in row.items() if name != "timestamp"} for row in rows}
    hidden = {"timestamp", "publish_timestamp"}
    events = {
        uuid: {name: value for name, value in row.items() if name not in hidden} for uuid, row in store.events.items()
    }
    return {"events": events, "children": plain}


async def _undisturbed(folder: Path, *steps: Investigation) -> Mapping[str, Any]:
    with pushing(folder, publish=True) as misp:
        for step in steps:
            await misp.send(step)
        return _state(misp)


@pytest.mark.parametrize("kind", ["before", "after", "within"])
async def test_cut_at_each_request_and_done_again_it_ends_the_same(tmp_path: Path, kind: Kind) -> None:
    wanted = await _undisturbed(tmp_path, FIRST, SECOND)
    broken = 0
    for at in range(MOST_REQUESTS):
        with pushing(tmp_path, publish=True) as misp:
            misp.fake.fail_next(Failure(kind=kind), after=at)
            for step in (FIRST, SECOND):
                try:
                    await misp.send(step)
                except ConnectionFailedError:
                    broken += 1
                    await misp.send(step)
            assert _state(misp) == wanted
            assert await misp.write_requests(SECOND) == 0
            assert misp.store.dropped == []
    # Each export asks who it is (2), reads, writes, reads back and publishes.
    assert broken == MOST_REQUESTS


@pytest.mark.parametrize("kind", ["before", "after"])
async def test_what_was_cut_and_changes_before_it_is_done_again_is_not_lost(tmp_path: Path, kind: Kind) -> None:
    """The process dies while it writes or reads back SECOND, and it is FIRST again before another starts."""
    for at in (3, 4):
        with pushing(tmp_path) as misp:
            await misp.send(FIRST)
            misp.fake.fail_next(Failure(kind=kind), after=at)
            with pytest.raises(ConnectionFailedError):
                await misp.send(SECOND)
            await misp.send(FIRST)
            assert held(misp.store, str(FIRST.uuid)) == said(FIRST)
            assert misp.attribute("192.0.2.3")["to_ids"] is False
            assert set(misp.store.events[str(FIRST.uuid)]["Tag"]) == {"tlp:amber", "botnet:mirai"}
            assert await misp.write_requests(FIRST) == 0


async def test_an_add_that_arrived_unknown_to_us_and_is_withdrawn_meanwhile_goes(tmp_path: Path) -> None:
    with pushing(tmp_path) as misp:
        misp.fake.fail_next(Failure(kind="after"), after=3)
        with pytest.raises(ConnectionFailedError):
            await misp.send(scanned())
        assert len(held(misp.store, str(scanned().uuid))) > 1, "it did arrive"
        await misp.send(replace(scanned(), facts=(), edges=(), scans=(), proofs=()))
        assert held(misp.store, str(scanned().uuid)) == {str(scanned().uuid)}


async def test_nothing_is_sent_where_the_intention_cannot_be_remembered(tmp_path: Path) -> None:
    with pushing(tmp_path) as misp:
        misp.memory.fails = StoreError("the disk is full")
        with pytest.raises(StoreError):
            await misp.send(FIRST)
        assert misp.fake.writes == []
        misp.memory.fails = None
        await misp.send(FIRST)
        assert held(misp.store, str(FIRST.uuid)) == said(FIRST)


async def test_what_was_written_is_published_although_we_died_before(tmp_path: Path) -> None:
    with pushing(tmp_path, publish=True) as misp:
        misp.fake.fail_next(Failure(kind="before"), after=5)
        with pytest.raises(ConnectionFailedError):
            await misp.send(FIRST)
        assert misp.store.events[str(FIRST.uuid)]["published"] is False
        assert [asked.path.split("/")[2] for asked in misp.fake.writes] == ["add", "publish"]
        await misp.send(FIRST)
        assert misp.store.events[str(FIRST.uuid)]["published"] is True
