"""Dead letters in a browser without JavaScript: filtered, decided about in bulk after a question, edited and sent."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import httpx
import pytest

from registry.audit import Audit
from registry.intake import Intake
from registry.items import Items
from registry.outbox import Outbox
from registry.queues import Asker, Queues
from registry.roles import UserRole
from tests.web.api.v1.conftest import ENGINE, PROBE, Hub, an_item, delivery, uuid_of
from tests.web.console.test_pages import session_of, text_of
from tests.web.console.test_people_pages import Admin
from vedette.canonical import parse_json
from vedette.clock import SystemClock

RT = Asker(jid="rt@localhost", role="rt")
LETTER = f"queue:rt/{uuid_of(28)}"
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
async def operator(hub: Hub) -> AsyncIterator[Admin]:
    """A browser of an operator."""
    session = await session_of(hub, UserRole.OPERATOR)
    csrf = session.pop("csrf")
    async with await hub.client() as client:
        client.headers.update(session)
        del client.headers["X-API-Key"]
        yield Admin(client, csrf)


async def give_up(hub: Hub, *reasons: str) -> list[str]:
    """More letters in the queue; their uuids."""
    clock = SystemClock()
    intake = Intake(database=hub.database, engine=ENGINE, clock=clock)
    await intake.open()
    items = [an_item(500 + at, source=f"vedette.in.structured.x{at}") for at in range(len(reasons))]
    await intake.commit([delivery(items)])
    queues = Queues(database=hub.database, clock=clock, max_attempts=1)
    held = await queues.lease("rt", asker=RT, life="l", limit=100, max_bytes=10**6, lease_seconds=60)
    failures = [(one.id, reason) for one, reason in zip(held, reasons, strict=True)]
    await queues.reject("rt", asker=RT, life="l", failures=failures)
    return [one.uuid for one in held]


async def refuse(hub: Hub, **meta: Any) -> str:
    """A letter in an outbox; its uuid."""
    path = hub.paths.outboxes / "probe1.db"
    box = Outbox(path, agent=PROBE, clock=SystemClock(), limit_items=9, limit_bytes=10**6, max_attempts=1)
    await box.open()
    (added,) = await box.add([an_item(700, **meta).data])
    uuid: str = added["meta"]["uuid"]
    await box.refuse(uuid, "meta.type", "is not known")
    await box.close()
    return uuid


def fields_of(page: httpx.Response, action: str) -> dict[str, str]:
    """The hidden fields of a form on a page, as a browser would send them."""
    (form,) = re.findall(rf'<form[^>]*method="post"[^>]*action="{action}".*?</form>', page.text, re.DOTALL)
    return {
        unescape(name): unescape(value)
        for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form)
    }


async def test_reasons_are_counted_and_lead_to_their_letters(hub: Hub, reader: httpx.AsyncClient) -> None:
    await give_up(hub, "no route", "no route", HOSTILE)
    page = await reader.get("/dead-letters")
    assert "<script>alert" not in page.text
    assert re.search(r"no route</bdi></a> <b>2</b>", page.text)
    (link,) = re.findall(r'href="(/dead-letters\?reason=no%20route)"', page.text)
    filtered = await reader.get(link)
    assert text_of(filtered).count("no route") >= 2
    assert uuid_of(28) not in filtered.text
    (listed,) = re.findall(r'href="(/v1/dead-letters\?[^"]*)"', filtered.text)
    assert len((await reader.get(unescape(listed))).json()["items"]) == 2
    assert "No dead letter fits" in text_of(await reader.get("/dead-letters?older=a+month"))
    # Who only reads is not offered what would be refused.
    assert 'name="do"' not in page.text
    assert (await reader.get("/dead-letters/decide?all=true&do=replay")).status_code == 403


async def test_what_was_given_up_again_since_the_question_is_left_alone(hub: Hub, operator: Admin) -> None:
    first, second = await give_up(hub, "a", "b")
    picks = [("pick", f"queue:rt/{uuid}") for uuid in (first, second)]
    fields = fields_of(
        await operator.client.get("/dead-letters/decide", params=[*picks, ("do", "discard")]), "/dead-letters/decide"
    )
    # Somebody lets one be tried again, and it fails in another way.
    await operator.post(f"/dead-letters/queue:rt/{first}/replay")
    queues = Queues(database=hub.database, clock=SystemClock(), max_attempts=1)
    (held,) = await queues.lease("rt", asker=RT, life="m", limit=100, max_bytes=10**6, lease_seconds=60)
    await queues.reject("rt", asker=RT, life="m", failures=[(held.id, "worse")])
    await operator.post("/dead-letters/decide", fields, why="noise")
    waiting = (await operator.client.get("/v1/dead-letters")).json()["items"]
    assert {letter["uuid"] for letter in waiting} == {first, uuid_of(28)}


async def test_a_form_that_nobody_was_shown_is_refused(operator: Admin) -> None:
    for until in ("9" * 19, "-1", "x", ""):
        answer = await operator.post("/dead-letters/decide", do="discard", all="true", until=until, why="x")
        assert answer.status_code == 422


async def test_chosen_ones_are_discarded_after_a_question(hub: Hub, operator: Admin) -> None:
    first, second, third = await give_up(hub, "a", "b", "c")
    picks = [("pick", f"queue:rt/{uuid}") for uuid in (first, second)]
    page = await operator.client.get("/dead-letters/decide", params=[*picks, ("do", "discard")])
    assert "Discard 2 dead letters?" in text_of(page)
    fields = fields_of(page, "/dead-letters/decide")
    again = await operator.post("/dead-letters/decide", fields, why=" ")
    assert again.status_code == 422
    assert "Say why" in again.text
    # Somebody else is quicker with one of them.
    await operator.post(f"/dead-letters/queue:rt/{first}/replay")
    done = await operator.post("/dead-letters/decide", fields_of(again, "/dead-letters/decide"), why="duplicates")
    assert done.status_code == 303
    shown = text_of(await operator.client.get(done.headers["location"]))
    assert "It was discarded. 1 were not there any more" in shown
    waiting = (await operator.client.get("/v1/dead-letters")).json()["items"]
    assert [letter["uuid"] for letter in waiting] == [third, uuid_of(28)]


async def test_all_that_fit_a_filter_are_replayed_after_a_question(hub: Hub, operator: Admin) -> None:
    await give_up(hub, "timeout", "timeout", "other")
    listed = await operator.client.get("/dead-letters?reason=timeout")
    assert "Replay all 2" in text_of(listed)
    page = await operator.client.get("/dead-letters/decide?all=true&reason=timeout&do=replay")
    assert "Replay 2 dead letters?" in text_of(page)
    done = await operator.post("/dead-letters/decide", fields_of(page, "/dead-letters/decide"))
    assert "2 were replayed" in text_of(await operator.client.get(done.headers["location"]))
    assert len((await operator.client.get("/v1/dead-letters")).json()["items"]) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"do": "delete", "all": "true"},
        {"do": "replay", "letters": "queue:rt/../../etc"},
        {"do": "replay", "letters": f"{LETTER} {HOSTILE}"},
        {"do": "replay", "all": "true", "until": "soon"},
        {"do": "replay", "all": "true", "older": "an age"},
        {"do": "replay", "all": "true", "place": "elsewhere"},
        {},
    ],
    ids=["verb", "path", "hostile", "time", "age", "place", "nothing"],
)
async def test_a_form_that_is_not_ours_is_refused_and_does_nothing(
    hub: Hub, operator: Admin, fields: dict[str, str]
) -> None:
    assert (await operator.post("/dead-letters/decide", fields)).status_code == 422
    assert len((await operator.client.get("/v1/dead-letters")).json()["items"]) == 1


async def test_nothing_chosen_is_said_to_be_nothing(operator: Admin) -> None:
    assert "Nothing is chosen" in text_of(await operator.client.get("/dead-letters/decide?do=replay"))
    gone = await operator.client.get("/dead-letters/decide?all=true&do=replay&place=outbox:none")
    assert gone.status_code in (200, 404)


def texts_of(page: httpx.Response) -> dict[str, str]:
    """What stands in the areas of the page; a browser drops the first line's end (HTML, 13.2.6.4.7)."""
    found = re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>(.*?)</textarea>', page.text, re.DOTALL)
    return {name: unescape(text).removeprefix("\n") for name, text in found}


async def test_a_letter_of_a_queue_is_edited_into_an_item_of_the_editor(hub: Hub, operator: Admin) -> None:
    page = await operator.client.get(f"/dead-letters/{LETTER}/edit")
    texts = texts_of(page)
    assert texts["payload"] == "payload 28"
    meta = parse_json(texts["meta"])
    assert "agent" not in meta
    before = await Items(database=hub.database).get(uuid_of(28))
    changed = texts["meta"].replace("deviates", "as expected")
    done = await operator.post(
        f"/dead-letters/{LETTER}/edit", {"meta": changed, "payload": "mended\r\nline", "reason": HOSTILE}
    )
    assert done.status_code == 303, done.text
    made = await Items(database=hub.database).get(done.headers["location"].removeprefix("/items/"))
    assert made["meta"]["verdict"] == "as expected"
    assert made["meta"]["agent"] == "user anna"
    assert made["meta"]["edited"]["from"] == uuid_of(28)
    assert made["meta"]["edited"]["agent"] == PROBE
    assert made["payload"]["raw"] == "bWVuZGVkCmxpbmU="
    # The original stays as it was.
    assert await Items(database=hub.database).get(uuid_of(28)) == before
    tomb = (await operator.client.get("/v1/dead-letters?discarded=true")).json()["items"][0]
    assert tomb["why"].startswith(f"edited as {made['meta']['uuid']}: ")
    actions = [one.action for one in (await Audit(database=hub.database, clock=SystemClock()).page()).entries]
    assert actions[:2] == ["dead-letter.discard", "dead-letter.edit"]
    shown = await operator.client.get(done.headers["location"])
    assert shown.status_code == 200
    assert "<script>alert" not in shown.text
    # The new item waits in the queue, as every item that fits.
    assert (await operator.client.get("/v1/queues")).json()["items"][0]["depth"] == 1


async def test_a_letter_of_an_outbox_keeps_its_bytes_as_an_item(hub: Hub, operator: Admin) -> None:
    uuid = await refuse(hub, type="scam")
    path = f"/dead-letters/outbox:probe1/{uuid}"
    letter = (await operator.client.get(f"/v1{path}")).json()
    texts = texts_of(await operator.client.get(f"{path}/edit"))
    done = await operator.post(
        f"{path}/edit", {"meta": texts["meta"].replace("scam", "scan"), "payload": texts["payload"], "reason": "typo"}
    )
    assert done.status_code == 303, done.text
    listed = (await operator.client.get("/v1/items?type=dead-letter")).json()["items"]
    kept = await operator.client.get(f"/v1/items/{listed[0]['uuid']}/payload")
    assert parse_json(kept.content) == letter["item"]
    made = await Items(database=hub.database).get(done.headers["location"].removeprefix("/items/"))
    assert (made["meta"]["type"], made["payload"]) == ("scan", letter["item"]["payload"])
    assert (await operator.client.get(f"{path}/edit")).status_code == 404
    assert (await operator.client.get(f"/v1{path}")).json()["item"] is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"meta": "{", "reason": "x"}, "not JSON"),
        ({"meta": "[]", "reason": "x"}, "object"),
        ({"meta": "{}", "reason": "x"}, "meta"),
        ({"meta": '{"ts": 1, "type": "scan"}', "reason": " "}, "say why"),
        ({"meta": '{"ts": 1, "type": "scan", "target": 7}', "reason": "x"}, "target"),
        ({}, "say why"),
    ],
    ids=["cut", "list", "empty", "no reason", "wrong type", "nothing"],
)
async def test_what_cannot_be_an_item_is_refused_with_what_was_typed(
    operator: Admin, fields: dict[str, str], said: str
) -> None:
    refused = await operator.post(f"/dead-letters/{LETTER}/edit", fields)
    assert refused.status_code == 422
    assert said in text_of_any(refused)
    assert texts_of(refused)["meta"] == fields.get("meta", "")
    assert len((await operator.client.get("/v1/dead-letters")).json()["items"]) == 1


def text_of_any(page: httpx.Response) -> str:
    """What a page says, whatever its status."""
    return unescape(re.sub(r"<[^>]*>", " ", page.text))


async def test_programs_decide_about_many_and_read_one_whole(hub: Hub, operator: Admin) -> None:
    await give_up(hub, "x", "x", "y")
    client, headers = operator.client, {"X-CSRF-Token": operator.csrf}
    one = (await client.get(f"/v1/dead-letters/{LETTER}")).json()
    assert one["item"]["meta"]["uuid"] == uuid_of(28) == one["uuid"]
    assert (await client.get(f"/v1/dead-letters/queue:rt/{uuid_of(1)}")).status_code == 404
    for body, status in (
        ({"decision": "discard"}, 422),
        ({"decision": "replay", "why": "x"}, 422),
        ({"decision": "replay", "letters": [], "reason": "x"}, 422),
        ({"decision": "replay", "letters": [{"place": "queue:rt", "uuid": uuid_of(28)}], "reason": "x"}, 422),
        ({"decision": "replay", "place": "outbox:none", "reason": "\0"}, 422),
        ({"decision": "discard", "why": "old", "reason": "x"}, 200),
    ):
        answer = await client.post("/v1/dead-letters/decisions", json=body, headers=headers)
        assert answer.status_code == status, body
    assert answer.json() == {"done": 2, "missing": 0, "left": 0}
    names = [{"place": "queue:rt", "uuid": uuid_of(28)}, {"place": "queue:rt", "uuid": uuid_of(1)}]
    done = await client.post(
        "/v1/dead-letters/decisions", json={"decision": "replay", "letters": names}, headers=headers
    )
    assert done.json() == {"done": 1, "missing": 1, "left": 0}
