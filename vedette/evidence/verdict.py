"""A verdict: named checks, and no more claimed than they show."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from vedette.clock import to_datetime
from vedette.errors import EvidenceError, RefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    """What was checked."""
    ok: bool
    """Whether it is as it must be."""
    text: str
    """The finding, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came out of one verification."""

    uuid: str | None
    """The item; None for a token or record by itself, or where it could not be read."""
    anchored: bool
    """At least one time-stamp leads to a root that was given from outside."""
    gen_time: int | None
    """Microseconds since 1970: the earliest anchored genTime; None where nothing is anchored."""
    checks: tuple[Check, ...]
    """All checks made, in order."""

    @property
    def ok(self) -> bool:
        """Anchored, and every check is good."""
        return self.anchored and all(check.ok for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Names and texts of the checks that failed."""
        return tuple(f"{check.name}: {check.text}" for check in self.checks if not check.ok)

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as a JSON value."""
        return {
            "ok": self.ok,
            "uuid": self.uuid,
            "anchored": self.anchored,
            "gen_time": self.gen_time,
            "checks": [{"name": check.name, "ok": check.ok, "text": check.text} for check in self.checks],
        }


def check(name: str, look: Callable[[], str]) -> Check:
    """Return a good check with the text that `look` returns, or a failed one with the error that it raises."""
    try:
        return Check(name=name, ok=True, text=look())
    except (EvidenceError, RefusedError) as error:
        return Check(name=name, ok=False, text=str(error))


def failure(name: str, text: str) -> Verdict:
    """Return the verdict on what could not even be read."""
    return Verdict(uuid=None, anchored=False, gen_time=None, checks=(Check(name=name, ok=False, text=text),))


def verdict_line(verdict: Verdict) -> str:
    """Return the verdict as one line for people."""
    if verdict.ok and verdict.gen_time is not None:
        subject = f"item {verdict.uuid}" if verdict.uuid else "the data"
        return f"{subject} existed at {to_datetime(verdict.gen_time).isoformat()}"
    return "; ".join(verdict.reasons) or "not anchored in roots that were given"


def verdicts_json(results: Sequence[tuple[str, Verdict]]) -> str:
    """Return the verdicts of named files as one JSON object."""
    good = sum(verdict.ok for _, verdict in results)
    return json.dumps(
        {
            "ok": good == len(results),
            "verified": good,
            "failed": len(results) - good,
            "results": [{"file": name, **verdict.as_json()} for name, verdict in results],
        }
    )
