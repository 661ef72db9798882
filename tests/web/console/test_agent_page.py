"""The fleet and an agent's page: what waits, the last result, what an agent can do, and whom it knows."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from registry.agent_reports import OutboxReport
from registry.callers import Scope
from registry.directory import Directory
from tests.web.api.v1.conftest import PROBE, Hub, uuid_of
from tests.web.console.test_pages import text_of
from vedette.clock import SystemClock
from vedette.messages.card import Role
from vedette.messages.state import AgentState
from web.api.hub_view import NoAgents

COLLECTOR = "collector@localhost"


class OneAgent(NoAgents):
    """A probe that answers, and knows somebody."""

    def states(self) -> list[AgentState]:
        """Return what it says."""
        now = SystemClock().now()
        contacts = [{"jid": COLLECTOR, "show": "away"}, {"jid": "stranger@localhost", "show": "available"}]
        values = {"jid": PROBE, "role": "probe", "software": "1", "fingerprint": "f", "server": "s", "now": now}
        presence = {"show": "available", "since": now}
        return [AgentState.model_validate(values | {"started_at": now, "presence": presence, "contacts": contacts})]


@pytest.fixture
def hub_view() -> OneAgent:
    """The probe."""
    return OneAgent()


async def enrol(hub: Hub, *, report: OutboxReport | None) -> None:
    """Enrol a collector on another machine that said this of its outbox."""
    directory = Directory(database=hub.database, clock=SystemClock())
    await directory.enrol(COLLECTOR, role=Role.COLLECTOR, public_key=None, unsigned_allowed=True)
    await directory.presence(COLLECTOR, show="away", status="", cause="presence")
    if report is not None:
        await directory.seen({COLLECTOR: report.reported_at}, {COLLECTOR: report})


def row_of(page: httpx.Response, jid: str) -> str:
    """What the fleet page says of an agent."""
    (row,) = re.findall(rf'<tr role="row" data-key="{jid}">.*?</tr>', page.text, re.DOTALL)
    return unescape(" ".join(re.sub(r"<[^>]*>", " ", row).split()))


async def test_what_waits_with_a_distant_agent_is_seen_without_asking_it(hub: Hub, reader: httpx.AsyncClient) -> None:
    now = SystemClock().now()
    report = OutboxReport(reported_at=now, waiting=1342, waiting_since=now - 200_000_000, dead_letters=2)
    await enrol(hub, report=report)
    page = await reader.get("/")
    assert "1,342 waiting the oldest for 3 min 20 s 2 dead letters" in row_of(page, COLLECTOR)
    assert "as of" not in row_of(page, COLLECTOR)
    # The probe never said anything; its last result is known all the same.
    assert "not reported" in row_of(page, PROBE)
    assert f'href="/items/{uuid_of(29)}"' in page.text
    waits = await reader.get("/?waiting=true")
    assert COLLECTOR in text_of(waits)
    assert PROBE not in text_of(waits)
    async with await hub.client(Scope.READ) as client:
        (listed,) = (await client.get("/v1/agents?waiting=true")).json()["items"]
    assert (listed["jid"], listed["waiting"], listed["dead_letters"]) == (COLLECTOR, 1342, 2)


async def test_what_was_said_long_ago_is_not_shown_as_if_it_were_so(hub: Hub, reader: httpx.AsyncClient) -> None:
    ago = SystemClock().now() - 3_600_000_000
    await enrol(hub, report=OutboxReport(reported_at=ago, waiting=3, waiting_since=ago, dead_letters=0))
    assert "as of 1 h" in row_of(await reader.get("/"), COLLECTOR)


async def test_an_agents_page_says_what_it_can_do_and_whom_it_knows(hub: Hub, reader: httpx.AsyncClient) -> None:
    await enrol(hub, report=None)
    page = await reader.get(f"/agents/{PROBE}")
    said = text_of(page)
    for text in ("Services and actions", "Pause, resume, run now", "Newest items", "Last result", "Behaviours"):
        assert text in said
    assert f'href="/schedules?agent={PROBE.replace("@", "%40")}"' in page.text
    # A contact that is enrolled has details and a page; a stranger is a name.
    assert f'href="/agents/{COLLECTOR.replace("@", "%40")}"' in page.text
    assert "The registry says Away" in said
    assert "stranger%40localhost" not in page.text
    assert "only what the directory knows" in text_of(await reader.get(f"/agents/{COLLECTOR}"))
