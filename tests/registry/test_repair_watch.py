"""Looking at a real store, real outboxes and a real disk: each thing that goes wrong is seen, and its end, too."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from registry.alarms import Alarms
from registry.audit import Audit, AuditEntry
from registry.callers import Scope
from registry.database import Database
from registry.directory import Directory
from registry.intake import Intake
from registry.keys import Keys
from registry.outbox import Outbox
from registry.proofs import Proofs
from registry.queues import Asker, Queues
from registry.refusals import Refusal, Refusals
from registry.repair_watch import RepairWatch
from registry.repairs import Repairs
from vedette.clock import MICROSECONDS, ManualClock
from vedette.delivery.circuit_breaker import CircuitState
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.finding import Finding
from vedette.evidence.timestamp_state import AuthorityReport, TimestampState
from vedette.messages.card import Role
from vedette.messages.state import AgentState, BehaviourState, PresenceState
from vedette.repairs.policy import RepairPolicy
from vedette.signing import SigningKey

ENGINE = "engine@localhost"
PROBE = "probe@localhost"


class Hub:
    """What the hub's agents say of themselves."""

    def __init__(self) -> None:
        self.circuit = CircuitState.CLOSED
        self.behaviours: list[BehaviourState] = []

    def stamping(self) -> TimestampState | None:
        """One authority."""
        report = AuthorityReport(
            name="local",
            external=False,
            circuit=self.circuit,
            next_attempt_in=0.0,
            tokens=1,
            failures=3,
            last_error="" if self.circuit is CircuitState.CLOSED else "connection refused",
            last_error_at=None,
            last_token_at=None,
            latency=None,
            clock=None,
            clock_off=0,
        )
        return TimestampState(
            authorities=(report,),
            batches=1,
            urgent_batches=0,
            pending=0,
            failed=0,
            oldest_pending=0.0,
            looked_at=0,
            delays=0,
            delay_p50=None,
            delay_p99=None,
        )

    def states(self) -> Sequence[AgentState]:
        """One agent."""
        presence = PresenceState(show="available", since=0)
        return [
            AgentState(
                jid="registry@localhost",
                role="registry",
                software="0",
                fingerprint="",
                server="",
                started_at=0,
                now=0,
                presence=presence,
                behaviours=self.behaviours,
            )
        ]


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def outboxes(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "outbox"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def watch(database: Database, clock: ManualClock, hub: Hub, outboxes: Path) -> RepairWatch:
    # Of this machine's disk nothing is assumed.
    policy = RepairPolicy(disk_free=0.0, window=60.0, queue_items=3)
    return RepairWatch(
        database=database,
        data=outboxes.parent,
        outboxes=outboxes,
        observer=ENGINE,
        policy=policy,
        stamping=hub.stamping,
        states=hub.states,
        clock=clock,
    )


@pytest.fixture
def repairs(database: Database, clock: ManualClock) -> Repairs:
    return Repairs(database=database, clock=clock)


async def seen(watch: RepairWatch, repairs: Repairs) -> list[str]:
    """Look, and return what is wrong."""
    await watch.look()
    return [f"{line.kind} {line.place}" for line in await repairs.waiting()]


async def kinds(watch: RepairWatch, repairs: Repairs) -> set[str]:
    """Look, and return what kinds of things are wrong."""
    return {one.split()[0] for one in await seen(watch, repairs)}


async def test_an_empty_store_has_nothing_to_repair_and_everything_was_looked_at(
    watch: RepairWatch, repairs: Repairs
) -> None:
    assert await seen(watch, repairs) == []
    (look,) = await repairs.looks()
    assert [check.name for check in look.checks if check.problem] == []


async def test_an_agent_that_is_gone_comes_back(
    watch: RepairWatch, repairs: Repairs, database: Database, clock: ManualClock
) -> None:
    directory = Directory(database=database, clock=clock)
    key = SigningKey.generate().verifying.text
    await directory.enrol(PROBE, role=Role.PROBE, public_key=key)
    await directory.enrol("once@localhost", role=Role.JOB, public_key=key)
    await directory.enrol("client@localhost", role=Role.PROBE, public_key=None, unsigned_allowed=True)
    assert await seen(watch, repairs) == []
    clock.advance(301)
    assert await seen(watch, repairs) == [f"agent {PROBE}"]
    await directory.presence(PROBE, show="available", status="", cause="presence")
    assert await seen(watch, repairs) == []
    await directory.presence(PROBE, show="gone", status="the cable was cut", cause="silence")
    clock.advance(301)
    assert await seen(watch, repairs) == [f"agent {PROBE}"]
    assert (await repairs.waiting())[0].cause == "the cable was cut"
    await directory.revoke(PROBE)
    assert await seen(watch, repairs) == []


async def test_what_fails_in_the_hub_is_seen(watch: RepairWatch, repairs: Repairs, hub: Hub) -> None:
    hub.circuit = CircuitState.OPEN
    hub.behaviours = [
        BehaviourState(name="publish", state="backing off", failures=3, last_error="OSError: no"),
        BehaviourState(name="receive", state="running", failures=9, last_error="long ago"),
    ]
    assert await seen(watch, repairs) == ["authority local", "behaviour publish of registry@localhost"]
    hub.circuit, hub.behaviours = CircuitState.HALF_OPEN, []
    assert await seen(watch, repairs) == ["authority local"]
    hub.circuit = CircuitState.CLOSED
    assert await seen(watch, repairs) == []


async def test_a_queue_that_grows_and_what_was_given_up(
    watch: RepairWatch, repairs: Repairs, database: Database, intake: Intake, clock: ManualClock, sender: Any
) -> None:
    asker = Asker(jid="rt@localhost", role="rt")
    queues = Queues(database=database, clock=clock, max_attempts=1)
    await queues.bind("rt", owner="rt", asker=asker, patterns=["#"])
    for _ in range(12):
        await intake.commit([sender.deliver(count=1, received_at=clock.now())])
        found = await seen(watch, repairs)
        clock.advance(5)
    assert "queue rt" in found
    held = await queues.lease("rt", asker=asker, life="l", limit=100, max_bytes=10**6, lease_seconds=60)
    await queues.reject("rt", asker=asker, life="l", failures=[(one.id, "no") for one in held])
    assert await seen(watch, repairs) == ["dead-letters queue:rt"]


async def test_an_outbox_that_waits_and_one_that_is_damaged(
    watch: RepairWatch, repairs: Repairs, outboxes: Path, clock: ManualClock, sender: Any
) -> None:
    box = Outbox(outboxes / "probe.db", agent=PROBE, clock=clock, limit_items=10, limit_bytes=10**6, max_attempts=1)
    await box.open()
    await box.add([sender.item().data, sender.item().data])
    assert await seen(watch, repairs) == []
    clock.advance(901)
    assert await seen(watch, repairs) == [f"outbox {PROBE}"]
    for item in await box.next_batch(max_items=9, max_bytes=10**6):
        await box.refuse(item.uuid, "meta.type", "is not known")
    await box.close()
    assert await seen(watch, repairs) == ["dead-letters outbox:probe"]
    (outboxes / "wrong.db").write_bytes(b"no outbox")
    assert await seen(watch, repairs) == ["outbox wrong", "dead-letters outbox:probe"]
    assert str(outboxes) not in (await repairs.waiting())[0].cause


async def test_certificates_clocks_alarms_keys_refusals_and_safety_copies(
    watch: RepairWatch,
    repairs: Repairs,
    database: Database,
    intake: Intake,
    clock: ManualClock,
    sender: Any,
    tmp_path: Path,
) -> None:
    now = clock.now()
    ahead = [sender.item(collected_at=now + 90 * MICROSECONDS) for _ in range(2)]
    await intake.commit([sender.deliver(*ahead, received_at=now)])
    proofs = Proofs(database=database, engine=ENGINE, clock=clock)
    authority = LocalAuthority.open(tmp_path / "tsa", clock=clock, create=True)
    batch = await proofs.close_batch(max_items=9)
    assert batch is not None
    await proofs.store_token(batch=batch, tsa="local", external=False, token=await authority.stamp(batch.root))
    await Alarms(database=database, clock=clock).report([Finding(kind="gap", place="3", text="there is a gap")])
    keys = Keys(database=database, clock=clock)
    await keys.issue(name="feeds", scopes={Scope.READ}, lifetime=3_600.0)
    refusal = Refusal(at=now, sender="a@b", uuid="", field="meta", reason="wrong")
    await Refusals(database=database).record([refusal] * 100)
    assert await kinds(watch, repairs) == {"evidence", "clock", "key", "refusals"}
    clock.advance(30 * 86_400)
    assert await kinds(watch, repairs) == {"evidence", "backup", "clock"}
    entry = AuditEntry(who="root", action="store.backup", object="x", origin="command line", detail="")
    await Audit(database=database, clock=clock).record(entry)
    assert await kinds(watch, repairs) == {"evidence", "clock"}
    # The certificate of the local authority is good for years.
    clock.advance(3_600 * 86_400)
    assert "certificate local" in await seen(watch, repairs)


async def test_a_folder_that_cannot_be_looked_at_hides_nothing_else(
    watch: RepairWatch, repairs: Repairs, hub: Hub, outboxes: Path
) -> None:
    shutil.rmtree(outboxes.parent)
    hub.circuit = CircuitState.OPEN
    assert await seen(watch, repairs) == ["authority local"]
    (look,) = await repairs.looks()
    assert "disk" in [check.name for check in look.checks if check.problem]
