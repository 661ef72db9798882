"""The runs of a check as a bar: what changed and what deviates can be told apart, and the item has its place."""

from __future__ import annotations

from registry.item_runs import ItemRun, RunsAround
from web.console.run_bar import runs_of


def run(number: int, content: str, verdict: str | None = None) -> ItemRun:
    """A run with this content."""
    return ItemRun(
        uuid=str(number), format="text", payload_sha256=content, size=1, received_at=number, verdict=verdict
    )


def test_runs_stand_oldest_first_with_what_they_brought() -> None:
    around = RunsAround(
        before=(run(3, "b", "as expected"), run(2, "b"), run(1, "a")),
        this=run(4, "b", "deviates"),
        after=(run(5, "c"), run(6, "c")),
    )
    bar = runs_of(around)
    assert bar is not None
    assert [(mark.run.uuid, mark.kind) for mark in bar.marks] == [
        ("1", "same"),
        ("2", "other"),
        ("3", "same"),
        ("4", "deviating"),
        ("5", "other"),
        ("6", "same"),
    ]
    assert [mark.run.uuid for mark in bar.marks if mark.is_this] == ["4"]
    assert bar.before is not None
    assert bar.after is not None
    assert (bar.before.uuid, bar.after.uuid) == ("3", "5")
    assert [mark.words for mark in bar.marks[2:5]] == ["the same", "deviates", "something else"]


def test_a_run_alone_is_no_history() -> None:
    assert runs_of(RunsAround()) is None
    assert runs_of(RunsAround(this=run(1, "a"))) is None
