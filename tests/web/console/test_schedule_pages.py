"""The pages of schedules: one list of jobs and checks, the form, the orders to agents; and who may what."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import httpx
import pytest

from registry.audit import Audit, AuditFilter
from registry.callers import Scope
from registry.directory import Directory
from registry.jobs import Jobs
from registry.roles import UserRole
from registry.sessions import Sessions
from registry.users import Users
from tests.web.api.v1.conftest import PROBE, Hub
from tests.web.api.whole import BY, CHEAP, PASSWORD, Whole
from vedette.clock import SystemClock
from vedette.errors import RefusedError
from vedette.jobs.request import JobRequest, Plan
from vedette.messages.card import Role
from vedette.messages.control import CheckAction, CheckAnswer
from vedette.messages.state import AgentState
from web.api.gate import csrf_token
from web.api.hub_view import NoAgents

HTML = {"Accept": "text/html,*/*;q=0.8"}
CHECK = "0b6e3b4c-0000-4000-8000-000000000001"


@pytest.fixture
async def person(whole: Whole) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """An operator's browser, and the token of its forms."""
    await whole.add("olga", UserRole.OPERATOR)
    headers = await whole.session_of("olga")
    csrf = headers.pop("X-CSRF-Token")
    async with whole.client(headers=headers | HTML) as client:
        yield client, csrf


def text_of(page: httpx.Response, *, status: int = 200) -> str:
    """What a page says, without its elements."""
    assert page.status_code == status, page.text
    return unescape(" ".join(re.sub(r"<[^>]*>", " ", page.text).split()))


def form_of(page: httpx.Response) -> dict[str, str]:
    """The fields of the page's form, as a browser would post them."""
    body = page.text[page.text.index('<form class="asking"') :]
    fields = dict(re.findall(r'<input [^>]*name="([^"]*)" value="([^"]*)"', body))
    fields |= dict(re.findall(r'<select [^>]*name="([^"]*)"[^>]*>.*?<option value="([^"]*)" selected', body, re.S))
    (targets,) = re.findall(r"<textarea [^>]*>\n?(.*?)</textarea>", body, re.S)
    return {unescape(name): unescape(value) for name, value in fields.items()} | {"targets": unescape(targets)}


async def a_job(whole: Whole) -> str:
    """Ask for a job, and return its uuid."""
    request = JobRequest(tool="tcp-connect", arguments={"ports": [22, 80]}, targets=["127.0.0.1"])
    plan = Plan(request=request, words=("vedette:tcp-connect",), targets=("127.0.0.1",), commands=())
    job = await Jobs(database=whole.database, clock=whole.clock).request(plan, by=BY)
    return job.uuid


async def test_a_job_is_scheduled_changed_paused_run_and_removed(
    person: tuple[httpx.AsyncClient, str], whole: Whole
) -> None:
    client, csrf = person
    # Given a job that was asked for once, the form has its request
    page = await client.get(f"/schedules/new?from={await a_job(whole)}")
    form = form_of(page)
    assert (form["tool"], form["targets"].strip(), form["misfire"]) == ("tcp-connect", "127.0.0.1", "run-once")
    # When it is previewed, English, times and command lines are shown, and nothing is made
    wanted = form | {"name": "Doors", "when": "0 15 10 ? * MON-FRI", "zone": "Europe/Prague"}
    seen = await client.post("/schedules/new", data=wanted | {"do": "preview"})
    assert "At 10:15, Monday through Friday, Europe/Prague" in text_of(seen)
    assert text_of(seen).count("10:15:00 CE") == 5
    assert "1 run each time: vedette:tcp-connect --ports 22,80 127.0.0.1" in text_of(seen)
    assert "Doors" not in text_of(await client.get("/schedules"))
    # Then it is saved, and there
    saved = await client.post("/schedules/new", data=form_of(seen) | {"do": "save"})
    one = saved.headers["Location"].partition("?")[0]
    assert "user olga" in text_of(await client.get(one))
    assert "At 10:15, Monday through Friday, Europe/Prague" in text_of(await client.get("/schedules"))
    # It is changed with what it had
    edited = form_of(await client.get(f"{one}/edit"))
    assert (edited["name"], edited["when"], edited["zone"]) == ("Doors", "0 15 10 ? * MON-FRI", "Europe/Prague")
    changed = await client.post(f"{one}/edit", data=edited | {"when": "every 5m", "a.ports": "443", "do": "save"})
    assert changed.headers["Location"] == f"{one}?said=changed"
    assert "Every 5 minutes" in text_of(await client.get(one))
    assert form_of(await client.get(f"{one}/edit"))["a.ports"] == "443"
    # Another tab in which the form has been open since before undoes nothing
    stale = await client.post(f"{one}/edit", data=edited | {"do": "save"})
    assert "user olga changed it meanwhile" in text_of(stale, status=422)
    assert "Every 5 minutes" in text_of(await client.get(one))
    # Paused, it has no next runs; run now leads to its job
    await client.post(f"{one}/pause", data={"csrf": csrf})
    assert "None while it is paused" in text_of(await client.get(f"{one}?said=paused"))
    assert "by user olga" in text_of(await client.get(one))
    ran = await client.post(f"{one}/run", data={"csrf": csrf})
    assert "user olga" in text_of(await client.get(ran.headers["Location"]))
    again = await client.post(f"{one}/run", data={"csrf": csrf})
    assert "has not ended" in text_of(again, status=422)
    await client.post(f"{one}/resume", data={"csrf": csrf})
    assert (await client.post(f"{one}/remove", data={"csrf": csrf})).headers["Location"] == "/schedules?said=removed"
    assert (await client.get(one)).status_code == 404
    entries = await Audit(database=whole.database, clock=whole.clock).page(wanted=AuditFilter(action="schedule."))
    done = [entry.action.partition(".")[2] for entry in reversed(entries.entries)]
    assert done == ["create", "change", "pause", "run", "resume", "remove"]


WRONG = [
    ({"when": "* * * * *"}, "Unix cron"),
    ({"when": "0 0 25 * * ?"}, "hours: 25 is not between 0 and 23"),
    ({"when": "0 0 0 30 2 ?"}, "never comes again"),
    ({"zone": "Nowhere"}, "'Nowhere' is not known"),
    ({"jitter": "x"}, "integer"),
    ({"misfire": "panic"}, "run-once"),
    ({"targets": "192.0.2.1"}, "192.0.2.1"),
    ({"targets": ""}, "at least one host"),
    ({"parallel": "0"}, "1"),
    ({"name": ""}, "character"),
    ({"a.ports": "ssh"}, "valid integer"),
    ({"a.ports": "22, 70000", "targets": ""}, "less than or equal to 65535"),
]


async def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(
    person: tuple[httpx.AsyncClient, str], whole: Whole
) -> None:
    client, _ = person
    form = form_of(await client.get(f"/schedules/new?from={await a_job(whole)}")) | {"name": "Doors"}
    for values, said in WRONG:
        answer = await client.post("/schedules/new", data=form | values | {"do": "save"})
        assert said in text_of(answer, status=422)
        assert re.search(r'data-problem="[^"]+">[^<]', answer.text), values
        kept = form_of(answer)
        assert {name: kept[name].strip() for name in ("when", "zone", "targets")} == {
            name: (form | values)[name].strip() for name in ("when", "zone", "targets")
        }


async def test_a_viewer_sees_and_changes_nothing(person: tuple[httpx.AsyncClient, str], whole: Whole) -> None:
    client, _ = person
    form = form_of(await client.get(f"/schedules/new?from={await a_job(whole)}"))
    saved = await client.post("/schedules/new", data=form | {"name": "Doors", "do": "save"})
    one = saved.headers["Location"].partition("?")[0]
    await whole.add("vera", UserRole.VIEWER)
    headers = await whole.session_of("vera")
    csrf = headers.pop("X-CSRF-Token")
    async with whole.client(headers=headers | HTML) as viewer:
        assert "you need the role operator" in text_of(await viewer.get(one))
        assert "New schedule" not in text_of(await viewer.get("/schedules"))
        for path in (f"{one}/edit", "/schedules/new"):
            assert (await viewer.get(path)).status_code == 403
        for path in (f"{one}/pause", f"{one}/run", f"{one}/remove", f"/agents/{PROBE}/checks/x/pause"):
            assert (await viewer.post(path, data={"csrf": csrf})).status_code == 403


async def test_without_its_token_a_form_does_nothing(person: tuple[httpx.AsyncClient, str], whole: Whole) -> None:
    client, _ = person
    form = form_of(await client.get(f"/schedules/new?from={await a_job(whole)}")) | {"name": "Doors", "do": "save"}
    assert (await client.post("/schedules/new", data=form | {"csrf": "wrong"})).status_code == 403
    assert "Doors" not in text_of(await client.get("/schedules"))


async def test_what_there_is_not_is_said(person: tuple[httpx.AsyncClient, str]) -> None:
    client, csrf = person
    gone = "/schedules/00000000-0000-4000-8000-000000000000"
    for path in (gone, f"{gone}/edit", "/schedules/new?from=00000000-0000-4000-8000-000000000000"):
        assert "There is no" in text_of(await client.get(path), status=404)
    for action in ("pause", "resume", "run", "remove"):
        assert (await client.post(f"{gone}/{action}", data={"csrf": csrf})).status_code == 404
    assert "Nothing is done again and again yet" in text_of(await client.get("/schedules"))
    choice = await client.get("/schedules/new?tool=nothing")
    assert "Choose what to run" in text_of(choice)
    assert 'href="/schedules/new?tool=tcp-connect"' in choice.text
    blank = form_of(await client.get("/schedules/new?tool=tcp-connect"))
    assert (blank["when"], blank["a.ports"], blank["targets"].strip()) == ("@daily", "", "")


# Agents' own checks -----------------------------------------------------------------


class OneProbe(NoAgents):
    """A probe with a check that obeys, until it does not."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, str, CheckAction, str]] = []
        self.answer: CheckAnswer | RefusedError | None = CheckAnswer(agent=PROBE, signed_at=1, done=True)

    def states(self) -> list[AgentState]:
        """Return its state."""
        presence = {"show": "available", "since": 1}
        values = {"jid": PROBE, "role": "probe", "software": "1", "fingerprint": "f", "server": "s"}
        check = {"name": CHECK, "title": "tcp-connect <b>localhost</b>", "when": "Every 5 minutes", "state": "paused"}
        more: dict[str, Any] = {"paused_at": 1, "paused_by": "user anna", "last_at": 1, "last_outcome": "as expected"}
        checks = [check | more, check | {"name": "b", "state": "scheduled", "next_runs": [1_795_305_600_000_000]}]
        return [
            AgentState.model_validate(values | {"started_at": 1, "now": 2, "presence": presence, "checks": checks})
        ]

    async def order(self, jid: str, check: str, action: CheckAction, *, by: str) -> CheckAnswer | None:
        """Note the order, and answer."""
        self.orders.append((jid, check, action, by))
        if isinstance(self.answer, RefusedError):
            raise self.answer
        return self.answer


class TestChecks:
    """What agents do by themselves, in the same list."""

    @pytest.fixture
    def hub_view(self) -> OneProbe:
        """A hub that knows one probe."""
        return OneProbe()

    @pytest.fixture
    async def operator(self, hub: Hub) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
        """An operator's browser, and the token of its forms."""
        clock = SystemClock()
        users, sessions = Users(database=hub.database, clock=clock), Sessions(database=hub.database, clock=clock)
        await users.add(name="olga", role=UserRole.OPERATOR, password_hash=CHEAP.hash(PASSWORD), by=BY)
        found = await users.find("olga")
        assert found is not None
        token = await sessions.start(found[0], verified=found[1], origin="127.0.0.1")
        async with await hub.client(Scope.READ) as client:
            client.headers.pop("X-API-Key", None)
            client.headers.pop("Authorization", None)
            client.headers.update(HTML | {"Cookie": f"vedette_session={token}"})
            yield client, csrf_token(token)

    async def test_they_are_in_the_list_with_jobs_in_english(
        self, operator: tuple[httpx.AsyncClient, str], hub: Hub
    ) -> None:
        client, _ = operator
        page = await client.get("/schedules")
        said = text_of(page)
        assert "tcp-connect <b>localhost</b>" in said
        assert "Every 5 minutes" in said
        assert "by user anna" in said
        assert "Sun 2026-11-22 00:00:00 UTC" in said
        for query, count in (("?state=paused", 1), ("?kind=job", 0), (f"?agent={PROBE}", 2), ("?state=ended", 0)):
            assert (await client.get(f"/schedules{query}")).text.count("Every 5 minutes") == count, query
        directory = Directory(database=hub.database, clock=SystemClock())
        await directory.presence(PROBE, show="gone", status="", cause="presence")
        assert "its agent is gone" in text_of(await client.get("/schedules"))

    async def test_its_own_page_has_the_same_actions(self, operator: tuple[httpx.AsyncClient, str]) -> None:
        client, _ = operator
        page = await client.get(f"/agents/{PROBE}")
        assert "What it does by itself" in text_of(page)
        assert f'action="/agents/{PROBE.replace("@", "%40")}/checks/{CHECK}/resume"' in page.text
        assert "tcp-connect <b>localhost</b>" in text_of(page)

    async def test_orders_reach_the_agent_and_are_written_down(
        self, operator: tuple[httpx.AsyncClient, str], hub: Hub, hub_view: OneProbe
    ) -> None:
        client, csrf = operator
        path = f"/agents/{PROBE}/checks/{CHECK}"
        done = await client.post(f"{path}/resume", data={"csrf": csrf})
        assert "Resumed" in text_of(await client.get(done.headers["Location"]))
        assert hub_view.orders == [(PROBE, CHECK, "resume", "user olga")]
        hub_view.answer = CheckAnswer(agent=PROBE, signed_at=1, done=True, reason="it is forgotten")
        forgotten = await client.post(f"{path}/pause", data={"csrf": csrf})
        assert "until the agent is started again" in text_of(await client.get(forgotten.headers["Location"]))
        hub_view.answer = CheckAnswer(agent=PROBE, signed_at=1, done=False, reason="it is not paused")
        assert "it is not paused" in text_of(await client.post(f"{path}/resume", data={"csrf": csrf}), status=422)
        hub_view.answer = None
        assert "does not answer" in text_of(await client.post(f"{path}/run", data={"csrf": csrf}), status=503)
        hub_view.answer = RefusedError("life", "is another one")
        assert "is another one" in text_of(await client.post(f"{path}/run", data={"csrf": csrf}), status=422)
        assert (await client.post(f"{path}/explode", data={"csrf": csrf})).status_code == 422
        audit = Audit(database=hub.database, clock=SystemClock())
        entries = (await audit.page(wanted=AuditFilter(action="check."))).entries
        assert [(entry.action, entry.who, entry.detail.partition(": ")[2]) for entry in reversed(entries)] == [
            ("check.resume", "user olga", "done"),
            ("check.pause", "user olga", "done"),
            ("check.resume", "user olga", "not done: it is not paused"),
            ("check.run", "user olga", "no answer"),
            ("check.run", "user olga", "refused: life: is another one"),
        ]

    async def test_programs_list_them(self, hub: Hub) -> None:
        async with await hub.client(Scope.READ) as client:
            page = (await client.get("/v1/agent-checks?limit=1")).json()
            rest = (await client.get("/v1/agent-checks", params={"cursor": page["next"]})).json()
            rows = [*page["items"], *rest["items"]]
            assert [(row["agent"], row["name"], row["state"]) for row in rows] == [
                (PROBE, CHECK, "paused"),
                (PROBE, "b", "scheduled"),
            ]
            assert rest["next"] is None
            assert (await client.get(f"/v1/agent-checks?agent={PROBE}")).json()["items"] == rows
            assert (await client.get("/v1/agent-checks?agent=nobody")).json()["items"] == []
            assert len((await client.get("/v1/agent-checks.csv")).text.splitlines()) == 3
            for cursor in ("x", page["next"][:-4]):
                assert (await client.get(f"/v1/agent-checks?cursor={cursor}")).status_code == 422
            directory = Directory(database=hub.database, clock=SystemClock())
            for number in range(51):
                jid = f"silent{number:02}@localhost"
                await directory.enrol(jid, role=Role.PROBE, public_key=None, unsigned_allowed=True)
            lines = (await client.get("/v1/agent-checks.ndjson")).text.splitlines()
            assert [json.loads(line)["state"] for line in lines].count("unknown") == 51
            assert len(lines) == 53

    async def test_programs_give_orders_too(self, hub: Hub, hub_view: OneProbe) -> None:
        path = f"/v1/agents/{PROBE}/checks/{CHECK}/run"
        async with await hub.client(Scope.OPERATE) as client:
            assert (await client.post(path)).json() == {"reason": ""}
            hub_view.answer = None
            assert (await client.post(path)).status_code == 503
        async with await hub.client(Scope.READ) as reader:
            assert (await reader.post(path)).status_code == 403
        assert [order[2] for order in hub_view.orders] == ["run", "run"]
