"""All rules, and what they say of the facts. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from vedette.repairs import evidence_rules, sharing_rules, upkeep_rules, work_rules
from vedette.repairs.facts import Facts
from vedette.repairs.policy import RepairPolicy
from vedette.repairs.repair import Repair

MOST = 50
"""Repairs of one check; a fleet of which everything is gone is one repair more that says how many."""

Rule = Callable[[Facts, RepairPolicy], Iterable[Repair]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that is looked at."""

    name: str
    """What is looked at, in words."""
    needs: str
    """The field of `Facts` without which it cannot be."""
    rule: Rule
    """What is wrong with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """That something was looked at, or why not."""

    name: str
    """What, in words."""
    found: int
    """Repairs that were found."""
    problem: str
    """Why it could not be looked at; empty where it was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What is wrong now, and what was looked at."""

    repairs: tuple[Repair, ...]
    """What is wrong, the worst first; the same kind at the same place comes once."""
    checks: tuple[Checked, ...]
    """What was looked at."""


CHECKS: Final = (
    Check(name="evidence", needs="alarms", rule=evidence_rules.alarms),
    Check(name="time-stamping authorities", needs="stamping", rule=evidence_rules.authorities),
    Check(name="authorities' certificates", needs="stamping", rule=evidence_rules.certificates),
    Check(name="items without a time-stamp", needs="stamping", rule=evidence_rules.proofs),
    Check(name="revocations", needs="revocations", rule=evidence_rules.revocations),
    Check(name="clocks", needs="clocks", rule=evidence_rules.clocks),
    Check(name="agents", needs="agents", rule=work_rules.agents),
    Check(name="queues", needs="queues", rule=work_rules.queues),
    Check(name="outboxes", needs="outboxes", rule=work_rules.outboxes),
    Check(name="dead letters", needs="queues", rule=work_rules.dead_letters),
    Check(name="refusals", needs="refusals", rule=work_rules.refusals),
    Check(name="the hub's behaviours", needs="behaviours", rule=work_rules.behaviours),
    Check(name="jobs", needs="jobs", rule=work_rules.jobs),
    Check(name="schedules", needs="schedules", rule=work_rules.schedules),
    Check(name="destinations", needs="destinations", rule=sharing_rules.destinations),
    Check(name="approvals", needs="destinations", rule=sharing_rules.approvals),
    Check(name="disk", needs="disk", rule=upkeep_rules.disk),
    Check(name="database", needs="database_size", rule=upkeep_rules.database),
    Check(name="write-ahead log", needs="write_ahead_size", rule=upkeep_rules.write_ahead),
    Check(name="safety copies", needs="backup", rule=upkeep_rules.backups),
    Check(name="API keys", needs="keys", rule=upkeep_rules.keys),
)
"""Everything that is looked at, in the order in which a page lists it."""


def judge(facts: Facts, policy: RepairPolicy, *, unknown: Mapping[str, str]) -> Judgement:
    """Return what is wrong.

    Args:
        facts: the fleet at one moment.
        policy: the thresholds.
        unknown: why a field of the facts could not be read, by its name.
    """
    found: dict[tuple[str, str], Repair] = {}
    checks = []
    for check in CHECKS:
        if getattr(facts, check.needs) is None:
            checks.append(Checked(name=check.name, found=0, problem=unknown.get(check.needs, "not known here")))
            continue
        repairs = list(check.rule(facts, policy))
        checks.append(Checked(name=check.name, found=len(repairs), problem=""))
        for repair in _bounded(repairs):
            found.setdefault((repair.kind, repair.place), repair)
    ordered = sorted(found.values(), key=lambda repair: (repair.severity.rank, repair.kind, repair.place))
    return Judgement(repairs=tuple(ordered), checks=tuple(checks))


def _bounded(repairs: list[Repair]) -> list[Repair]:
    """Return the repairs, past a number of them only how many there are."""
    repairs.sort(key=lambda repair: (repair.severity.rank, repair.place))
    if len(repairs) <= MOST:
        return repairs
    rest = repairs[MOST]
    more = Repair(
        kind=rest.kind,
        place="and others",
        severity=rest.severity,
        what=f"The same is wrong at {len(repairs) - MOST:,} more places.",
        cause="So many at once have one cause, as a rule.",
        remedy="Mend the first ones; the others follow, or are listed then.",
        link=rest.link if rest.link.startswith("/dead-letters") else "",
    )
    return [*repairs[:MOST], more]
