"""Figures in Prometheus' form. Pure: names, types and labels are decided here, and every label is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from registry.figures import StoreFigures
from registry.notices import NoticesState
from registry.replica_lag import ReplicaState
from vedette import __version__
from vedette.clock import MICROSECONDS
from vedette.delivery.circuit_breaker import CircuitState
from vedette.evidence.timestamp_state import TimestampState
from vedette.messages.state import AgentState
from vedette.repairs.repair import Severity


class Snapshot(Collector):
    """The figures of one scrape."""

    def __init__(
        self,
        *,
        store: StoreFigures,
        agents: Iterable[AgentState] = (),
        stamping: TimestampState | None = None,
        replica: ReplicaState | None = None,
        notices: NoticesState | None = None,
    ) -> None:
        self._store = store
        self._agents = list(agents)
        self._stamping = stamping
        self._replica = replica
        self._notices = notices

    def collect(self) -> Iterator[Metric]:
        """Yield every family of metrics."""
        yield InfoMetricFamily("vedette", "This release.", {"version": __version__})
        yield from _store(self._store)
        yield from _queues(self._store)
        yield from _graph(self._store)
        yield from _exports(self._store)
        yield from _fleet(self._store)
        yield from _behaviours(self._agents)
        if self._stamping is not None:
            yield from _stamping(self._stamping)
            yield from _authorities(self._stamping)
        if self._replica is not None:
            yield from _replica(self._replica)
        if self._notices is not None:
            yield from _notices(self._notices)


def _graph(store: StoreFigures) -> Iterator[Metric]:
    counts = store.graph
    if counts is None:
        return
    yield _gauge("graph_vertices", "Vertices of the knowledge graph.", counts.vertices)
    yield _gauge("graph_edges", "Edges of the knowledge graph.", counts.edges)
    yield _gauge("graph_mentions", "Statements that it is made of.", counts.mentions)
    yield _gauge("graph_origins", "Documents that they are from.", counts.origins)
    yield _gauge("graph_reviews", "Pairs of vertices that wait for a person's decision.", counts.reviews)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"vedette_{name}", text, value)


def _labelled(family: Metric, samples: Iterable[tuple[list[str], float]]) -> Metric:
    for labels, value in samples:
        family.add_metric(labels, value)  # type: ignore[attr-defined]
    return family


def _age(at: int, now: int) -> float:
    return max(0, now - at) / MICROSECONDS if at else 0.0


def _store(store: StoreFigures) -> Iterator[Metric]:
    states = GaugeMetricFamily("vedette_items", "Items by how far they are proved.", labels=["state"])
    yield _labelled(states, (([state.value], count) for state, count in store.items.items()))
    yield CounterMetricFamily("vedette_statements", "Statements in all logs.", store.committed)
    types = CounterMetricFamily("vedette_items_committed", "Items committed since the start.", labels=["type"])
    yield _labelled(types, (([kind], count) for kind, count in store.by_type.items()))
    yield CounterMetricFamily("vedette_refusals", "Items and messages that were refused.", store.refusals)
    unstamped = store.unstamped
    yield _gauge("unstamped_items", "Items without any time-stamp.", unstamped.count)
    yield _gauge("unstamped_failed_items", "Of these, in a batch that failed.", unstamped.failed)
    oldest = _age(unstamped.oldest_received_at, store.at)
    yield _gauge("unstamped_oldest_age_seconds", "How long the oldest of them has waited.", oldest)
    yield _gauge("alarms_open", "Alarms that nobody took note of.", store.alarms)
    repairs = GaugeMetricFamily("vedette_repairs_open", "Repairs that nobody took note of.", labels=["severity"])
    severities = dict.fromkeys(Severity, 0)
    for (_, severity), count in store.repairs.items():
        severities[severity] += count
    yield _labelled(repairs, (([severity.value], count) for severity, count in severities.items()))
    kinds = GaugeMetricFamily("vedette_repairs_open_kind", "The same by kind, too.", labels=["kind", "severity"])
    yield _labelled(kinds, (([kind, severity.value], count) for (kind, severity), count in store.repairs.items()))
    looked = _age(store.repairs_looked_at, store.at)
    yield _gauge("repairs_looked_age_seconds", "How long ago it was looked whether something is wrong.", looked)
    yield _gauge("store_size_bytes", "Size of the database.", store.size)
    yield _gauge("disk_free_bytes", "Free on the disk of the data folder.", store.disk_free)


def _queues(store: StoreFigures) -> Iterator[Metric]:
    # There are at most 100 queues, with names of 64 characters from a small set.
    depth = GaugeMetricFamily("vedette_queue_items", "Items that a queue holds.", labels=["queue"])
    yield _labelled(depth, (([queue.name], queue.depth) for queue in store.queues))
    leased = GaugeMetricFamily("vedette_queue_leased_items", "Of these, with a consumer.", labels=["queue"])
    yield _labelled(leased, (([queue.name], queue.leased) for queue in store.queues))
    age = GaugeMetricFamily("vedette_queue_oldest_age_seconds", "How long its oldest has waited.", labels=["queue"])
    yield _labelled(age, (([queue.name], _age(queue.oldest_queued_at or 0, store.at)) for queue in store.queues))
    dead = GaugeMetricFamily("vedette_dead_letters", "Items that were given up.", labels=["place"])
    total = sum(queue.dead_letters for queue in store.queues)
    yield _labelled(dead, [(["queues"], total), (["outboxes"], store.outboxes.dead_letters)])


def _exports(store: StoreFigures) -> Iterator[Metric]:
    states = GaugeMetricFamily(
        "vedette_exports", "Exports that are kept, by what has become of them.", labels=["state"]
    )
    yield _labelled(states, (([state], count) for state, count in sorted(store.exports.items())))
    yield CounterMetricFamily("vedette_export_changes", "Changes that destinations confirmed.", store.changes_sent)


def _fleet(store: StoreFigures) -> Iterator[Metric]:
    agents = GaugeMetricFamily("vedette_agents", "Enrolled agents.", labels=["role", "presence"])
    yield _labelled(agents, (([role, show], count) for (role, show), count in sorted(store.agents.items())))
    yield _gauge("outbox_items", "Items in this machine's outboxes that are not confirmed.", store.outboxes.items)
    yield _gauge("outboxes_unreadable", "Outboxes on this machine that cannot be read.", store.outboxes.unreadable)


def _behaviours(agents: list[AgentState]) -> Iterator[Metric]:
    # Names of behaviours and of what they count are words of the program, not of anybody's messages.
    labels = ["role", "behaviour"]
    runs = CounterMetricFamily("vedette_behaviour_runs", "How often a behaviour ran.", labels=labels)
    failures = CounterMetricFamily("vedette_behaviour_failures", "How often it raised.", labels=labels)
    events = CounterMetricFamily("vedette_behaviour_events", "What it counted.", labels=[*labels, "event"])
    # Several agents of a role, or behaviours of a name, are one line: Prometheus takes none twice.
    counted: dict[tuple[str, str], Counter[str]] = {}
    ran: dict[tuple[str, str], Counter[str]] = {}
    for agent in agents:
        for behaviour in agent.behaviours:
            place = (agent.role, behaviour.name)
            ran.setdefault(place, Counter()).update(runs=behaviour.runs, failures=behaviour.failures)
            counted.setdefault(place, Counter()).update(behaviour.counters)
    for place, numbers in ran.items():
        runs.add_metric(place, numbers["runs"])
        failures.add_metric(place, numbers["failures"])
        for event, count in counted[place].items():
            events.add_metric([*place, event], count)
    yield from (runs, failures, events)


def _stamping(state: TimestampState) -> Iterator[Metric]:
    yield CounterMetricFamily("vedette_batches_closed", "Batches closed.", state.batches)
    yield CounterMetricFamily("vedette_urgent_batches_closed", "Of these, for an urgent item.", state.urgent_batches)
    delays = {"0.5": state.delay_p50, "0.99": state.delay_p99}
    family = GaugeMetricFamily(
        "vedette_stamping_delay_seconds", "From collection to the time-stamp, of the last items.", labels=["quantile"]
    )
    yield _labelled(family, (([name], value) for name, value in delays.items() if value is not None))


def _authorities(state: TimestampState) -> Iterator[Metric]:
    # Authorities are at most eight, named in the configuration.
    counted = {"tokens": "Tokens obtained.", "failures": "Requests that failed.", "clock_off": "Tokens off the time."}
    for name, text in counted.items():
        family = CounterMetricFamily(f"vedette_tsa_{name}", text, labels=["tsa"])
        yield _labelled(family, (([one.name], getattr(one, name)) for one in state.authorities))
    circuit = GaugeMetricFamily("vedette_tsa_circuit", "1 for the state that it is in.", labels=["tsa", "state"])
    yield _labelled(
        circuit,
        (([one.name, known.value], one.circuit is known) for one in state.authorities for known in CircuitState),
    )
    latency = GaugeMetricFamily("vedette_tsa_latency_seconds", "Of the last answers, the middle one.", labels=["tsa"])
    yield _labelled(latency, (([one.name], one.latency) for one in state.authorities if one.latency is not None))


def _replica(state: ReplicaState) -> Iterator[Metric]:
    yield _gauge("replica_used", "1 while the store's replica answers what is only read, else 0.", state.used)
    if state.lag is not None:
        yield _gauge("replica_lag_seconds", "How far it was behind at the last look.", state.lag)
    reads = CounterMetricFamily("vedette_replica_reads", "Questions that it may answer.", labels=["outcome"])
    yield _labelled(reads, (([outcome.value], count) for outcome, count in state.reads.items()))


def _notices(state: NoticesState) -> Iterator[Metric]:
    text = "1 while notices of what other processes commit are heard, else 0."
    yield _gauge("notices_listening", text, state.listening)
    heard = CounterMetricFamily("vedette_notices", "Notices by topic, and what went wrong.", labels=["event"])
    yield _labelled(heard, (([event], count) for event, count in state.counted.items()))
