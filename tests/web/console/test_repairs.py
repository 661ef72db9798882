"""The page of repairs: what is wrong, why, what to do; a person takes note; the bar counts."""

from __future__ import annotations

import re

import httpx
import pytest

from registry.alarms import Alarms
from registry.callers import Scope
from registry.repair_rows import RepairChanges
from registry.repairs import Repairs
from registry.roles import UserRole
from tests.web.api.v1.conftest import Hub
from tests.web.console.test_pages import HTML, session_of, text_of
from vedette.clock import ManualClock, SystemClock
from vedette.repairs.repair import Repair, RepairKind, Severity
from vedette.repairs.rules import Checked, Judgement

GONE = Repair(
    kind=RepairKind.AGENT,
    place="probe9@localhost",
    severity=Severity.WARNING,
    what="probe9@localhost has been gone for 7 minutes.",
    cause="the cable was cut",
    remedy="Start it again: `vedette up`.",
    link="/agents/probe1%40localhost",
)
DAMAGED = Repair(
    kind=RepairKind.EVIDENCE,
    place="root at here",
    severity=Severity.CRITICAL,
    what="The root is wrong.",
    cause="found by the sweep",
    remedy="`vedette restore`",
    reference="alarm 1",
)
LOOKED = (Checked(name="agents", found=1, problem=""), Checked(name="disk", found=0, problem="denied <b>"))


async def note(hub: Hub, *repairs: Repair) -> RepairChanges:
    """What the registry sees."""
    judgement = Judgement(repairs=repairs, checks=LOOKED)
    return await Repairs(database=hub.database, clock=SystemClock()).note(judgement, observer="e@l", kept=10**15)


@pytest.fixture
async def wrong(hub: Hub) -> Hub:
    """A hub at which two things are wrong."""
    await note(hub, GONE, DAMAGED)
    return hub


async def test_what_is_wrong_why_and_what_to_do_is_shown_and_counted(wrong: Hub, reader: httpx.AsyncClient) -> None:
    page = await reader.get("/repairs")
    text = text_of(page)
    for part in (GONE.what, "Why: the cable was cut", "What to do: Start it again: vedette up", "Looked at 2 things"):
        assert part in text
    assert page.text.index("The root is wrong.") < page.text.index("probe9@localhost has been")
    assert "<code>vedette up</code>" in page.text
    assert 'href="/agents/probe1%40localhost"' in page.text
    assert "denied <b>" in text
    assert "<b>:" not in page.text.replace("<b>Why:", "").replace("<b>What to do:", "")
    # Every page counts them.
    for path in ("/repairs", "/items", "/dead-letters", "/"):
        assert re.search(r'class="badge"[^>]*>2<', (await reader.get(path)).text), path


async def test_nothing_to_repair_says_what_was_looked_at_and_when(hub: Hub, reader: httpx.AsyncClient) -> None:
    assert "Nobody has looked yet" in text_of(await reader.get("/repairs"))
    await note(hub)
    text = text_of(await reader.get("/repairs"))
    assert "Nothing to repair." in text
    assert "just now" in text or "s ago" in text
    assert "Nobody has looked" not in text
    assert "badge" not in (await reader.get("/repairs")).text


async def test_a_look_that_is_old_is_not_believed(hub: Hub, reader: httpx.AsyncClient) -> None:
    past = ManualClock(now=SystemClock().now() - 301_000_000)
    judgement = Judgement(repairs=(), checks=LOOKED)
    await Repairs(database=hub.database, clock=past).note(judgement, observer="e@l", kept=10**15)
    assert "Nobody has looked since" in text_of(await reader.get("/repairs"))


async def test_an_operator_takes_note_with_a_reason_and_for_a_time(wrong: Hub, reader: httpx.AsyncClient) -> None:
    assert "Take note" not in (await reader.get("/repairs")).text
    session = await session_of(wrong, UserRole.OPERATOR)
    csrf = session.pop("csrf")
    async with await wrong.client() as client:
        client.headers.update(session)
        del client.headers["X-API-Key"]
        page = await client.get("/repairs")
        (path,) = set(re.findall(r'action="(/repairs/1/acknowledge)"', page.text)) or [""]
        for data, status in (
            ({"csrf": csrf, "reason": "  ", "length": "a day"}, 422),
            ({"csrf": csrf, "reason": "x", "length": "for ever and a day"}, 422),
            ({"csrf": csrf, "reason": "x" * 2_000}, 422),
            ({"csrf": "wrong", "reason": "x"}, 403),
        ):
            assert (await client.post(path, data=data)).status_code == status, data
        done = await client.post(path, data={"csrf": csrf, "reason": "it <i>moves</i>", "length": "a day"})
        assert (done.status_code, done.headers["location"]) == (303, "/repairs?said=noted")
        text = text_of(await client.get(done.headers["location"]))
        assert "user anna took note" in text
        assert "it <i>moves</i>" in text
        missing = await client.post("/repairs/999/acknowledge", data={"csrf": csrf, "reason": "x"})
        assert missing.status_code == 404
    assert await Repairs(database=wrong.database, clock=SystemClock()).count() == 1


async def test_to_note_damaged_evidence_notes_its_alarm(wrong: Hub) -> None:
    async with await wrong.client(Scope.OPERATE, Scope.READ) as client:
        (line,) = (await client.get("/v1/repairs?kind=evidence")).json()["items"]
        done = await client.post(f"/v1/repairs/{line['id']}/acknowledge", json={"reason": "restored", "seconds": 60})
        assert (done.status_code, done.json()["state"]) == (200, "noted")
        assert done.json()["noted_until"] - done.json()["noted_at"] == 60_000_000
        for body in (
            {},
            {"reason": " "},
            {"reason": "x", "seconds": 1},
            {"reason": "x", "until": 9},
            {"reason": "\0"},
        ):
            assert (await client.post("/v1/repairs/1/acknowledge", json=body)).status_code == 422, body
        assert (await client.post("/v1/repairs/999/acknowledge", json={"reason": "x"})).status_code == 404
    assert await Alarms(database=wrong.database, clock=SystemClock()).count() == 0


async def test_what_ended_is_in_the_history_and_in_the_lists(wrong: Hub, reader: httpx.AsyncClient) -> None:
    await note(wrong, DAMAGED)
    assert GONE.what not in text_of(await reader.get("/repairs"))
    ended = await reader.get("/repairs?ended=true")
    assert GONE.what in text_of(ended)
    (csv,) = re.findall(r'href="(/v1/repairs\.csv[^"]*)"', ended.text)
    assert GONE.what in (await reader.get(csv)).text
    assert [line["state"] for line in (await reader.get("/v1/repairs?state=ended")).json()["items"]] == ["ended"]
    assert [line["kind"] for line in (await reader.get("/v1/repairs?state=open")).json()["items"]] == ["evidence"]
    filtered = text_of(await reader.get("/repairs?kind=disk&severity="))
    assert "Nothing of this kind is wrong" in filtered
    assert (await reader.get("/repairs?kind=nonsense")).status_code == 422


async def test_the_address_of_the_alarms_leads_here(hub: Hub, reader: httpx.AsyncClient) -> None:
    moved = await reader.get("/alarms", headers=HTML)
    assert (moved.status_code, moved.headers["location"]) == (303, "/repairs?kind=evidence")
    assert (await reader.get(moved.headers["location"])).status_code == 200


async def test_metrics_count_them(wrong: Hub, reader: httpx.AsyncClient) -> None:
    text = (await reader.get("/v1/metrics")).text
    assert 'vedette_repairs_open{severity="critical"} 1.0' in text
    assert 'vedette_repairs_open{severity="notice"} 0.0' in text
    assert 'vedette_repairs_open_kind{kind="evidence",severity="critical"} 1.0' in text
    assert "vedette_repairs_looked_age_seconds" in text
