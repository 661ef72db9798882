"""Looks for the tests, made from the forms that the tools make."""

from __future__ import annotations

import json
from typing import Any

from vedette.clock import MICROSECONDS
from vedette.correlation.facts import facts_of
from vedette.correlation.finding import Witness
from vedette.correlation.history import Look
from vedette.correlation.memory import CheckKey
from vedette.correlation.subject import subject_of

START = 1_700_000_000


def look(
    agent: str,
    form: dict[str, Any],
    *,
    at: float,
    format: str = "tcp-connect/1",
    target: str = "www.example.org",
    verdict: str | None = None,
    item: str = "",
) -> tuple[CheckKey, Look]:
    """Return a look `at` seconds after the start, with its check."""
    jid = f"{agent}@localhost"
    facts = facts_of(format=format, payload=json.dumps(form).encode(), payload_sha256="00" * 32)
    when = round((START + at) * MICROSECONDS)
    made = Look(
        subject=subject_of(target=target, family=facts.family, agent=jid),
        witness=Witness(agent=jid, item=item or f"{agent}-{format}-{at:g}", at=when),
        verdict=verdict,
        facts=facts,
    )
    return CheckKey(check=f"{facts.family} of {target}", agent=jid), made


def ports(**states: str) -> dict[str, Any]:
    """Return the form of a look at ports: `ports(p22="open")`."""
    return {"ports": [{"port": int(name[1:]), "state": state} for name, state in states.items()]}
