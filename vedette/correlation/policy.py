"""When something counts as flapping, missing or contradictory, and how much it matters: the correlation's rules.

Rules are tried in order; the first that matches a finding decides its severity, or that it is not told.
Patterns are shell patterns (`*`, `?`, `[…]`), compared without regard to case.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import translate
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from vedette.correlation.finding import Finding, FindingKind, Severity

Pattern = Annotated[str, Field(min_length=1, max_length=200)]
"""A shell pattern."""

SEVERITIES: Final[Mapping[FindingKind, Severity]] = {
    FindingKind.CHANGED: Severity.NOTICE,
    FindingKind.FLAPPING: Severity.WARNING,
    FindingKind.MISSING: Severity.WARNING,
    FindingKind.FAILED: Severity.WARNING,
    FindingKind.DEVIATES: Severity.WARNING,
    FindingKind.CONTRADICTION: Severity.WARNING,
}
"""Severity of a kind where no rule matches; of the others `info`."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CorrelationRule(_Section):
    """What to make of the findings that match."""

    name: str = Field(min_length=1, max_length=100)
    """Shown with the findings that it decided."""
    kinds: tuple[FindingKind, ...] = ()
    """Of these kinds; without any, of all."""
    target: Pattern = "*"
    """About such a target."""
    family: Pattern = "*"
    """Shown by such a kind of look: a format without its version, such as `tls-certificate`."""
    fact: Pattern = "*"
    """With a change of such a fact; `*` also matches findings without changes."""
    severity: Severity = Severity.NOTICE
    """What they become."""
    ignore: bool = False
    """They are not told at all."""


class CorrelationPolicy(_Section):
    """When something is worth telling."""

    ignored_facts: tuple[Pattern, ...] = ()
    """Facts that are never compared."""
    flapping_changes: int = Field(default=4, ge=2, le=100)
    """So many changes of one check within `flapping_window` are flapping."""
    flapping_window: float = Field(default=3600.0, gt=0)
    """Seconds."""
    steady_runs: int = Field(default=5, ge=1, le=1000)
    """After so many looks without a change flapping is over."""
    missing_after: float = Field(default=3.0, ge=1.5, le=1000)
    """A check is missing when nothing came for so many of its usual intervals …"""
    missing_grace: float = Field(default=30.0, ge=0)
    """… and so many seconds more: an outage of the network is caught up within this time."""
    agreement_window: float = Field(default=600.0, gt=0)
    """Seconds within which two witnesses must agree."""
    rules: tuple[CorrelationRule, ...] = ()
    """Tried in order."""

    def compares(self, fact: str) -> bool:
        """Tell whether a fact is compared."""
        return not any(_matches(pattern, fact) for pattern in self.ignored_facts)

    def judged(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the findings that are told, each with its severity."""
        return [judged for finding in findings if (judged := self._judge(finding)) is not None]

    def _judge(self, finding: Finding) -> Finding | None:
        for rule in self.rules:
            if _applies(rule, finding):
                return None if rule.ignore else replace_severity(finding, rule.severity, rule.name)
        return replace_severity(finding, SEVERITIES.get(finding.kind, Severity.INFO), "")


def replace_severity(finding: Finding, severity: Severity, rule: str) -> Finding:
    """Return the finding with another severity; its identity stays."""
    return replace(finding, severity=severity, rule=rule)


def _applies(rule: CorrelationRule, finding: Finding) -> bool:
    if rule.kinds and finding.kind not in rule.kinds:
        return False
    if not (_matches(rule.target, finding.subject) and _matches(rule.family, finding.family)):
        return False
    return rule.fact == "*" or any(_matches(rule.fact, change.fact) for change in finding.changes)


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).match(text) is not None


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern), re.IGNORECASE)
