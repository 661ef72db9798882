"""The hub's agents as its API sees them: their counters and their time-stamping, in metrics that parse."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from agents.base import BaseAgent
from agents.running import RunningAgents
from registry.figures import Figures
from tests.agents.station import Station, Until, make_item
from web.api.exposition import Snapshot


async def test_what_agents_count_is_in_the_metrics(station: Station, until: Until, tmp_path: Path) -> None:
    running: list[BaseAgent] = []
    view = RunningAgents(running, clock=station.clock)
    assert (list(view.states()), view.stamping()) == ([], None)
    await station.start_hub()
    running += [station.registry, station.engine]
    sender = await station.sender()
    await sender.observe(make_item())
    await until(lambda: sender.delivering.counters["confirmed"] == 1)
    figures = Figures(database=station.database, data=tmp_path, outboxes=tmp_path, clock=station.clock)

    snapshot = CollectorRegistry()
    snapshot.register(Snapshot(store=await figures.now(), agents=view.states(), stamping=view.stamping()))
    families = text_string_to_metric_families(generate_latest(snapshot).decode())
    samples = [sample for family in families for sample in family.samples]

    counted = {tuple(sample.labels.values()): sample.value for sample in samples if "events" in sample.name}
    assert {frozenset(labels): value for labels, value in counted.items()}[
        frozenset({"aggregation", "receive", "items"})
    ] == 1
    assert {"registry", "aggregation"} <= {sample.labels.get("role") for sample in samples}
    assert any(sample.name == "vedette_batches_closed_total" for sample in samples)
    known = {station.jid("sender"), station.jid("engine")}
    assert not any(label in known for sample in samples for label in sample.labels.values())


async def test_an_agent_that_runs_elsewhere_is_asked_over_xmpp(station: Station) -> None:
    view = RunningAgents(running := list[BaseAgent](), clock=station.clock)
    assert await view.state_of("nobody@localhost") is None
    await station.start_hub()
    running += [station.registry, station.engine]
    sender = await station.sender()

    here, elsewhere = await view.state_of(station.jid("engine")), await view.state_of(sender.identity.jid)
    assert here is not None
    assert elsewhere is not None
    assert (here.role, elsewhere.jid) == ("aggregation", sender.identity.jid)
    # Many who look at one agent are one question.
    asked = sender.counters["messages in"]
    assert {state.now for _ in range(5) if (state := await view.state_of(sender.identity.jid))} == {elsewhere.now}
    assert sender.counters["messages in"] == asked
