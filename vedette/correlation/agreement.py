"""Do witnesses agree? Those who looked at the same thing in the same way, at about the same time.

A disagreement counts only between looks within the policy's window, only about facts of which both speak, and only
where what the one saw before and after lies around a look of the other: else the thing itself may have changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vedette.clock import MICROSECONDS
from vedette.correlation.comparison import bounded, disagreements
from vedette.correlation.finding import Change, Finding, FindingKind, Witness
from vedette.correlation.policy import CorrelationPolicy
from vedette.correlation.subject import Subject


@dataclass(frozen=True, kw_only=True)
class Testimony:
    """What one witness saw last."""

    check: str
    """The check that it comes from: the same agent may look in several ways."""
    witness: Witness
    """Who, when, which item."""
    facts: Mapping[str, str]
    """What was seen."""
    steady_since: int
    """Since when it sees that, microseconds since 1970."""


def contradictions(
    subject: Subject,
    newest: Testimony,
    others: Sequence[Testimony],
    *,
    open_before: bool,
    policy: CorrelationPolicy,
) -> list[Finding]:
    """Return what the newest testimony and the others' say of each other.

    Args:
        subject: what it is about; one that only one agent sees has no other witnesses.
        newest: what was seen just now.
        others: what the other agents' checks of the same subject saw last.
        open_before: whether a contradiction about this subject is open.
        policy: the window.
    """
    if not subject.shared:
        return []
    window = policy.agreement_window * MICROSECONDS
    together = [
        other
        for other in others
        if other.witness.agent != newest.witness.agent
        and abs(other.witness.at - newest.witness.at) <= window
        and newest.steady_since <= other.witness.at
        and other.steady_since <= newest.witness.at
    ]
    found = [(other, changes) for other in together if (changes := disagreements(other.facts, newest.facts))]
    if not found:
        return [_agreement(subject, newest, together)] if open_before and together else []
    if open_before:
        return []
    return [_contradiction(subject, newest, *found[0])]


def _contradiction(subject: Subject, newest: Testimony, other: Testimony, changes: list[Change]) -> Finding:
    listed, more = bounded(changes)
    return Finding(
        kind=FindingKind.CONTRADICTION,
        subject=subject.name,
        family=subject.family,
        at=newest.witness.at,
        witnesses=(other.witness, newest.witness),
        changes=listed,
        more=more,
        text=f"{other.witness.agent} saw the first value, {newest.witness.agent} the second",
    )


def _agreement(subject: Subject, newest: Testimony, others: list[Testimony]) -> Finding:
    return Finding(
        kind=FindingKind.AGREEMENT,
        subject=subject.name,
        family=subject.family,
        at=newest.witness.at,
        witnesses=(*(other.witness for other in others), newest.witness),
    )
