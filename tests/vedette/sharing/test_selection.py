"""Selections: what a line means, that its canonical text means the same, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.proof_state import ProofState
from vedette.clock import ManualClock
from vedette.errors import RefusedError
from vedette.sharing.selection import Selection
from vedette.sharing.selection_values import STATES

CLOCK = ManualClock(now=1_795_305_600_000_000)
UUID = "4b7f0ac2-6a86-4a0f-8a4f-5b8f6f1f0001"


def parse(text: str) -> Selection:
    return Selection.parse(text, clock=CLOCK)


@pytest.mark.parametrize(
    ("text", "kind", "key"),
    [
        (f"item={UUID.upper()}", "item", f"item:{UUID}"),
        ("target=192.0.2.7", "target", "target:192.0.2.7"),
        (f"job={UUID}", "job", f"job:{UUID}"),
        ("since=2026-11-22", "window", "window:2026-11-22T00:00:00.000000Z.."),
        ("until=2026-11-22T01:00:00+01:00", "window", "window:..2026-11-22T00:00:00.000000Z"),
        ("vertex='Evil Example'", "neighbourhood", "neighbourhood:Evil Example"),
        ("depth=1 vertex=Emotet", "neighbourhood", "neighbourhood:Emotet"),
        ("vertex=Emotet depth=2", "neighbourhood", "neighbourhood:Emotet depth=2"),
        ("type=scan target=x", "search", "search:target=x type=scan"),
        ("target=x since=2026-11-22", "search", "search:since=2026-11-22T00:00:00.000000Z target=x"),
        ('text="a name" vertexType=Malware', "search", "search:text='a name' vertexType=Malware"),
    ],
)
def test_a_line_has_a_kind_and_a_key(text: str, kind: str, key: str) -> None:
    selection = parse(text)

    assert (selection.kind, selection.key) == (kind, key)
    assert parse(selection.text) == selection


LETTERS = st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.sampled_from(" '\"\\=$#")


@given(
    words=st.dictionaries(
        st.sampled_from(["target", "agent", "type", "format", "check", "verdict"]),
        st.text(
            st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.sampled_from(" '\"\\=$#"), min_size=1
        ),
        min_size=1,
    )
)
def test_the_canonical_text_means_the_same(words: dict[str, str]) -> None:
    selection = Selection(kind="search", words=words)

    assert dict(parse(selection.text).words) == words
    assert parse(parse(selection.text).text) == parse(selection.text)


def test_relative_times_become_absolute_when_they_are_read() -> None:
    clock = ManualClock(now=1_795_305_600_000_000)
    selection = Selection.parse("since=2d until=12h", clock=clock)
    clock.advance(86_400)

    assert selection.since == 1_795_305_600_000_000 - 2 * 86_400_000_000
    assert selection.until == 1_795_305_600_000_000 - 43_200_000_000
    assert Selection.parse(selection.text, clock=clock) == selection


@pytest.mark.parametrize(("text", "apart"), [("since=2d", 86_399), ("since=1w", 86_399), ("since=12h", 3_599)])
def test_who_asks_twice_a_day_or_an_hour_asks_for_the_same(text: str, apart: int) -> None:
    clock = ManualClock(now=1_795_305_600_000_000)
    first = Selection.parse(text, clock=clock)
    clock.advance(apart)
    assert Selection.parse(text, clock=clock).key == first.key
    clock.advance(1)
    assert Selection.parse(text, clock=clock).key != first.key


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("", "select", "1 to 4096"),
        ("x" * 5_000, "select", "1 to 4096"),
        ("nonsense", "select", "KEY=VALUE"),
        ("color=red", "select", "KEY one of"),
        ("target='a", "select", "quotation"),
        ("target=a target=b", "target", "twice"),
        ("target=", "target", "1 to 1024"),
        ("target='a\x1b[31m'", "target", "printed"),
        ("item=1", "item", "no UUID"),
        (f"item={UUID} type=scan", "type", "cannot be combined with item="),
        ("vertex=a target=b", "target", "cannot be combined with vertex="),
        ("text=a until=2d", "until", "cannot be combined with text="),
        ("text=a depth=2", "depth", "vertex="),
        ("vertex=a depth=9", "depth", "one of 0, 1, 2, 3"),
        ("since=yesterday", "since", "no time such as"),
        ("since=99999999999999d", "since", "no time such as"),
        ("since=999999999w", "since", "no time such as"),
        ("since=2026-11-22T10:00:00", "since", "zone"),
        ("since=1d until=2d", "until", "not after since"),
        ("state=sure", "state", "one of pending"),
        ("source=a..b", "source", "empty word"),
        ("part=day", "select", "says nothing"),
        ("part=day since=2d", "part", "written by Vedette"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_word(text: str, field: str, words: str) -> None:
    with pytest.raises(RefusedError) as refused:
        parse(text)

    assert refused.value.field == field
    assert words in refused.value.reason


def test_a_share_is_known_by_its_name_whatever_its_window() -> None:
    clock = ManualClock(now=1_795_305_600_000_000)
    one = Selection.of_share("night", "type=scan since=7d", clock=clock)
    clock.advance(86_400)
    other = Selection.of_share("night", "type=scan since=7d", clock=clock)

    assert one.words != other.words
    assert one.key == other.key == "search:night"
    assert one.title == "night"
    assert Selection.parse(one.text, clock=clock) == one


def test_a_part_of_a_share_is_that_and_no_more() -> None:
    def part(text: str, part: str) -> Selection:
        found = Selection.of_share("night", text, clock=CLOCK, part=part)
        assert parse(found.text) == found
        return found

    target = part("type=scan", "target=192.0.2.7")
    assert (target.key, dict(target.words)) == (
        "search:night/target:192.0.2.7",
        {"target": "192.0.2.7", "type": "scan"},
    )
    job = part("type=scan", f"job={UUID.upper()}")
    assert job.key == f"search:night/job:{UUID}"
    day = part("type=scan since=2026-11-22T10:00:00Z", "day=2026-11-22")
    assert day.key == "search:night/day:2026-11-22"
    assert (day.words["since"], day.words["until"]) == ("2026-11-22T10:00:00.000000Z", "2026-11-23T00:00:00.000000Z")
    for text, wrong in (
        ("target=a", "target=b"),
        ("type=scan", "day=22.11."),
        ("type=scan", "agent=a"),
        ("since=2026-11-22", "day=2026-11-20"),
        ("text=a", "target=b"),
    ):
        with pytest.raises(RefusedError):
            part(text, wrong)


def test_its_states_are_the_store_s() -> None:
    assert list(STATES) == [state.value for state in ProofState]
