"""Which rule an item is under, and when its payload may go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vedette.configuration.retention import RetentionPolicy
from vedette.evidence.retention import Candidate, Fate, RetentionRule, fate_of, governing, shortest, types_of

DAY = 86_400_000_000
NOW = 100 * DAY
OLD = Candidate(
    uuid="u",
    type="scan",
    source="a.in.structured.nmap",
    received_at=NOW - 10 * DAY,
    size=1,
    state="proved",
    held=False,
    queued=False,
)


def rule(
    name: str, *, type: str | None = None, source: str = "#", keep: str = "10d", minimum: str = "stamped"
) -> RetentionRule:
    values = {"name": name, "type": type, "source": source, "keep": keep, "minimum": minimum}
    return RetentionPolicy.model_validate(values).rule


@pytest.mark.parametrize(
    ("changes", "fate"),
    [
        ({}, Fate.DUE),
        ({"received_at": NOW - 10 * DAY + 1}, Fate.KEPT),
        ({"received_at": NOW + DAY}, Fate.KEPT),
        ({"held": True}, Fate.HELD),
        ({"held": True, "state": "pending"}, Fate.HELD),
        ({"state": "pending"}, Fate.UNPROVED),
        ({"state": "failed"}, Fate.UNPROVED),
        ({"state": "self-asserted"}, Fate.DUE),
        ({"queued": True}, Fate.QUEUED),
    ],
)
def test_a_payload_goes_when_nothing_keeps_it(changes: dict[str, object], fate: Fate) -> None:
    assert fate_of(replace(OLD, **changes), rule("r"), now=NOW) is fate  # type: ignore[arg-type]


@pytest.mark.parametrize(("minimum", "good"), [("stamped", 3), ("proved", 2), ("strong", 1)])
def test_the_proof_must_be_as_far_as_the_rule_demands(minimum: str, good: int) -> None:
    states = ("pending", "failed", "self-asserted", "proved", "strong")
    fates = [fate_of(replace(OLD, state=state), rule("r", minimum=minimum), now=NOW) for state in states]
    assert fates == [Fate.UNPROVED] * (5 - good) + [Fate.DUE] * good


def test_the_first_rule_that_fits_governs_and_for_ever_is_for_ever() -> None:
    rules = [rule("keep", source="a.in.#", type="scan", keep="forever"), rule("scans", type="scan"), rule("rest")]
    assert getattr(governing(rules, type="scan", source="a.in.structured.nmap"), "name", "") == "keep"
    assert getattr(governing(rules, type="scan", source="b.in.structured.nmap"), "name", "") == "scans"
    assert getattr(governing(rules, type="log", source=None), "name", "") == "rest"
    assert governing(rules[:2], type="log", source=None) is None
    assert fate_of(OLD, rules[0], now=10**6 * DAY) is Fate.KEPT
    assert fate_of(OLD, None, now=10**6 * DAY) is Fate.KEPT


def test_what_to_look_at_follows_from_the_rules() -> None:
    assert (shortest([]), shortest([rule("r", keep="forever")])) == (None, None)
    assert shortest([rule("a", keep="2y"), rule("b", keep="36h"), rule("c", keep="1w")]) == 36 * 3_600_000_000
    assert types_of([rule("a", type="x"), rule("b", type="y"), rule("c", keep="forever")]) == {"x", "y"}
    assert types_of([rule("a", type="x"), rule("b")]) is None
