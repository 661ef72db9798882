"""What differs between what is said and what a sink holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sharing_cases import large, scanned
from vedette.sharing.exporter import MAX_SHOWN, ExportError
from vedette.sharing.sinks.difference import Difference, Standing, compare, plan_of, shown_ids
from vedette.sharing.sinks.records import Sealed, seal

ALL = list(seal(large(12)).records)
SAID = st.lists(st.sampled_from(ALL), unique_by=lambda one: one.record.id)
CHANGED = st.sampled_from(["", "0" * 64])


def _apply(there: dict[str, Standing], difference: Difference) -> dict[str, Standing]:
    """Do what a sink does."""
    written = {one.record.id: Standing(kind=one.record.kind, digest=one.digest) for one in difference.write}
    gone = {id: replace(there[id], withdrawn=True) for _, id in difference.remove}
    return there | written | gone


def _shown(there: dict[str, Standing]) -> dict[str, str]:
    return {id: one.digest for id, one in there.items() if not one.withdrawn}


@given(st.lists(st.tuples(SAID, CHANGED), max_size=5))
def test_whatever_was_said_before_a_sink_holds_what_is_said_now(history: list[tuple[list[Sealed], str]]) -> None:
    there: dict[str, Standing] = {}
    for said, digest in history:
        now = [replace(one, digest=digest or one.digest) for one in said]
        difference = compare(now, there)
        there = _apply(there, difference)
        assert _shown(there) == {one.record.id: one.digest for one in now}
        assert difference.unchanged + len(difference.write) == len(now)
        assert compare(now, there).total == 0


@given(SAID, SAID)
def test_the_digest_is_of_all_that_is_done(first: list[Sealed], second: list[Sealed]) -> None:
    one, other = compare(first, {}), compare(second, {})
    assert (one.digest == other.digest) == (first == second)
    undone = {sealed.record.id: Standing(kind="fact", digest=sealed.digest) for sealed in first}
    assert first == [] or compare([], undone).digest != compare(first, {}).digest


def test_another_plan_than_the_approved_one_is_refused() -> None:
    difference = compare(ALL, {})
    difference.refuse_other(None, place="there")
    difference.refuse_other(difference.digest, place="there")
    with pytest.raises(ExportError, match="^there: what would be sent has changed"):
        difference.refuse_other("0" * 64, place="there")


def test_what_cannot_be_written_now_stays() -> None:
    there = {one.record.id: Standing(kind="fact", digest=one.digest) for one in ALL}
    difference = compare(ALL[1:], there, kept=[ALL[0].record.id])
    assert difference.total == 0


def test_a_plan_shows_a_bounded_part_and_counts_the_rest() -> None:
    investigation = large(MAX_SHOWN + 200, edges=False)
    records = seal(investigation).records
    gone = {f"gone-{number}": Standing(kind="fact", digest="") for number in range(50)}
    difference = compare(records, gone)
    plan = plan_of(difference, before={}, investigation=investigation, withheld=[])
    assert (len(plan.changes), plan.total) == (MAX_SHOWN, MAX_SHOWN + 250)
    assert len(shown_ids(difference)) == 50
    few = plan_of(compare(records[:3], gone), before={}, investigation=investigation, withheld=[])
    assert [change.action for change in few.changes] == ["add"] * 3 + ["remove"] * 50


def test_a_diff_shows_what_a_person_can_read() -> None:
    records = seal(scanned()).records
    scan = next(one for one in records if one.record.kind == "scan")
    before = {scan.record.id: {**scan.record.values, "raw": b"other", "verdict": "x" * 500, "size": 1}}
    there = {one.record.id: Standing(kind=one.record.kind, digest=one.digest) for one in records}
    there[scan.record.id] = Standing(kind="scan", digest="another")
    plan = plan_of(compare(records, there), before=before, investigation=scanned(), withheld=[])
    (change,) = plan.changes
    assert "raw" not in str(change)
    assert change.before.startswith(f"verdict {'x' * 120}, size 1")
    assert change.after.endswith(f"size {scan.record.values['size']}")
