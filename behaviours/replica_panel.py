"""The store's replica on the registry's page: whether it is asked, and who answered."""

from __future__ import annotations

from typing import Final

from registry.replica_lag import Outcome, ReplicaState
from vedette.messages.state import Cell, Panel

WORDS: Final = {
    Outcome.REPLICA: "the replica",
    Outcome.BEHIND: "the store, for what was just committed",
    Outcome.AWAY: "the store, while the replica is not asked",
    Outcome.BROKEN: "the store, after the replica failed",
}


def replica_panel(state: ReplicaState) -> Panel:
    """Return how it fares, and how many questions each has answered."""
    why = state.reason or "was not looked at in time"
    how = Cell(text="answers", kind="good") if state.used else Cell(text=why, kind="warn")
    lag = "not known" if state.lag is None else f"{state.lag:.1f} s behind"
    answered = [[Cell(text=WORDS[one]), Cell(text=str(count), kind="count")] for one, count in state.reads.items()]
    return Panel(
        title="Replica of the store",
        columns=["What", "How"],
        rows=[[Cell(text=state.place, kind="code"), how], [Cell(text="at the last look"), Cell(text=lag)], *answered],
    )
