"""What the correlation remembers, as a port, and one step of it over a look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from vedette.correlation.agreement import Testimony, contradictions
from vedette.correlation.finding import Finding, FindingKind
from vedette.correlation.history import History, Look, observe, tell_missing
from vedette.correlation.policy import CorrelationPolicy
from vedette.correlation.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckKey:
    """Names a check of an agent."""

    check: str
    """`meta.check`, or a name made of what was looked at and how."""
    agent: str
    """Bare JID of who looks."""


class Memory(Protocol):
    """Histories by check, and what is open between witnesses."""

    def history(self, key: CheckKey) -> History | None:
        """Return what is remembered of a check."""
        ...

    def remember(self, key: CheckKey, subject: Subject, history: History) -> None:
        """Remember it."""
        ...

    def testimonies(self, subject: Subject) -> Sequence[Testimony]:
        """Return what every check of a subject saw last."""
        ...

    def is_contradicted(self, subject: Subject) -> bool:
        """Tell whether its witnesses contradict each other."""
        ...

    def mark(self, subject: Subject, *, contradicted: bool) -> None:
        """Remember whether they do."""
        ...


def correlate(memory: Memory, key: CheckKey, look: Look, policy: CorrelationPolicy) -> list[Finding]:
    """Remember a look and return what is to be told of it, in order."""
    history, findings = observe(memory.history(key), look, policy)
    memory.remember(key, look.subject, history)
    if look.subject.shared and history.last == look.witness and look.facts.error is None:
        findings += _compare(memory, key, look, history, policy)
    return policy.judged(findings)


def correlate_absence(
    memory: Memory, key: CheckKey, subject: Subject, *, now: int, policy: CorrelationPolicy
) -> list[Finding]:
    """Return what is to be told of a check that brought nothing until now."""
    history = memory.history(key)
    if history is None:
        return []
    after, findings = tell_missing(history, subject, now=now, policy=policy)
    if findings:
        memory.remember(key, subject, after)
    return policy.judged(findings)


def testimony_of(key: CheckKey, history: History) -> Testimony | None:
    """Return what a check saw last, None where its last look failed or it flaps: then it is no witness."""
    if history.error is not None or history.flapping or not history.facts:
        return None
    return Testimony(check=key.check, witness=history.last, facts=history.facts, steady_since=history.steady_since)


def _compare(memory: Memory, key: CheckKey, look: Look, history: History, policy: CorrelationPolicy) -> list[Finding]:
    newest = testimony_of(key, history)
    if newest is None:
        return []
    subject, before = look.subject, memory.is_contradicted(look.subject)
    found = contradictions(subject, newest, memory.testimonies(subject), open_before=before, policy=policy)
    for finding in found:
        memory.mark(subject, contradicted=finding.kind is FindingKind.CONTRADICTION)
    return found


@dataclass
class InMemory:
    """A memory that lasts as long as its process."""

    histories: dict[CheckKey, tuple[Subject, History]] = field(default_factory=dict)
    """By check."""
    contradicted: set[Subject] = field(default_factory=set)
    """Subjects whose witnesses contradict each other."""

    def history(self, key: CheckKey) -> History | None:
        """Return what is remembered of a check."""
        found = self.histories.get(key)
        return None if found is None else found[1]

    def remember(self, key: CheckKey, subject: Subject, history: History) -> None:
        """Remember it."""
        self.histories[key] = (subject, history)

    def testimonies(self, subject: Subject) -> Sequence[Testimony]:
        """Return what every check of a subject saw last."""
        found = (testimony_of(key, history) for key, (about, history) in self.histories.items() if about == subject)
        return [one for one in found if one is not None]

    def is_contradicted(self, subject: Subject) -> bool:
        """Tell whether its witnesses contradict each other."""
        return subject in self.contradicted

    def mark(self, subject: Subject, *, contradicted: bool) -> None:
        """Remember whether they do."""
        (self.contradicted.add if contradicted else self.contradicted.discard)(subject)
