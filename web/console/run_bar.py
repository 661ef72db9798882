"""The runs of a check as a bar, in which the item of a page has its place. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.item_runs import ItemRun, RunsAround
from registry.tables import USUAL_VERDICT


@dataclass(frozen=True, kw_only=True, slots=True)
class RunMark:
    """One run on the bar."""

    run: ItemRun
    """The run."""
    kind: str
    """`deviating`, `other` where it brought other bytes than the one before, or `same`."""
    is_this: bool
    """Whether it is the item of the page."""

    @property
    def words(self) -> str:
        """What it says."""
        return {"deviating": self.run.verdict or "", "other": "something else", "same": "the same"}[self.kind]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunBar:
    """The runs around an item."""

    marks: Sequence[RunMark]
    """Oldest first."""
    before: ItemRun | None
    """The run before it."""
    after: ItemRun | None
    """The run after it."""


def runs_of(around: RunsAround) -> RunBar | None:
    """Return the bar; None where the item is the only run that is known."""
    if around.this is None or not (around.before or around.after):
        return None
    runs = [*reversed(around.before), around.this, *around.after]
    earlier = [None, *runs]
    return RunBar(
        marks=[
            RunMark(run=run, kind=_kind(run, before), is_this=run is around.this)
            for run, before in zip(runs, earlier, strict=False)
        ],
        before=next(iter(around.before), None),
        after=next(iter(around.after), None),
    )


def _kind(run: ItemRun, before: ItemRun | None) -> str:
    if run.verdict not in (None, USUAL_VERDICT):
        return "deviating"
    return "same" if before is None or before.payload_sha256 == run.payload_sha256 else "other"
