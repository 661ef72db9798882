"""A real collector on a real server: its sources become items that the engine confirmed, and its page shows them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from agents.collector import CollectorAgent
from agents.running import RunningAgents
from registry.items import ItemFilter
from tests.agents.station import Station
from tests.timing import PATIENCE
from tests.vedette.collection.local_web import NO_ROBOTS, asked, feed, page, words
from tests.vedette.fetching.origin import Origin
from vedette.collection.desk import Mode
from vedette.collection.sections import Section, read_sections
from vedette.configuration.fetching import FetchingSection
from vedette.errors import ConfigurationError, RefusedError
from vedette.messages.card import Role


@pytest.fixture
async def web() -> AsyncIterator[Origin]:
    made = Origin(answers={"/robots.txt": NO_ROBOTS})
    await made.start()
    for path in ("/1", "/2", "/page"):
        made.answers[path] = page(made, f"<p>{path} {words(sum(path.encode()))}</p>".encode(), etag='"1"')
    made.answers["/feed"] = page(made, feed("/1", "/2"), etag='"f"', content_type="text/xml")
    yield made
    await made.stop()


def section_of(web: Origin, **keys: str) -> Section:
    said = "".join(f", {key.replace('_', '-')}: '{value}'" for key, value in keys.items())
    text = f"""
demo:
  collectors:
  - {{type: RSS, source-name: news, source-URI: '{web.url("/feed")}'{said}}}
  - {{type: WEB, source-name: page, source-URI: '{web.url("/page")}'{said}}}
  - {{type: FILEBYLINE, source-name: lines, source-URI: lines.csv, data-type: structured{said}}}
"""
    return read_sections(text, "stucco.yml")["demo"]


async def collector(station: Station, section: Section, *, once: Mode | None, port: int = 80) -> CollectorAgent:
    identity = await station.identity("collector", Role.COLLECTOR)
    agent = CollectorAgent(
        identity=identity,
        clock=station.clock,
        section=section,
        folder=station.folder,
        outbox=station.folder / "collector.db",
        fetching=FetchingSection(allow=["localhost", "127.0.0.0/8"], ports=[port]),
        once=once,
        view_port=None,
    )
    await station.start(agent)
    return agent


async def test_sources_become_confirmed_items(station: Station, web: Origin) -> None:
    await station.start_hub()
    (station.folder / "lines.csv").write_text("1,2\n3,4\n")
    agent = await collector(station, section_of(web), once="new", port=web.port)
    async with asyncio.timeout(PATIENCE):
        await agent.collecting.done.wait()
    await until(station_holds(station, 4))
    await until(nothing_waits(agent))
    found = (await station.items.page(wanted=ItemFilter())).items
    assert sorted(item.source or "" for item in found) == [
        "vedette.in.structured.lines",
        "vedette.in.unstructured.news",
        "vedette.in.unstructured.news",
        "vedette.in.unstructured.page",
    ]
    stored = await station.items.get(found[0].uuid)
    assert stored is not None
    assert {"collector", "source_name", "source_uri", "target"} <= set(stored["meta"])
    sources, delivery = agent.panels()
    assert [row[0].text for row in sources.rows] == ["news", "page", "lines"]
    assert delivery.rows[0][3].text == str(agent.delivering.counters["confirmed"])


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.02)


def nothing_waits(agent: CollectorAgent) -> Callable[[], Awaitable[bool]]:
    async def empty() -> bool:
        return (await agent.outbox.status()).items == 0

    return empty


def has_run(agent: CollectorAgent, times: int) -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return agent.collecting.counters["runs"] >= times

    return enough


def has_plan(agent: CollectorAgent) -> Callable[[], Awaitable[bool]]:
    async def planned() -> bool:
        return bool(agent.checks())

    return planned


def answers(hub: RunningAgents, agent: CollectorAgent) -> Callable[[], Awaitable[bool]]:
    async def does() -> bool:
        return await hub.state_of(agent.identity.jid) is not None

    return does


def was_asked(web: Origin, path: str) -> Callable[[], Awaitable[bool]]:
    async def was() -> bool:
        return any(one.path == path for one in web.requests)

    return was


def station_holds(station: Station, count: int) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return await station.count() == count

    return holds


async def test_by_their_timetables_and_again_after_a_restart(station: Station, web: Origin) -> None:
    await station.start_hub()
    (station.folder / "lines.csv").write_text("1,2\n")
    section = section_of(web, cron="0/1 * * * * ?", now_collect="new")
    agent = await collector(station, section, once=None, port=web.port)
    await until(has_run(agent, 6))
    assert [check.title.split(":")[0] for check in agent.checks()] == ["news", "page", "lines"]
    news = agent.checks()[0].name
    await agent.collecting.order(news, "pause", by="anna")
    with pytest.raises(RefusedError, match="paused already"):
        await agent.collecting.order(news, "pause", by="anna")
    with pytest.raises(RefusedError, match="none of this agent's"):
        await agent.collecting.order("nothing", "run", by="anna")
    await agent.stop()
    asked(web)
    again = CollectorAgent(
        identity=agent.identity,
        clock=station.clock,
        section=section,
        folder=station.folder,
        outbox=station.folder / "collector.db",
        fetching=FetchingSection(allow=["localhost", f"127.0.0.1:{web.port}"]),
        view_port=None,
    )
    await station.start(again)
    await until(has_run(again, 4))
    # Paused before, paused still; the page is known, and asked for conditionally.
    assert set(asked(web)) == {"GET /page if-none-match"}
    assert (again.checks()[0].state, again.checks()[0].paused_by) == ("paused", "anna")
    await again.collecting.order(news, "resume", by="anna")
    await until(was_asked(web, "/feed"))
    await until(station_holds(station, 4))


async def test_people_pause_and_run_sources_through_the_hub(station: Station, web: Origin) -> None:
    # Given a collector that waits, when the hub is asked, then it tells what it would do and obeys
    await station.start_hub()
    (station.folder / "lines.csv").write_text("1,2\n")
    agent = await collector(station, section_of(web, cron="0 0 3 * * ?"), once=None, port=web.port)
    hub = RunningAgents([station.registry], clock=station.clock)
    await until(has_plan(agent))
    await until(answers(hub, agent))
    state = await hub.state_of(agent.identity.jid)
    assert state is not None
    assert [(check.when, len(check.next_runs)) for check in state.checks] == [("At 03:00, every day", 5)] * 3
    assert [row[0].text for row in state.panels[0].rows] == ["news", "page", "lines"]
    lines = state.checks[2].name
    paused = await hub.order(agent.identity.jid, lines, "pause", by="user anna")
    assert paused is not None
    assert paused.done
    ran = await hub.order(agent.identity.jid, lines, "run", by="user anna")
    assert ran is not None
    assert ran.done
    await until(station_holds(station, 1))
    assert agent.checks()[2].paused_by == "user anna"
    resumed = await hub.order(agent.identity.jid, lines, "resume", by="user anna")
    assert resumed is not None
    assert resumed.done
    state = await hub.state_of(agent.identity.jid)
    assert state is not None
    assert (state.checks[2].state, state.checks[2].last_outcome) == ("scheduled", "1 items"), state.checks[2]


async def test_a_source_that_cannot_be_is_told_before_anything_starts(station: Station) -> None:
    section = read_sections("d: {collectors: [{type: GOPHER, source-name: x, source-URI: y}]}", "s.yml")["d"]
    with pytest.raises(ConfigurationError, match="s.yml: x.type: unknown collector 'GOPHER'"):
        await collector(station, section, once="new")


async def test_what_is_sent_to_a_listener_is_confirmed_while_it_listens(station: Station) -> None:
    await station.start_hub()
    text = "demo: {collectors: [{type: SYSLOG, source-name: syslog, source-URI: 'tcp://127.0.0.1:0'}]}"
    section = read_sections(text, "stucco.yml")["demo"]
    agent = await collector(station, section, once=None)
    identity = section.sources[0].identity

    async def listens() -> bool:
        last = agent.collecting.collected.get(identity)
        return last is not None and not last.report.uri.endswith(":0")

    await until(listens)
    port = int(agent.collecting.collected[identity].report.uri.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"<13>something happened\n")
    await until(station_holds(station, 1))
    assert agent.checks()[0].state == "running"
    writer.close()
    await writer.wait_closed()
    found = (await station.items.page(wanted=ItemFilter())).items
    assert (found[0].source, found[0].format) == ("vedette.in.unstructured.syslog", "syslog/1")
