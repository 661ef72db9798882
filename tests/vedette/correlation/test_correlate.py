"""What is told of a check's looks and of its witnesses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.vedette.correlation.looks import START, look, ports
from vedette.clock import MICROSECONDS
from vedette.correlation.finding import Finding, FindingKind, Severity
from vedette.correlation.history import Look, overdue_at
from vedette.correlation.memory import CheckKey, InMemory, correlate, correlate_absence
from vedette.correlation.policy import CorrelationPolicy, CorrelationRule

POLICY = CorrelationPolicy()
CLOSED, OPEN = ports(p22="refused"), ports(p22="open")
FAILED: dict[str, Any] = {"error": "timed out", "ports": []}


def told(looks: Iterable[tuple[CheckKey, Look]], policy: CorrelationPolicy = POLICY) -> list[Finding]:
    """Return what is told of looks in order."""
    memory = InMemory()
    return [finding for key, one in looks for finding in correlate(memory, key, one, policy)]


def kinds(findings: Iterable[Finding]) -> list[str]:
    """Return their kinds."""
    return [finding.kind.value for finding in findings]


def test_a_change_says_what_exactly() -> None:
    found = told([look("a", CLOSED, at=0), look("a", CLOSED, at=60), look("a", OPEN, at=120)])
    assert kinds(found) == ["first seen", "changed"]
    (change,) = found[1].changes
    assert (change.fact, change.before, change.after) == ("port tcp/22", "refused", "open")
    assert (found[1].severity, found[1].subject) == (Severity.NOTICE, "www.example.org")


def test_what_comes_late_is_not_compared() -> None:
    assert kinds(told([look("a", CLOSED, at=60), look("a", OPEN, at=0), look("a", CLOSED, at=120)])) == ["first seen"]


def test_a_failure_and_what_changed_meanwhile() -> None:
    found = told(
        [look("a", CLOSED, at=0), look("a", FAILED, at=60), look("a", FAILED, at=120), look("a", OPEN, at=180)]
    )
    assert kinds(found) == ["first seen", "failed", "answered", "changed"]
    assert found[1].text == "timed out"


def test_a_check_that_fails_from_the_first_is_told() -> None:
    assert kinds(told([look("a", FAILED, at=0), look("a", CLOSED, at=60)])) == ["first seen", "failed", "answered"]


def test_flapping_is_told_once_and_ends_when_it_is_steady() -> None:
    turns = [look("a", OPEN if number % 2 else CLOSED, at=60 * number) for number in range(12)]
    calm = [look("a", OPEN, at=60 * number) for number in range(12, 18)]
    assert kinds(told(turns)) == ["first seen", "changed", "changed", "changed", "flapping"]
    assert kinds(told([*turns, *calm]))[5:] == ["steady"]
    assert kinds(told([*turns, *calm[:4]]))[5:] == []


def test_a_service_that_comes_and_goes_flaps_too() -> None:
    turns = [look("a", FAILED if number % 2 else CLOSED, at=60 * number) for number in range(12)]
    assert kinds(told(turns)) == ["first seen", "failed", "answered", "failed", "flapping"]


def test_changes_far_apart_are_not_flapping() -> None:
    hour = 3601
    found = told(look("a", OPEN if number % 2 else CLOSED, at=hour * number) for number in range(12))
    assert kinds(found) == ["first seen"] + ["changed"] * 11


def test_verdicts_are_told_when_they_turn() -> None:
    verdicts = ["as expected", "deviates", "deviates", None, "as expected", "as expected"]
    found = told(look("a", CLOSED, at=60 * number, verdict=verdict) for number, verdict in enumerate(verdicts))
    assert kinds(found) == ["first seen", "deviates", "as expected"]
    assert kinds(told([look("a", CLOSED, at=0, verdict="deviates")])) == ["first seen", "deviates"]


def test_a_check_that_stops_is_missing_and_returns() -> None:
    memory = InMemory()
    for number in range(5):
        key, one = look("a", CLOSED, at=60 * number)
        correlate(memory, key, one, POLICY)
    due = (START + 240 + 3 * 60 + 30) * MICROSECONDS
    history = memory.history(key)
    assert history is not None
    assert overdue_at(history, POLICY) == due
    assert correlate_absence(memory, key, one.subject, now=due - 1, policy=POLICY) == []
    (missing,) = correlate_absence(memory, key, one.subject, now=due, policy=POLICY)
    assert (missing.kind, missing.at, missing.witnesses) == (FindingKind.MISSING, due, (one.witness,))
    assert correlate_absence(memory, key, one.subject, now=2 * due, policy=POLICY) == []
    key, one = look("a", OPEN, at=5000)
    assert kinds(correlate(memory, key, one, POLICY)) == ["returned", "changed"]
    history = memory.history(key)
    # The gap itself is no habit.
    assert history is not None
    assert history.interval == 60 * MICROSECONDS


def test_a_check_that_ran_once_is_never_missing() -> None:
    memory = InMemory()
    key, one = look("a", CLOSED, at=0)
    correlate(memory, key, one, POLICY)
    assert correlate_absence(memory, key, one.subject, now=10**18, policy=POLICY) == []


def test_witnesses_who_disagree_are_told_once_and_so_is_that_they_agree_again() -> None:
    looks = [
        look("a", CLOSED, at=0),
        look("b", OPEN, at=30),
        look("a", CLOSED, at=60),
        look("b", OPEN, at=90),
        look("a", OPEN, at=120),
        look("b", OPEN, at=150),
    ]
    found = told(looks)
    assert kinds(found) == ["first seen", "first seen", "contradiction", "changed", "agreement"]
    assert [witness.agent for witness in found[2].witnesses] == ["b@localhost", "a@localhost"]
    (change,) = found[2].changes
    assert (change.before, change.after) == ("open", "refused")


def test_a_change_that_one_sees_first_is_no_contradiction() -> None:
    looks = [
        look("a", CLOSED, at=0),
        look("b", CLOSED, at=30),
        look("a", OPEN, at=60),
        look("b", OPEN, at=90),
        look("a", OPEN, at=120),
    ]
    assert kinds(told(looks)) == ["first seen", "first seen", "changed", "changed"]


def test_both_see_the_same_change_as_the_same_finding() -> None:
    looks = [look("a", CLOSED, at=0), look("b", CLOSED, at=30), look("a", OPEN, at=60), look("b", OPEN, at=90)]
    one, other = told(looks)[2:]
    assert one.identity == other.identity


@pytest.mark.parametrize("target", ["localhost", "127.0.0.1", "/etc/hosts", "::1", ""])
def test_what_only_an_agent_itself_sees_has_no_other_witness(target: str) -> None:
    looks = [
        look(agent, OPEN if agent == "a" else CLOSED, at=60 * number, target=target)
        for number in range(3)
        for agent in "ab"
    ]
    assert kinds(told(looks)) == ["first seen", "first seen"]


def test_what_only_one_of_them_looked_at_is_no_contradiction() -> None:
    more = ports(p22="open", p80="open")
    looks = [look(agent, OPEN if agent == "a" else more, at=60 * number) for number in range(3) for agent in "ab"]
    assert kinds(told(looks)) == ["first seen", "first seen"]


def test_names_are_compared_without_case() -> None:
    looks = [
        look(agent, OPEN if agent == "a" else CLOSED, at=60 * number, target=target)
        for number in range(2)
        for agent, target in (("a", "WWW.Example.org."), ("b", "www.example.ORG"))
    ]
    assert "contradiction" in kinds(told(looks))


def test_rules_decide_in_order() -> None:
    rules = (
        CorrelationRule(name="quiet", target="lab*", ignore=True),
        CorrelationRule(name="ssh", kinds=(FindingKind.CHANGED,), fact="PORT tcp/22", severity=Severity.CRITICAL),
    )
    policy = CorrelationPolicy(rules=rules)
    looks = [
        look("a", state, at=at, target=target)
        for at, state in ((0, CLOSED), (60, OPEN))
        for target in ("lab1", "web1")
    ]
    found = told(looks, policy)
    assert [(finding.subject, finding.severity, finding.rule) for finding in found] == [
        ("web1", Severity.INFO, ""),
        ("web1", Severity.CRITICAL, "ssh"),
    ]


def test_ignored_facts_are_not_compared() -> None:
    policy = CorrelationPolicy(ignored_facts=("port tcp/2*",))
    assert kinds(told([look("a", CLOSED, at=0), look("a", OPEN, at=60)], policy)) == ["first seen"]
