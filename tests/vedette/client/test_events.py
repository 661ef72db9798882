"""Events: nothing is missed and nothing told twice, however the stream is cut, and garbage is bounded."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.callers import Scope
from tests.faults.proxy import FaultProxy
from tests.timing import PATIENCE
from tests.vedette.client.conftest import Connect
from tests.web.api.v1.conftest import Hub
from vedette.client import ApiError, UnexpectedAnswerError, VedetteClient, event_lines, events
from vedette.client.event_lines import EventLines
from vedette.client.events import Event

STREAM = (
    b"retry: 2000\nid: 1.0\n\n:\n\nid: 1.1\nevent: scan\ndata: {}\n\n"
    b"id: 1.2\r\nevent: tst\r\ndata: {\r\ndata: }\r\n\r\nunknown: x\nid: 1.3\n\n"
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_events_do_not_depend_on_how_the_stream_is_cut(cuts: list[int]) -> None:
    lines, places = EventLines(), [0, *sorted(cuts), len(STREAM)]
    frames = [frame for begin, end in itertools.pairwise(places) for frame in lines.feed(STREAM[begin:end])]
    assert [(frame.topic, frame.data, frame.id) for frame in frames] == [
        ("scan", b"{}", "1.1"),
        ("tst", b"{\n}", "1.2"),
    ]
    assert (lines.last_id, lines.retry) == ("1.3", 2.0)


@pytest.mark.parametrize("piece", [b"x" * 1000, (b"data: " + b"y" * 60 + b"\n") * 10], ids=["line", "event"])
def test_what_has_no_end_is_refused(piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_lines, "MAX_EVENT", 200)
    with pytest.raises(UnexpectedAnswerError):
        list(EventLines().feed(piece))


def an_item(number: int) -> dict[str, object]:
    """The number-th item that is handed in."""
    meta = {"uuid": f"10000000-0000-4000-8000-{number:012d}", "ts": 1_795_305_600, "type": "scan"}
    return {"version": "1", "format": "text", "meta": meta, "payload": {"raw": "aGk="}}


async def hear(client: VedetteClient, found: list[Event], last: str) -> None:
    """Collect events of items until that of one."""
    async with asyncio.timeout(PATIENCE), aclosing(client.events.stream(["scan"])) as stream:
        async for event in stream:
            found.append(event)
            if event.fields["uuid"] == last:
                return


async def test_a_stream_that_is_cut_again_and_again_misses_nothing(
    hub: Hub, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(event_lines, "LONGEST_RETRY", 0.02)
    found: list[Event] = []
    number, key = 0, await hub.key(Scope.READ)
    with FaultProxy(hub.server.url.removeprefix("http://")) as proxy:
        async with connect() as source, VedetteClient(url=f"http://{proxy.address}", api_key=key) as client:
            hearing = asyncio.create_task(hear(client, found, last="the end"))
            while not found:
                # What happened before the first connection is not told.
                number += 1
                await source.items.post(an_item(number))
            first = number
            while proxy.connections < 8:
                await asyncio.to_thread(proxy.cut)
                number += 1
                await source.items.post(an_item(number))
            while len(found) < 1 + number - first or found[-1].fields["uuid"] != uuid_of(number):
                await asyncio.sleep(0.01)
                assert not hearing.done(), hearing.exception()
            hearing.cancel()
    heard = [event.fields["uuid"] for event in found]
    assert heard == [uuid_of(one) for one in range(number - len(heard) + 1, number + 1)]
    async with (
        connect() as client,
        asyncio.timeout(PATIENCE),
        aclosing(client.events.stream(after=found[-3].id)) as again,
    ):
        assert [(await anext(again)).fields["uuid"] for _ in range(2)] == heard[-2:]


def uuid_of(number: int) -> str:
    """The uuid of the number-th item that is handed in."""
    return f"10000000-0000-4000-8000-{number:012d}"


async def test_a_refusal_for_good_ends_the_stream(hub: Hub, connect: Connect) -> None:
    async with connect() as client:
        with pytest.raises(ApiError, match="422.*topics"):
            await anext(client.events.stream(["weather"]))
    async with VedetteClient(url=hub.server.url, api_key=await hub.key(Scope.INGEST)) as client:
        with pytest.raises(ApiError, match="403"):
            await anext(client.events.stream())
