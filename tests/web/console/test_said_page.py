"""Where an item says something: the place is marked in the document as it was read, packed or not, large or small."""

from __future__ import annotations

import base64
import gzip
import re

import httpx

from registry.intake import Intake
from tests.web.api.v1.conftest import ENGINE, RECEIVED_AT, Hub, an_item, delivery, uuid_of
from tests.web.console.test_pages import HTML, text_of
from vedette.clock import SystemClock
from vedette.messages.item import ReceivedItem
from web.console.graph_addresses import said_address
from web.console.said import UNPACKED


async def test_a_place_in_a_packed_document_is_found_in_what_was_packed(hub: Hub) -> None:
    rows = "\n".join(f"row {number} says x" for number in range(20_000)).encode()
    start = rows.index(b"row 12345 ")
    at = f"row 12345 [{start}-{start + 16}]"
    items = [an_item(number, source="vedette.x") for number in (500, 501, 502)]
    items[0] = packed(items[0], gzip.compress(rows))
    items[1] = packed(items[1], gzip.compress(rows)[:-9], content_encoding="gzip")
    items[2] = packed(items[2], gzip.compress(bytes(UNPACKED + 1)))
    intake = Intake(database=hub.database, engine=ENGINE, clock=SystemClock())
    await intake.open()
    await intake.commit([delivery(items, received_at=RECEIVED_AT + 1)])
    async with await hub.client() as client:
        client.headers.update(HTML)
        page = await client.get(said_address(uuid_of(500), at))
        assert re.findall("<mark>(.*?)</mark>", page.text) == ["row 12345 says x"]
        assert "below it is unpacked" in text_of(page)
        for number in (501, 502):
            broken = await client.get(said_address(uuid_of(number), at))
            assert "The document came packed, and" in text_of(broken)
            assert "<mark>" not in broken.text


def packed(item: ReceivedItem, payload: bytes, **meta: str) -> ReceivedItem:
    """The item with other bytes."""
    raw = base64.b64encode(payload).decode()
    return ReceivedItem(item.data | {"payload": {"raw": raw}, "meta": item.data["meta"] | meta})


async def test_a_place_that_is_wrong_is_said_and_harms_nothing(reader: httpx.AsyncClient) -> None:
    for at, words in (
        ("row 1 [70-71]", "would be at 70"),
        ("row 1", "Which bytes it is was not kept"),
        ("", "The whole document"),
        ("x" * 300, "Which bytes"),
        ("[999999999999999999-999999999999999999]", "Which bytes"),
    ):
        page = await reader.get(f"/items/{uuid_of(3)}/said", params={"at": at})
        assert words in text_of(page), at
    # The bytes of a document are read from its file.
    large = await reader.get(said_address(uuid_of(29), "row 1 [2-7]"))
    assert re.findall("<mark>(.*?)</mark>", large.text) == ["large"]
    assert (await reader.get(f"/items/{uuid_of(999)}/said")).status_code == 404
    assert (await reader.get(f"/items/{uuid_of(3)}/said", params={"at": "\0"})).status_code == 422
