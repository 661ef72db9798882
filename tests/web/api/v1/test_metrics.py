"""Metrics: right, in both of Prometheus' forms, and without a label that anybody outside can choose."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection, event

from registry.callers import Scope
from registry.database import Database
from registry.figures import Figures
from registry.intake import Intake
from tests.stamping import stamping
from tests.timing import PATIENCE
from tests.web.api.v1.conftest import ENGINE, Hub, an_item, delivery
from vedette.clock import ManualClock, SystemClock
from vedette.configuration.fleet import FleetPaths
from vedette.delivery.circuit_breaker import CircuitState
from vedette.evidence.timestamp_state import TimestampState
from vedette.messages.state import AgentState
from web.api.hub_view import NoAgents


class Busy(NoAgents):
    """An engine that counted something."""

    def states(self) -> list[AgentState]:
        behaviour = {"name": "receive", "state": "running", "runs": 7, "failures": 1, "counters": {"items": 30}}
        values = {"jid": ENGINE, "role": "aggregation", "software": "1", "fingerprint": "f", "server": "s"}
        values |= {"started_at": 1, "now": 2, "presence": {"show": "available", "since": 1}}  # type: ignore[dict-item]
        # Two of a name, as an agent has that works on several things at a time.
        other = behaviour | {"runs": 1, "failures": 0, "counters": {"items": 12}}
        return [AgentState.model_validate(values | {"behaviours": [behaviour, other]})]

    def stamping(self) -> TimestampState:
        return stamping(circuit=CircuitState.OPEN, delay_p99=None)


@pytest.fixture
def hub_view() -> Busy:
    return Busy()


def key(name: str, *labels: str) -> tuple[str, frozenset[str]]:
    return name, frozenset(labels)


async def scrape(client: httpx.AsyncClient) -> dict[tuple[str, frozenset[str]], float]:
    answer = await client.get("/v1/metrics")
    assert answer.status_code == 200
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    found = {(sample.name, frozenset(sample.labels.values())): sample.value for sample in samples}
    assert len(found) == len(samples), "Prometheus takes no sample twice"
    return found


async def test_the_store_the_queues_the_agents_and_the_authorities_are_there(client: httpx.AsyncClient) -> None:
    found = await scrape(client)
    expected = {
        key("vedette_items", "self-asserted"): 20,
        key("vedette_items", "pending"): 10,
        key("vedette_unstamped_items"): 10,
        key("vedette_refusals_total"): 1,
        key("vedette_alarms_open"): 1,
        key("vedette_dead_letters", "queues"): 1,
        key("vedette_dead_letters", "outboxes"): 0,
        key("vedette_queue_items", "rt"): 0,
        key("vedette_agents", "probe", "available"): 1,
        key("vedette_behaviour_events_total", "aggregation", "receive", "items"): 42,
        key("vedette_behaviour_runs_total", "aggregation", "receive"): 8,
        key("vedette_exports", "failed"): 0,
        key("vedette_behaviour_failures_total", "aggregation", "receive"): 1,
        key("vedette_tsa_tokens_total", "local"): 2,
        key("vedette_tsa_circuit", "local", "open"): 1,
        key("vedette_tsa_circuit", "local", "closed"): 0,
        key("vedette_stamping_delay_seconds", "0.5"): 0.5,
    }
    assert {key: found.get(key) for key in expected} == expected
    assert found[key("vedette_unstamped_oldest_age_seconds")] > 0
    assert found[key("vedette_store_size_bytes")] > 10_000
    assert found[key("vedette_disk_free_bytes")] > 0
    assert found[key("process_open_fds")] < found[key("process_max_fds")]


async def test_openmetrics_is_one_text_with_one_end(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/metrics", headers={"Accept": "application/openmetrics-text"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.count("# EOF") == 1
    assert answer.text.endswith("# EOF\n")


async def test_requests_are_counted_by_template_never_by_path(hub: Hub, client: httpx.AsyncClient) -> None:
    for path in ("/v1/items/secret-1", "/v1/items/secret-2", "/nowhere/secret-3", "/v1/items?agent=secret-4"):
        await client.get(path)
    await client.request("TRACE", "/v1/items")
    text = (await client.get("/v1/metrics")).text
    assert "secret" not in text
    assert "TRACE" not in text
    found = await scrape(client)
    assert found[key("vedette_http_requests_total", "GET", "/v1/items/{uuid}", "4xx")] == 2
    assert found[key("vedette_http_requests_total", "GET", "none", "4xx")] == 1
    assert found[key("vedette_http_requests_total", "GET", "/v1/items", "2xx")] == 1
    others = [labels for name, labels in found if name == "vedette_http_requests_total" and "other" in labels]
    assert len(others) == 1


async def test_committed_items_are_counted_by_known_types(
    hub: Hub, client: httpx.AsyncClient, database: Database
) -> None:
    before = await scrape(client)
    assert before[key("vedette_items_committed_total", "scan")] == 0
    intake = Intake(database=database, engine=ENGINE, clock=SystemClock())
    await intake.open()
    items = [an_item(100), an_item(101), an_item(102, type="bank account 12345")]
    await intake.commit([delivery(items)])

    async def counted() -> dict[Any, float]:
        async with asyncio.timeout(PATIENCE):
            while (found := await scrape(client))[key("vedette_items_committed_total", "scan")] == 0:
                await asyncio.sleep(0.05)
        return found

    found = await counted()
    assert found[key("vedette_items_committed_total", "scan")] == 2
    assert found[key("vedette_items_committed_total", "other")] == 1
    assert "12345" not in (await client.get("/v1/metrics")).text


async def test_the_store_is_read_once_a_second_however_many_ask(paths: FleetPaths, database: Database) -> None:
    clock, readings = ManualClock(), 0
    figures = Figures(database=database, data=paths.data, outboxes=paths.outboxes, clock=clock)

    def count(_connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        nonlocal readings
        readings += "FROM counter" in statement

    event.listen(database._reading, "before_cursor_execute", count)
    await asyncio.gather(*(figures.now() for _ in range(20)))
    assert readings == 1
    clock.advance(0.9)
    await figures.now()
    assert readings == 1
    clock.advance(0.2)
    await figures.now()
    assert readings == 2


async def test_an_unreadable_outbox_shows_and_hides_nothing_else(
    hub: Hub, paths: FleetPaths, client: httpx.AsyncClient
) -> None:
    (paths.outboxes / "broken.db").write_bytes(b"not a database" * 100)
    found = await scrape(client)
    assert found[key("vedette_outboxes_unreadable")] == 1
    assert found[key("vedette_items", "pending")] == 10


async def test_only_readers_see_metrics(hub: Hub) -> None:
    async with await hub.client(Scope.INGEST) as sender:
        assert (await sender.get("/v1/metrics")).status_code == 403
