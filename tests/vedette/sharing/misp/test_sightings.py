"""Sightings: each new observation is told once, whatever breaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_misp import Failure
from tests.misp_pushing import Pushing, about, pushing
from tests.sharing_parts import AT, HOUR, fact
from vedette.errors import ConnectionFailedError, StoreError
from vedette.sharing.investigation import Investigation
from vedette.sharing.misp.sightings import read_marks, write_marks


@pytest.fixture
def misp(tmp_path: Path) -> Iterator[Pushing]:
    with pushing(tmp_path, sightings=True) as served:
        yield served


def _seen(hours: int) -> Investigation:
    """Two addresses, of which the first was observed some hours long."""
    first = fact("IP", "192.0.2.1", last=AT + hours * HOUR)
    return about(first, fact("IP", "192.0.2.2"))


async def test_an_observation_after_the_first_is_a_sighting_told_once(misp: Pushing) -> None:
    await misp.send(_seen(1))
    assert misp.store.sightings == []
    await misp.send(_seen(2))
    assert [row["attribute"] for row in misp.store.sightings] == [misp.attribute("192.0.2.1")["uuid"]]
    assert misp.store.sightings[0]["timestamp"] == str((AT + 2 * HOUR) // 1_000_000)
    assert await misp.write_requests(_seen(2)) == 0
    await misp.send(_seen(3))
    assert len(misp.store.sightings) == 2


@pytest.mark.parametrize("kind", ["before", "after"])
async def test_a_sighting_is_never_told_twice(misp: Pushing, kind: str) -> None:
    await misp.send(_seen(1))
    misp.fake.fail_next(Failure(kind="before" if kind == "before" else "after"), after=5)
    with pytest.raises(ConnectionFailedError):
        await misp.send(_seen(2))
    assert misp.fake.writes[-1].path.startswith("/sightings/add")
    await misp.send(_seen(2))
    # Told too few at worst: of a request that was cut nobody knows whether it was counted.
    assert len(misp.store.sightings) == (0 if kind == "before" else 1)


async def test_they_are_told_only_where_that_is_wanted(misp: Pushing) -> None:
    misp.settings["sightings"] = False
    await misp.send(_seen(1))
    await misp.send(_seen(2))
    assert misp.store.sightings == []


def test_marks_are_read_as_they_were_written() -> None:
    assert read_marks(None) == {}
    assert read_marks(write_marks({"a": 7})) == {"a": 7}
    for text in ("[]", "{", '{"a": "x"}', "null"):
        with pytest.raises(StoreError):
            read_marks(text)
