"""The pages of jobs: ask in a form, see the exact command, run, watch, cancel, run again; and who may what."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import httpx
import pytest

from registry.audit import Audit, AuditFilter
from registry.callers import Actor, Scope
from registry.intake import Intake
from registry.jobs import Job, Jobs, Report, Taker
from registry.roles import UserRole
from tests.web.api.v1.conftest import Hub, an_item, delivery, uuid_of
from tests.web.api.whole import Whole
from tests.web.conftest import HOSTILE
from vedette.clock import SystemClock
from vedette.jobs.request import JobRequest, Plan
from web.console.job import LINES

HTML = {"Accept": "text/html,*/*;q=0.8"}
FORM = {"tool": "tcp-connect", "a.ports": "22, 80", "targets": "127.0.0.0/30", "parallel": "2", "time_limit": "5"}
TAKER = Taker(jid="job1@localhost", life="a")
BY = Actor(who="user olga", origin="127.0.0.1")


@pytest.fixture
def jobs(whole: Whole) -> Jobs:
    """What a hub's agents are served from."""
    return Jobs(database=whole.database, clock=whole.clock)


@pytest.fixture
async def person(whole: Whole) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """An operator's browser, and the token of its forms."""
    await whole.add("olga", UserRole.OPERATOR)
    headers = await whole.session_of("olga")
    csrf = headers.pop("X-CSRF-Token")
    async with whole.client(headers=headers | HTML) as client:
        yield client, csrf


@pytest.fixture
async def viewer(whole: Whole) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """The browser of somebody who may only look, and the token of its forms."""
    await whole.add("vera", UserRole.VIEWER)
    headers = await whole.session_of("vera")
    csrf = headers.pop("X-CSRF-Token")
    async with whole.client(headers=headers | HTML) as client:
        yield client, csrf


def text_of(page: httpx.Response, *, status: int = 200) -> str:
    """What a page says, without its elements."""
    assert page.status_code == status, page.text
    return unescape(" ".join(re.sub(r"<[^>]*>", " ", page.text).split()))


def problems_of(page: httpx.Response) -> dict[str, str]:
    """What the form says is wrong, by field."""
    found = re.findall(r'<p [^>]*data-problem="([^"]*)"[^>]*>([^<]*)</p>', page.text)
    return {unescape(key): unescape(text) for key, text in found if text}


async def entered(jobs: Jobs, *targets: str, **more: Any) -> Job:
    """A job as it stands in the store, whatever its targets are called."""
    request = JobRequest(tool="tcp-connect", arguments={"ports": [22]}, targets=list(targets), **more)
    plan = Plan(request=request, words=("vedette:tcp-connect", "--ports=22"), targets=targets, commands=())
    return await jobs.request(plan, by=BY)


async def test_from_a_tool_to_a_job_without_a_script(person: tuple[httpx.AsyncClient, str], jobs: Jobs) -> None:
    client, csrf = person
    # Given the choice of tools
    choice = await client.get("/jobs/new")
    assert "/jobs/new?tool=tcp-connect" in choice.text
    assert "not allowed for jobs: packages" in text_of(choice)
    form = text_of(await client.get("/jobs/new?tool=tcp-connect"))
    assert "Ports (required)" in form
    assert "several, with commas between, 1 to 65535" in form
    # When the form is previewed, the exact command lines are shown and nothing runs
    seen = await client.post("/jobs/new", data=FORM | {"csrf": csrf, "do": "preview"})
    assert "2 runs: vedette:tcp-connect --ports 22,80 127.0.0.1 vedette:tcp-connect" in text_of(seen)
    assert 'value="22, 80"' in seen.text
    assert (await jobs.page()).rows == []
    # Then it runs
    done = await client.post("/jobs/new", data=FORM | {"csrf": csrf, "do": "run"})
    (job,) = (await jobs.page()).rows
    assert (done.status_code, done.headers["location"]) == (303, f"/jobs/{job.uuid}")
    assert (job.arguments, job.parallel, job.time_limit, job.total) == ({"ports": [22, 80]}, 2, 5.0, 2)
    assert job.requested_by == "user olga"
    assert "waiting" in text_of(await client.get("/jobs"))
    assert "It is begun as soon as somebody is free" in text_of(await client.get(f"/jobs/{job.uuid}"))


async def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(
    person: tuple[httpx.AsyncClient, str], jobs: Jobs
) -> None:
    client, csrf = person
    wrong = {"targets": "", "a.ports": "22, many, 70000", "parallel": "99", "agents": "x", "csrf": csrf, "do": "run"}
    page = await client.post("/jobs/new", data=FORM | wrong)
    assert page.status_code == 422
    assert set(problems_of(page)) == {"targets", "a.ports"}
    assert 'value="22, many, 70000"' in page.text
    page = await client.post("/jobs/new", data=FORM | wrong | {"targets": "127.0.0.1"})
    assert set(problems_of(page)) == {"a.ports", "parallel"}
    assert 'value="99"' in page.text
    page = await client.post("/jobs/new", data=FORM | {"csrf": csrf, "do": "run", "a.ports": "x"})
    assert "must be a valid integer" in problems_of(page)["a.ports"]
    page = await client.post("/jobs/new", data=FORM | {"csrf": csrf, "do": "run", "targets": "-oN/tmp/x"})
    assert "begins with '-'" in problems_of(page)["targets"]
    assert (await jobs.page()).rows == []


async def test_each_target_out_of_scope_is_named_and_the_refusal_is_audited(
    person: tuple[httpx.AsyncClient, str], jobs: Jobs, whole: Whole
) -> None:
    client, csrf = person
    asked = FORM | {"csrf": csrf, "targets": "127.0.0.1\n192.0.2.1\n198.51.100.7"}
    for do, written in (("preview", 0), ("run", 1)):
        page = await client.post("/jobs/new", data=asked | {"do": do})
        shown = text_of(page, status=422)
        assert "192.0.2.1 : 192.0.2.1 is in no allowed network" in shown
        assert "198.51.100.7 : 198.51.100.7 is in no allowed network" in shown
        assert problems_of(page) == {"targets": "2 targets may not be looked at"}
        entries = await Audit(database=whole.database, clock=whole.clock).page(
            wanted=AuditFilter(action="job.refuse")
        )
        assert len(entries.entries) == written
    assert (await jobs.page()).rows == []


async def test_targets_come_in_a_file_too(person: tuple[httpx.AsyncClient, str], jobs: Jobs) -> None:
    client, csrf = person
    data = FORM | {"csrf": csrf, "targets": "127.0.0.1", "do": "run"}
    file = {"file": ("lab.txt", b"\xef\xbb\xbf# the lab\r\n127.0.0.2\r\n127.0.0.1\r\n", "text/plain")}
    assert (await client.post("/jobs/new", data=data, files=file)).status_code == 303
    (job,) = (await jobs.page()).rows
    assert [run.target for run in (await jobs.runs(job.uuid)).rows] == ["127.0.0.1", "127.0.0.2"]
    none = {"file": ("", b"", "application/octet-stream")}
    assert (await client.post("/jobs/new", data=data, files=none)).status_code == 303
    page = await client.post("/jobs/new", data=data, files={"file": ("x.bin", b"\x00\xff\xfe\n", "text/plain")})
    assert problems_of(page)["targets"]
    lines = b"".join(b"10.%d.%d.1\n" % (one // 250, one % 250) for one in range(4097))
    page = await client.post("/jobs/new", data=data, files={"file": ("much.txt", lines, "text/plain")})
    assert "4096" in problems_of(page)["targets"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x" * 600_000, "application/x-www-form-urlencoded", 413),
        (b"--b\r\nnonsense", "multipart/form-data; boundary=b", 422),
        (b"", "multipart/form-data", 422),
        (
            b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nx\r\n--b--\r\n',
            "multipart/form-data; boundary=b; charset=undefined",
            422,
        ),
        (b"csrf=x", "application/json", 415),
        (b"csrf=%ff&csrf=y", "application/x-www-form-urlencoded", 422),
        (b"&".join(b"f%d=x" % number for number in range(600)), "application/x-www-form-urlencoded", 422),
    ],
    ids=["large", "broken", "no-boundary", "no-charset", "json", "no-text", "many-fields"],
)
async def test_what_is_no_form_is_refused(
    person: tuple[httpx.AsyncClient, str], body: bytes, kind: str, status: int
) -> None:
    client, _ = person
    answer = await client.post("/jobs/new", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status


async def test_two_files_or_a_field_twice_are_refused(person: tuple[httpx.AsyncClient, str]) -> None:
    client, csrf = person
    two = [("file", ("a", b"127.0.0.1", "text/plain")), ("other", ("b", b"127.0.0.2", "text/plain"))]
    assert (await client.post("/jobs/new", data=FORM | {"csrf": csrf}, files=two)).status_code == 422
    twice = [("tool", ("a", b"nmap", "text/plain"))]
    assert (await client.post("/jobs/new", data=FORM | {"csrf": csrf}, files=twice)).status_code == 422


async def test_who_may_only_look_sees_all_and_changes_nothing(
    viewer: tuple[httpx.AsyncClient, str], jobs: Jobs
) -> None:
    client, csrf = viewer
    job = await entered(jobs, "127.0.0.1")
    one = f"/jobs/{job.uuid}"
    assert "/jobs/new" not in (await client.get("/jobs")).text
    page = await client.get(one)
    assert "you need the role operator" in text_of(page)
    assert "<button>Run again" not in page.text
    assert (await client.get("/jobs/new")).status_code == 403
    for path in (f"{one}/cancel", f"{one}/again"):
        assert (await client.post(path, data={"csrf": csrf})).status_code == 403
    assert (await client.post("/jobs/new", data=FORM | {"csrf": csrf, "do": "run"})).status_code == 403
    assert (await jobs.get(job.uuid)).cancelled_at is None


async def test_a_forged_request_changes_nothing(person: tuple[httpx.AsyncClient, str], jobs: Jobs) -> None:
    client, csrf = person
    job = await entered(jobs, "127.0.0.1")
    one = f"/jobs/{job.uuid}"
    for path, data in (
        (f"{one}/cancel", {"x": "y"}),
        (f"{one}/again", {"x": "y"}),
        ("/jobs/new", FORM | {"do": "run"}),
    ):
        for token in ({}, {"csrf": ""}, {"csrf": csrf[:-1]}):
            assert (await client.post(path, data=data | token)).status_code == 403
        foreign = {"Origin": "https://attacker.example"}
        assert (await client.post(path, data=data | {"csrf": csrf}, headers=foreign)).status_code == 403
    assert [row.uuid for row in (await jobs.page()).rows] == [job.uuid]
    assert (await jobs.get(job.uuid)).cancelled_at is None


async def test_a_job_is_watched_cancelled_and_asked_for_again(
    person: tuple[httpx.AsyncClient, str], jobs: Jobs, whole: Whole
) -> None:
    client, csrf = person
    # Given a job of which one run is done and another is at work
    job = await entered(jobs, "127.0.0.1", "127.0.0.2", "127.0.0.3", place="Paris")
    one = f"/jobs/{job.uuid}"
    assert "Nobody does jobs at Paris" in text_of(await client.get(one))
    there = Taker(jid=TAKER.jid, life="a", place="Paris")
    leased = await jobs.take(there, held=[], limit=2)
    await jobs.hear(there, [Report(run=leased[0].run, attempt=1, first=0, lines=["open <b>", "closed"], dropped=0)])
    await jobs.finish(there, leased[0].run, outcome="done", exit_code=3)
    page = await client.get(one)
    shown = text_of(page)
    assert "1 of 3" in shown
    assert "127.0.0.1 open <b>" in shown
    assert "It is begun" not in shown
    assert f'href="/items/{leased[0].run}"' in page.text
    assert f'href="/jobs/new?from={job.uuid}"' in page.text
    assert f'href="/schedules/new?from={job.uuid}"' in page.text
    assert "127.0.0.2" not in text_of(await client.get(f"{one}?state=done")).partition("Output")[0]
    # When it is cancelled
    done = await client.post(f"{one}/cancel", data={"csrf": csrf})
    assert done.headers["location"] == f"{one}?said=cancelled"
    shown = text_of(await client.get(done.headers["location"]))
    assert "being cancelled" in shown
    await jobs.finish(there, leased[1].run, outcome="cancelled")
    assert (await jobs.get(job.uuid)).state == "cancelled"
    again = await client.post(f"{one}/cancel", data={"csrf": csrf})
    assert again.headers["location"] == f"{one}?said=cancelled"
    # Then it can be asked for again
    done = await client.post(f"{one}/again", data={"csrf": csrf})
    newest = (await jobs.page()).rows[0]
    assert done.headers["location"] == f"/jobs/{newest.uuid}?said=again"
    assert (newest.state, newest.total, newest.place) == ("requested", 3, "Paris")
    assert "this is the new job" in text_of(await client.get(done.headers["location"]))
    # And its form holds what was asked for
    form = await client.get(f"/jobs/new?from={job.uuid}")
    assert "127.0.0.1\n127.0.0.2\n127.0.0.3</textarea>" in form.text
    assert 'value="Paris"' in form.text


async def test_what_the_scope_does_not_allow_any_more_is_said_on_the_page(
    person: tuple[httpx.AsyncClient, str], jobs: Jobs
) -> None:
    client, csrf = person
    job = await entered(jobs, "192.0.2.1")
    page = await client.post(f"/jobs/{job.uuid}/again", data={"csrf": csrf})
    assert "It was not asked for again: target: 192.0.2.1 is in no allowed network" in text_of(page, status=422)
    assert len((await jobs.page()).rows) == 1


async def test_only_the_end_of_a_long_output_is_on_the_page(
    person: tuple[httpx.AsyncClient, str], jobs: Jobs, whole: Whole
) -> None:
    client, _ = person
    job = await entered(jobs, "127.0.0.1")
    (leased,) = await jobs.take(TAKER, held=[], limit=1)
    for start in range(0, LINES + 100, 200):
        lines = [f"line {number}" for number in range(start, start + 200)]
        await jobs.hear(TAKER, [Report(run=leased.run, attempt=1, first=start, lines=lines, dropped=0)])
    page = await client.get(f"/jobs/{job.uuid}")
    assert page.text.count("output-line") == LINES
    assert "<bdi>line 99</bdi>" not in page.text
    # What follows the last line that is shown comes by the stream.
    (position,) = re.findall(r'data-position="(\d+)"', page.text)
    assert await jobs.output(job.uuid, after=int(position)) == []
    assert len(await jobs.output(job.uuid, after=int(position) - 1)) == 1


async def test_what_tools_targets_and_people_say_is_text(
    person: tuple[httpx.AsyncClient, str], jobs: Jobs, whole: Whole
) -> None:
    client, csrf = person
    texts = [text.replace("\0", "")[:1000] for text in HOSTILE]
    # Given a job whose targets, place, agents, output and reasons are all hostile
    taker = Taker(jid=texts[1], life="a", place=texts[0])
    job = await entered(jobs, *texts, agents=texts, place=texts[0], parallel=64)
    for run in await jobs.take(taker, held=[], limit=100):
        await jobs.hear(taker, [Report(run=run.run, attempt=1, first=0, lines=texts, dropped=0)])
        await jobs.finish(taker, run.run, outcome="refused", reason=texts[0])
    paths: list[tuple[str, dict[str, str]]] = [("/jobs", {}), (f"/jobs/{job.uuid}", {})]
    paths += [("/jobs/new", {"from": job.uuid}), *(("/jobs/new", {"tool": text}) for text in texts)]
    paths += [("/jobs", {"requested_by": text}) for text in texts]
    pages = [await client.get(path, params=params) for path, params in paths]
    # And the same typed into every field
    for text in texts:
        typed = dict.fromkeys(("a.ports", "targets", "agents", "place", "parallel"), text)
        pages.append(await client.post("/jobs/new", data=FORM | typed | {"csrf": csrf, "do": "preview"}))
    # Then it is text on every page
    assert {page.status_code for page in pages} == {200, 422}
    for page in pages:
        for harm in (
            "<script>window",
            "<img src=x",
            "<svg onload",
            '<a href="javascript',
            "<iframe",
            "<base",
            "<meta h",
        ):
            assert harm not in page.text, page.url
        assert len(page.text) < 1_000_000


async def test_what_is_not_there_is_said_to_be_so(person: tuple[httpx.AsyncClient, str]) -> None:
    client, csrf = person
    one = f"/jobs/{uuid_of(999)}"
    for page in (
        await client.get(one),
        await client.get(f"/jobs/new?from={uuid_of(999)}"),
        await client.post(f"{one}/cancel", data={"csrf": csrf}),
        await client.post(f"{one}/again", data={"csrf": csrf}),
    ):
        assert "It is not there" in text_of(page, status=404)
    assert (await client.get("/jobs/nothing")).status_code == 422
    assert "New job" in text_of(await client.get("/jobs/new?tool=packages"))


async def test_jobs_are_listed_filtered_and_had_in_other_forms(
    person: tuple[httpx.AsyncClient, str], jobs: Jobs
) -> None:
    client, _ = person
    assert "Nothing was asked for yet" in text_of(await client.get("/jobs"))
    for number in range(60):
        await entered(jobs, f"127.0.0.{number + 1}")
    newest = (await jobs.page()).rows[0]
    await jobs.cancel(newest.uuid, by=BY)
    first = await client.get("/jobs?state=&tool=&requested_by=")
    (link,) = re.findall(r'rel="next" href="([^"]+)"', first.text)
    assert (await client.get(unescape(link))).text.count('href="/jobs/') >= 10
    page = await client.get("/jobs?state=cancelled&requested_by=user+olga&tool=tcp-connect")
    assert page.text.count('<th role="rowheader"') == 1
    (listed,) = re.findall(r'href="(/v1/jobs\?[^"]*)"', page.text)
    found = (await client.get(unescape(listed), headers={"Accept": "application/json"})).json()["items"]
    assert [row["uuid"] for row in found] == [newest.uuid]
    assert "No job fits" in text_of(await client.get("/jobs?state=done"))
    assert (await client.get("/jobs?stat=done")).status_code == 422


async def test_a_key_sees_the_pages_and_is_led_to_the_api(whole: Whole) -> None:
    key = await whole.key(Scope.READ, Scope.OPERATE)
    async with whole.client(headers=HTML | {"X-API-Key": key}) as client:
        page = text_of(await client.get("/jobs/new?tool=nmap"))
        assert "POST /v1/jobs" in page


async def test_an_item_leads_to_its_job(hub: Hub, reader: httpx.AsyncClient) -> None:
    jobs = Jobs(database=hub.database, clock=SystemClock())
    job = await entered(jobs, "127.0.0.1")
    (run,) = (await jobs.runs(job.uuid)).rows
    intake = Intake(database=hub.database, engine="other@localhost", clock=SystemClock())
    await intake.open()
    await intake.commit([delivery([an_item(100, uuid=run.uuid)])])
    assert f'href="/jobs/{job.uuid}"' in (await reader.get(f"/items/{run.uuid}")).text
    assert "/jobs/" not in (await reader.get(f"/items/{uuid_of(3)}")).text
