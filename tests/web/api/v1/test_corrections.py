"""What was read of texts and what people correct in it, over HTTP and by the client."""

from __future__ import annotations

import orjson
import pytest

from registry.callers import Scope
from tests.prose_documents import keep_reading, place_of, report
from tests.web.api.v1.conftest import Hub, uuid_of
from vedette.client import ApiError, VedetteClient
from vedette.extraction.prose.annotated import AnnotatedDocument
from vedette.extraction.prose.corrections.kinds import ChangeEntity, RejectEntity

REPORT = report()
ITEM = uuid_of(5)
BANKS = place_of(REPORT, "banks")


async def test_a_text_is_corrected_and_taken_back(hub: Hub) -> None:
    await keep_reading(hub.graph, REPORT, item=ITEM)
    key = await hub.key(Scope.READ, Scope.OPERATE)
    async with VedetteClient(url=hub.server.url, api_key=key) as client:
        assert await client.corrections.annotation(ITEM) == REPORT
        assert await client.corrections.of_item(ITEM) == []
        made = await client.corrections.add(ITEM, ChangeEntity(at=BANKS, to=BANKS, label="ORG"), why="So it is.")
        assert (made.made_by, made.why, made.unfit) == ("key test", "So it is.", "")
        corrected = await client.corrections.annotation(ITEM)
        assert [one.label for one in corrected.entities if one.text == "banks"] == ["ORG"]
        assert await client.corrections.annotation(ITEM, corrected=False) == REPORT
        assert await client.corrections.of_item(ITEM) == [made]
        (line,) = [one async for one in client.corrections.lessons()]
        assert "B-ORG" in line["tags"]
        assert [one async for one in client.corrections.lessons(of="relations")] == []
        undone = await client.corrections.undo(ITEM, made.id, why="No.")
        assert (undone.undone_by, undone.undone_why) == ("key test", "No.")
        assert await client.corrections.annotation(ITEM) == REPORT
        assert [one async for one in client.corrections.lessons()] == []
        for status, call in (
            (404, client.corrections.undo(ITEM, made.id)),
            (404, client.corrections.annotation(uuid_of(6))),
            (404, client.corrections.of_item(uuid_of(999))),
            (404, client.corrections.add(uuid_of(6), RejectEntity(at=BANKS))),
            (422, client.corrections.add(ITEM, RejectEntity(at=place_of(REPORT, "against")))),
        ):
            with pytest.raises(ApiError) as error:
                await call
            assert error.value.status == status


async def test_what_is_no_correction_is_refused_with_its_field(hub: Hub) -> None:
    await keep_reading(hub.graph, REPORT, item=ITEM)
    async with await hub.client(Scope.OPERATE) as client:
        for body in (
            {},
            {"correction": {"kind": "reject-entity"}},
            {"correction": {"kind": "reject-entity", "at": {"start": 0, "end": 9, "text": "x"}}},
            {"correction": RejectEntity(at=BANKS).model_dump(), "why": "x" * 2_000},
            {"correction": RejectEntity(at=BANKS).model_dump(), "more": 1},
        ):
            answer = await client.post(f"/v1/items/{ITEM}/corrections", json=body)
            assert answer.status_code == 422, answer.text


async def test_the_annotation_is_the_documented_form(hub: Hub) -> None:
    await keep_reading(hub.graph, REPORT, item=ITEM)
    async with await hub.client() as client:
        answer = await client.get(f"/v1/items/{ITEM}/annotation")
        assert answer.headers["content-type"] == "application/json"
        assert AnnotatedDocument.model_validate(orjson.loads(answer.content)) == REPORT
        lines = await client.get("/v1/corrections?format=jsonl")
        assert lines.headers["content-type"].startswith("application/x-ndjson")
        assert lines.text == ""
