"""The rules of repairs: what is right is not told, and what can be wrong is told with its cause and a remedy."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.clock import MICROSECONDS
from vedette.repairs import facts as known
from vedette.repairs.facts import Facts
from vedette.repairs.policy import RepairPolicy
from vedette.repairs.repair import Repair, RepairKind, Severity
from vedette.repairs.rules import CHECKS, MOST, judge
from vedette.repairs.wording import days, length

NOW = 1_795_305_600_000_000
SECOND, DAY = MICROSECONDS, 86_400 * MICROSECONDS
POLICY = RepairPolicy()


def authority(**changes: Any) -> known.AuthorityFacts:
    """An authority that is well."""
    return known.AuthorityFacts(**{"name": "local", "external": False, "certificate_ends": NOW + 999 * DAY} | changes)


def stamping(*authorities: known.AuthorityFacts, **changes: Any) -> known.StampingFacts:
    """How time-stamping fares."""
    return known.StampingFacts(authorities=authorities or (authority(),), **changes)


def agent(jid: str = "probe@localhost", **changes: Any) -> known.AgentFacts:
    """An agent that is there."""
    return known.AgentFacts(**{"jid": jid, "show": "available", "since": NOW - DAY} | changes)


def queue(**changes: Any) -> known.QueueFacts:
    """A queue that is empty."""
    usual = {"name": "rt", "owner": "rt@localhost", "depth": 0, "oldest_at": None, "dead_letters": 0}
    return known.QueueFacts(**usual | changes)


def disk(**changes: Any) -> known.DiskFacts:
    """A disk with room."""
    return known.DiskFacts(**{"place": "the data folder", "free": 90, "total": 100, "days_left": None} | changes)


HEALTHY = Facts(
    now=NOW,
    stamping=stamping(),
    revocations=(known.RevocationFacts(url="http://crl", fetched_at=NOW - DAY, checked_at=NOW, error=""),),
    alarms=(),
    queues=(queue(),),
    outboxes=(known.OutboxFacts(name="probe", agent="probe@localhost", items=3, oldest_at=NOW - SECOND),),
    agents=(agent(),),
    clocks=(known.ClockFacts(agent="probe@localhost", ahead=SECOND),),
    refusals=(known.RefusalFacts(sender="a@b", count=2, reason="meta: wrong"),),
    behaviours=(),
    jobs=known.JobFacts(waiting=0, working=0, oldest_at=None),
    schedules=(),
    destinations=(known.DestinationFacts(name="m", waiting=3, failing_since=NOW - 60 * SECOND, approvals=1),),
    disk=disk(),
    database_size=10**6,
    write_ahead_size=10**6,
    backup=known.BackupFacts(last_at=NOW - DAY, begun_at=NOW - 99 * DAY),
    keys=(known.KeyFacts(id="k", holder="key feeds", expires_at=NOW + 99 * DAY),),
)
"""A fleet with nothing to repair."""


def found(**changes: Any) -> list[Repair]:
    """What is wrong with the healthy fleet after some changes."""
    return list(judge(replace(HEALTHY, **changes), POLICY, unknown={}).repairs)


def one(**changes: Any) -> Repair:
    """The only thing that is wrong then."""
    (repair,) = found(**changes)
    return repair


def test_a_healthy_fleet_has_nothing_to_repair_and_everything_was_looked_at() -> None:
    judgement = judge(HEALTHY, POLICY, unknown={})
    assert judgement.repairs == ()
    assert [check.name for check in judgement.checks] == [check.name for check in CHECKS]
    assert not any(check.problem or check.found for check in judgement.checks)


def test_what_could_not_be_looked_at_is_said_and_hides_nothing_else() -> None:
    judgement = judge(replace(HEALTHY, disk=None, agents=(agent(show="gone"),)), POLICY, unknown={"disk": "denied"})
    assert {check.name: check.problem for check in judgement.checks if check.problem} == {"disk": "denied"}
    assert [repair.kind for repair in judgement.repairs] == [RepairKind.AGENT]


def test_every_fact_is_looked_at() -> None:
    assert {check.needs for check in CHECKS} == {field.name for field in fields(Facts)} - {"now"}


WRONG: dict[str, tuple[dict[str, Any], RepairKind, Severity]] = {
    "the only authority is silent": (
        {"stamping": stamping(authority(is_asked=False, last_error="no answer"))},
        RepairKind.AUTHORITY,
        Severity.CRITICAL,
    ),
    "one of two authorities is silent": (
        {"stamping": stamping(authority(is_asked=False), authority(name="other"))},
        RepairKind.AUTHORITY,
        Severity.WARNING,
    ),
    "a certificate ends in a month": (
        {"stamping": stamping(authority(certificate_ends=NOW + 29 * DAY))},
        RepairKind.CERTIFICATE,
        Severity.WARNING,
    ),
    "a certificate ends in a week": (
        {"stamping": stamping(authority(certificate_ends=NOW + 6 * DAY))},
        RepairKind.CERTIFICATE,
        Severity.CRITICAL,
    ),
    "a certificate has ended": (
        {"stamping": stamping(authority(certificate_ends=NOW - DAY))},
        RepairKind.CERTIFICATE,
        Severity.CRITICAL,
    ),
    "items wait for proof": (
        {"stamping": stamping(pending=7, oldest_pending=601.0)},
        RepairKind.PROOF,
        Severity.WARNING,
    ),
    "items wait long for proof": (
        {"stamping": stamping(pending=7, oldest_pending=6_001.0)},
        RepairKind.PROOF,
        Severity.CRITICAL,
    ),
    "our clock is off": (
        {"stamping": stamping(authority(clock_offset=90 * SECOND), clock_blamed="ours")},
        RepairKind.CLOCK,
        Severity.CRITICAL,
    ),
    "their clock is off": (
        {"stamping": stamping(authority(clock_offset=-90 * SECOND), clock_blamed="theirs")},
        RepairKind.CLOCK,
        Severity.WARNING,
    ),
    "an agent's clock is off": (
        {"clocks": (known.ClockFacts(agent="probe@localhost", ahead=61 * SECOND),)},
        RepairKind.CLOCK,
        Severity.WARNING,
    ),
    "an agent's clock is slow": (
        {"clocks": (known.ClockFacts(agent="probe@localhost", ahead=-61 * SECOND, beats=True),)},
        RepairKind.CLOCK,
        Severity.WARNING,
    ),
    "a list of revocations is old": (
        {"revocations": (known.RevocationFacts(url="u", fetched_at=NOW - 8 * DAY, checked_at=NOW, error=""),)},
        RepairKind.REVOCATION,
        Severity.WARNING,
    ),
    "a responder never answered": (
        {"revocations": (known.RevocationFacts(url="u", fetched_at=None, checked_at=NOW, error="refused"),)},
        RepairKind.REVOCATION,
        Severity.WARNING,
    ),
    "the sweep found something": (
        {"alarms": (known.AlarmFacts(id=7, at=NOW - DAY, kind="payload", place="item 3", text="was changed"),)},
        RepairKind.EVIDENCE,
        Severity.CRITICAL,
    ),
    "a queue grows": (
        {"queues": (queue(depth=1_000, oldest_at=NOW - SECOND, is_rising=True),)},
        RepairKind.QUEUE,
        Severity.WARNING,
    ),
    "nobody reads into the graph": (
        {
            "queues": (queue(owner="rt", depth=1, oldest_at=NOW - 3_000 * SECOND),),
            "agents": (agent(), agent("rt@localhost", role="rt", show="gone", since=NOW)),
        },
        RepairKind.QUEUE,
        Severity.WARNING,
    ),
    "a queue is old": (
        {"queues": (queue(depth=1, oldest_at=NOW - 3_601 * SECOND),)},
        RepairKind.QUEUE,
        Severity.WARNING,
    ),
    "an outbox is old": (
        {"outboxes": (known.OutboxFacts(name="p", agent="p@l", items=9, oldest_at=NOW - 901 * SECOND),)},
        RepairKind.OUTBOX,
        Severity.WARNING,
    ),
    "an outbox cannot be read": (
        {"outboxes": (known.OutboxFacts(name="p", agent="p", error="is not an outbox"),)},
        RepairKind.OUTBOX,
        Severity.CRITICAL,
    ),
    "a consumer gave up": ({"queues": (queue(dead_letters=1),)}, RepairKind.DEAD_LETTERS, Severity.WARNING),
    "an engine refused": (
        {"outboxes": (known.OutboxFacts(name="p", agent="p@l", dead_letters=2),)},
        RepairKind.DEAD_LETTERS,
        Severity.WARNING,
    ),
    "somebody is refused often": (
        {"refusals": (known.RefusalFacts(sender="a@b", count=100, reason="meta: wrong"),)},
        RepairKind.REFUSALS,
        Severity.WARNING,
    ),
    "an agent is gone": ({"agents": (agent(show="gone"),)}, RepairKind.AGENT, Severity.WARNING),
    "an agent is unknown": ({"agents": (agent(show="unknown"),)}, RepairKind.AGENT, Severity.NOTICE),
    "an agent never came": (
        {"agents": (agent(show="unknown", ever_seen=False),)},
        RepairKind.AGENT,
        Severity.NOTICE,
    ),
    "a behaviour fails": (
        {
            "behaviours": (
                known.BehaviourFacts(
                    agent="r@l", name="publish", state="backing off", failures=3, last_error="no", last_error_at=NOW
                ),
            )
        },
        RepairKind.BEHAVIOUR,
        Severity.WARNING,
    ),
    "jobs wait": (
        {"jobs": known.JobFacts(waiting=2, working=0, oldest_at=NOW - 121 * SECOND)},
        RepairKind.JOBS,
        Severity.WARNING,
    ),
    "a schedule did not run": (
        {"schedules": (known.ScheduleFacts(name="nightly", reason="the hub was off", at=NOW - DAY),)},
        RepairKind.SCHEDULE,
        Severity.WARNING,
    ),
    "a destination fails": (
        {
            "destinations": (
                known.DestinationFacts(name="m", waiting=2, failing_since=NOW - 3_601 * SECOND, last_reason="down"),
            )
        },
        RepairKind.DESTINATION,
        Severity.WARNING,
    ),
    "exports were given up": (
        {"destinations": (known.DestinationFacts(name="m", given_up=1, last_failure="deleted there"),)},
        RepairKind.DESTINATION,
        Severity.WARNING,
    ),
    "a plan waits for a person": (
        {"destinations": (known.DestinationFacts(name="m", approvals=1, approval_since=NOW - 3 * DAY),)},
        RepairKind.APPROVAL,
        Severity.NOTICE,
    ),
    "the disk is nearly full": ({"disk": disk(free=9)}, RepairKind.DISK, Severity.WARNING),
    "the disk is full": ({"disk": disk(free=4)}, RepairKind.DISK, Severity.CRITICAL),
    "the disk fills": ({"disk": disk(days_left=6.0)}, RepairKind.DISK, Severity.WARNING),
    "the disk fills today": ({"disk": disk(days_left=0.5)}, RepairKind.DISK, Severity.CRITICAL),
    "the database is large": ({"database_size": 201 * 2**30}, RepairKind.DATABASE, Severity.NOTICE),
    "the write-ahead log is large": ({"write_ahead_size": 513 * 2**20}, RepairKind.DATABASE, Severity.WARNING),
    "there is no safety copy": (
        {"backup": known.BackupFacts(last_at=None, begun_at=NOW - 8 * DAY)},
        RepairKind.BACKUP,
        Severity.WARNING,
    ),
    "the safety copy is old": (
        {"backup": known.BackupFacts(last_at=NOW - 8 * DAY, begun_at=NOW - 99 * DAY)},
        RepairKind.BACKUP,
        Severity.WARNING,
    ),
    "a key expires in days": (
        {"keys": (known.KeyFacts(id="k", holder="key feeds", expires_at=NOW + 13 * DAY),)},
        RepairKind.KEY,
        Severity.NOTICE,
    ),
    "a key expires today": (
        {"keys": (known.KeyFacts(id="k", holder="key feeds", expires_at=NOW + DAY // 2),)},
        RepairKind.KEY,
        Severity.WARNING,
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_its_cause_and_a_remedy(name: str) -> None:
    changes, kind, severity = WRONG[name]
    repair = one(**changes)
    assert (repair.kind, repair.severity) == (kind, severity)
    for text in (repair.what, repair.cause, repair.remedy):
        assert text == text.strip()
        assert len(text) > 1
    assert repair.what.endswith((".", "changed", "?"))
    assert repair.link == "" or repair.link.startswith("/")


def test_all_kinds_are_tried_here() -> None:
    assert {kind for _, kind, _ in WRONG.values()} == set(RepairKind)


RIGHT: dict[str, dict[str, Any]] = {
    "a certificate ends later": {"stamping": stamping(authority(certificate_ends=NOW + 31 * DAY))},
    "items wait a little": {"stamping": stamping(pending=7, oldest_pending=599.0)},
    "somebody reads into the graph": {
        "queues": (queue(owner="rt", depth=9, oldest_at=NOW - 3_000 * SECOND),),
        "agents": (agent("rt@localhost", role="rt"),),
    },
    "a small queue rises": {"queues": (queue(depth=999, oldest_at=NOW, is_rising=True),)},
    "a deep queue falls": {"queues": (queue(depth=10**6, oldest_at=NOW - 3_599 * SECOND),)},
    "an agent is gone for a moment": {"agents": (agent(show="gone", since=NOW - 299 * SECOND),)},
    "an agent is busy for long": {"agents": (agent(show="dnd", since=NOW - 99 * DAY),)},
    "a fresh fleet has no safety copy": {"backup": known.BackupFacts(last_at=None, begun_at=NOW - 6 * DAY)},
    "an empty store needs none": {"backup": known.BackupFacts(last_at=None, begun_at=None)},
    "jobs wait for their turn": {"jobs": known.JobFacts(waiting=2, working=1, oldest_at=NOW - DAY)},
    "a job waits for a moment": {"jobs": known.JobFacts(waiting=1, working=0, oldest_at=NOW - SECOND)},
    "a key has expired": {"keys": (known.KeyFacts(id="k", holder="x", expires_at=NOW - 1),)},
    "a list was asked for the first time just now": {
        "revocations": (known.RevocationFacts(url="u", fetched_at=None, checked_at=NOW, error=""),)
    },
    "the clock was put back": {
        "agents": (agent(show="gone", since=NOW + DAY),),
        "queues": (queue(depth=1, oldest_at=NOW + DAY),),
        "outboxes": (known.OutboxFacts(name="p", agent="p@l", items=1, oldest_at=NOW + DAY),),
        "backup": known.BackupFacts(last_at=NOW + DAY, begun_at=NOW + DAY),
        "jobs": known.JobFacts(waiting=1, working=0, oldest_at=NOW + DAY),
    },
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_not_told(name: str) -> None:
    assert found(**RIGHT[name]) == []


def test_the_worst_comes_first_and_the_same_place_once() -> None:
    repairs = found(
        disk=disk(free=1),
        agents=(agent("b@l", show="unknown"), agent("a@l", show="gone"), agent("a@l", show="gone")),
        database_size=10**13,
    )
    assert [(repair.severity.value, repair.place) for repair in repairs] == [
        ("critical", "the data folder"),
        ("warning", "a@l"),
        ("notice", "b@l"),
        ("notice", "store"),
    ]


def test_a_fleet_of_which_everything_is_gone_is_told_in_a_bounded_way() -> None:
    repairs = found(agents=tuple(agent(f"p{number:04}@l", show="gone") for number in range(1_000)))
    assert len(repairs) == MOST + 1
    assert {repair.what for repair in repairs if repair.place == "and others"} == {
        "The same is wrong at 950 more places."
    }


def test_a_wrong_clock_says_who_sees_it_and_whose_it_may_be() -> None:
    def beats(name: str, ahead: int, *, is_set: bool | None = None) -> known.ClockFacts:
        return known.ClockFacts(agent=name, ahead=ahead * SECOND, beats=True, is_set=is_set)

    by_items = known.ClockFacts(agent="a@l", ahead=70 * SECOND)
    (repair,) = found(clocks=(by_items, beats("a@l", -90, is_set=False), beats("b@l", 1), beats("c@l", 1)))
    assert repair.what == "The clock of a@l is 90 seconds behind the hub's."
    assert "signs of life" in repair.cause
    assert "nothing keeps the clock right" in repair.cause
    assert "rather the hub's" not in repair.cause
    # An agent whose clock is right, but whose items are not, is told of as before.
    (repair,) = found(clocks=(by_items, beats("a@l", 0)))
    assert "newest items" in repair.cause
    everybody = found(clocks=(beats("a@l", 90), beats("b@l", 91), beats("c@l", 90)))
    assert all("rather the hub's clock" in repair.cause for repair in everybody)
    assert len(everybody) == 3


def test_a_text_from_outside_stays_in_the_text_and_out_of_the_link() -> None:
    hostile = 'x"><script>alert(1)</script>/../?a=b&c#`rm`'
    for repair in (
        one(agents=(agent(hostile, show="gone"),)),
        one(queues=(queue(name=hostile, owner=hostile, dead_letters=1),)),
        one(clocks=(known.ClockFacts(agent=hostile, ahead=DAY),)),
    ):
        assert not set('"<>#` ') & set(repair.link)
        assert "`rm`" not in repair.remedy


TEXT = st.text(max_size=20)
MOMENT = st.integers(min_value=-(2**62), max_value=2**62)


@given(TEXT, MOMENT, st.sampled_from(["available", "gone", "unknown", "later release"]), st.integers(0, 2**60))
def test_no_fact_breaks_a_rule(text: str, at: int, show: str, number: int) -> None:
    """Whatever stands in the store, the page must come."""
    facts = Facts(
        now=NOW,
        stamping=stamping(
            authority(name=text, is_asked=False, certificate_ends=at, clock_offset=at),
            pending=number,
            oldest_pending=float(number),
            clock_blamed=text,
        ),
        revocations=(known.RevocationFacts(url=text, fetched_at=at, checked_at=at, error=text),),
        alarms=(known.AlarmFacts(id=number, at=at, kind=text, place=text, text=text),),
        queues=(queue(name=text, owner=text, depth=number, oldest_at=at, dead_letters=number, is_rising=True),),
        outboxes=(known.OutboxFacts(name=text, agent=text, items=number, oldest_at=at, dead_letters=number),),
        agents=(agent(text, show=show, since=at, status=text),),
        clocks=(known.ClockFacts(agent=text, ahead=at),),
        refusals=(known.RefusalFacts(sender=text, count=number, reason=text),),
        jobs=known.JobFacts(waiting=number, working=0, oldest_at=at),
        disk=disk(free=number, total=number, days_left=float(number)),
        database_size=number,
        write_ahead_size=number,
        backup=known.BackupFacts(last_at=at, begun_at=at),
        keys=(known.KeyFacts(id=text, holder=text, expires_at=at),),
    )
    for repair in judge(facts, POLICY, unknown={}).repairs:
        assert repair.remedy
        assert repair.link == "" or repair.link.startswith("/")


def test_lengths_read_as_people_say_them() -> None:
    assert [length(seconds) for seconds in (1.25, 59, 119, 120, 7_200, 172_800)] == [
        "1.2 seconds",
        "59 seconds",
        "119 seconds",
        "2 minutes",
        "2 hours",
        "2 days",
    ]
    assert [days(hours * DAY / 24) for hours in (0, 1, 47, 48, 72)] == [
        "0 hours",
        "1 hour",
        "47 hours",
        "2 days",
        "3 days",
    ]
