"""A client that dawdles over its request is cut off; one that only waits between requests is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.timing import PATIENCE
from vedette.messages.state import AgentState
from web.agent_view import AgentView

LIMIT = 0.6
REQUEST = b"GET /static/base.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture
async def address(full_state: AgentState) -> AsyncIterator[tuple[str, int]]:
    view = AgentView(state=lambda: full_state, head_time=LIMIT)
    await view.start()
    yield "127.0.0.1", int(view.url.rsplit(":", 1)[1].strip("/"))
    await view.stop()


async def is_cut_off(reader: asyncio.StreamReader) -> bool:
    """Tell whether the connection ends without an answer."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await reader.read(1) == b""
    except ConnectionError:
        return True


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
    length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    await reader.readexactly(int(length.partition(b":")[2]))
    return head.split(b"\r\n")[0]


async def test_a_head_that_does_not_end_is_cut_off(address: tuple[str, int]) -> None:
    async def ends(sent: bytes) -> bool:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(sent)
        cut = await is_cut_off(reader)
        writer.close()
        return cut

    begun = [b"", b"G", REQUEST[:-1], REQUEST[:-2], b"GET / HTTP/1.1\r\nX: "]
    assert await asyncio.gather(*map(ends, begun)) == [True] * len(begun)


async def test_bytes_that_drip_do_not_prolong_the_time(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    dripping = asyncio.create_task(_drip(writer))
    assert await is_cut_off(reader)
    dripping.cancel()
    writer.close()


async def _drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET / HTTP/1.1\r\n")
    while not writer.is_closing():
        writer.write(b"X-A: b\r\n")
        await asyncio.sleep(LIMIT / 10)


async def test_a_connection_may_rest_between_requests_and_not_within_one(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    for _ in range(2):
        writer.write(REQUEST[:20])
        await writer.drain()
        writer.write(REQUEST[20:])
        assert (await answer(reader)).endswith(b"200 OK")
        await asyncio.sleep(LIMIT * 1.5)
    writer.write(REQUEST + REQUEST[:10])
    assert (await answer(reader)).endswith(b"200 OK")
    assert await is_cut_off(reader)
    writer.close()
