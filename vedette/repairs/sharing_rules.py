"""What is wrong with sharing: destinations that fail, exports that were given up, plans that wait. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from vedette.clock import MICROSECONDS
from vedette.repairs.facts import DestinationFacts, Facts
from vedette.repairs.policy import RepairPolicy
from vedette.repairs.repair import Repair, RepairKind, Severity
from vedette.repairs.wording import length


def destinations(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield the destinations that fail for too long while something waits for them, and what was given up there."""
    for one in facts.destinations or ():
        if one.failing_since is not None and one.waiting:
            seconds = (facts.now - one.failing_since) / MICROSECONDS
            if seconds > policy.destination_failing:
                yield _failing(one, seconds)
        if one.given_up:
            yield _given_up(one)


def approvals(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield the destinations whose plans wait too long for a person."""
    for one in facts.destinations or ():
        waited = 0.0 if one.approval_since is None else (facts.now - one.approval_since) / MICROSECONDS
        if waited > policy.approval_wait:
            yield Repair(
                kind=RepairKind.APPROVAL,
                place=one.name,
                severity=Severity.NOTICE,
                what=f"{_exports(one.approvals, 'waits', 'wait')} for somebody to approve what goes to {one.name}, "
                f"the oldest for {length(waited)}.",
                cause="Nobody has looked at the plans.",
                remedy="Look at what would be sent, and approve it or not: `vedette export list --state approval`.",
                link=_link(one, "approval"),
                since=one.approval_since,
            )


def _failing(one: DestinationFacts, seconds: float) -> Repair:
    return Repair(
        kind=RepairKind.DESTINATION,
        place=one.name,
        severity=Severity.WARNING,
        what=f"Nothing arrives at {one.name} for {length(seconds)}; {_exports(one.waiting, 'waits', 'wait')}.",
        cause=one.last_reason,
        remedy=f"Mend what the cause names, and ask whether it is there: `vedette export check {one.name}`. Nothing "
        "is lost: they are tried again, and sent in their order.",
        link=_link(one, "waiting"),
        since=one.failing_since,
    )


def _given_up(one: DestinationFacts) -> Repair:
    return Repair(
        kind=RepairKind.DESTINATION,
        place=f"{one.name}, given up",
        severity=Severity.WARNING,
        what=f"{_exports(one.given_up, 'was', 'were')} given up that should have gone to {one.name}.",
        cause=one.last_failure,
        remedy="Look why, remove the cause, then try again: `vedette export retry UUID`.",
        link=_link(one, "failed"),
    )


def _exports(count: int, one: str, several: str) -> str:
    return f"1 export {one}" if count == 1 else f"{count:,} exports {several}"


def _link(one: DestinationFacts, state: str) -> str:
    return f"/sharing?destination={quote(one.name, safe='')}&state={state}"
