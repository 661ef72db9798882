"""Which receipts a proof notice covers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.errors import RefusedError
from vedette.messages.batch import Receipt, parse_model
from vedette.messages.proof import ProofNotice, ProofQuestion, Span, State, covers, span_of

_STATES: tuple[State, ...] = ("self-asserted", "proved", "strong")


@st.composite
def notices(draw: st.DrawFn) -> tuple[ProofNotice, dict[int, State]]:
    """A notice, and the state of each index that it speaks of."""
    first = draw(st.integers(0, 20))
    each = draw(st.lists(st.sampled_from(_STATES), min_size=1, max_size=30))
    runs: list[tuple[int, State]] = []
    for index, state in enumerate(each, start=first):
        if runs and runs[-1][1] == state:
            runs.pop()
        runs.append((index, state))
    notice = ProofNotice(engine="e@x", epoch="1", first=first, up_to=first + len(each) - 1, states=runs)
    return notice, dict(enumerate(each, start=first))


@given(notices(), st.integers(0, 60), st.integers(0, 10), st.sets(st.sampled_from(_STATES), min_size=1))
def test_covered_is_what_is_in_a_wanted_state_throughout(
    made: tuple[ProofNotice, dict[int, State]], lowest: int, more: int, wanted: set[State]
) -> None:
    notice, states = made
    span = Span(engine="e@x", epoch="1", lowest=lowest, highest=lowest + more)
    expected = all(states.get(index) in wanted for index in range(lowest, lowest + more + 1))
    assert covers(notice, span, wanted=wanted) is expected


def test_another_engine_or_epoch_covers_nothing() -> None:
    notice = ProofNotice(engine="e@x", epoch="1", first=0, up_to=9, states=[(9, "strong")])
    for engine, epoch in (("f@x", "1"), ("e@x", "2")):
        assert not covers(notice, Span(engine=engine, epoch=epoch, lowest=0, highest=0))


def test_states_that_do_not_reach_the_end_cover_nothing() -> None:
    notice = ProofNotice(engine="e@x", epoch="1", first=0, up_to=9, states=[(3, "strong")])
    assert not covers(notice, Span(engine="e@x", epoch="1", lowest=2, highest=5))


def test_a_receipt_spans_all_that_it_confirms() -> None:
    digest = "0" * 64
    receipt = Receipt(
        engine="e@x",
        epoch="1",
        manifest_sha256=digest,
        committed=[("a", digest, 7), ("b", digest, 3)],
        refused=[],
        log_index=9,
        head=digest,
    )
    assert span_of(receipt) == Span(engine="e@x", epoch="1", lowest=3, highest=7)
    assert span_of(receipt.model_copy(update={"committed": []})).lowest == 9


def test_a_question_is_in_order() -> None:
    with pytest.raises(RefusedError, match="past last"):
        parse_model(ProofQuestion, {"epoch": "1", "first": 2, "last": 1})
