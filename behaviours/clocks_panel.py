"""The agents' clocks as a table of the registry's page."""

from __future__ import annotations

from vedette.clock import MICROSECONDS
from vedette.clock_offsets import ClockOffsets
from vedette.machine_clock import is_clock_set
from vedette.messages.state import Cell, Panel

MOST = 50
"""Agents that are shown: those whose clocks are the furthest off."""


def clocks_panel(clocks: ClockOffsets) -> Panel:
    """Return the hub's machine, then the agents whose clocks are the furthest from its."""
    furthest = sorted(clocks.known(), key=lambda one: -abs(one.ahead))[:MOST]
    rows = [
        [Cell(text=one.agent, kind="code"), Cell(text=f"{one.ahead / MICROSECONDS:+.3f}"), _kept(one.is_set)]
        for one in furthest
    ]
    here = [Cell(text="this machine"), Cell(text="0"), _kept(is_clock_set())]
    return Panel(title="Clocks", columns=["Whose", "Seconds ahead of the hub's", "Kept right"], rows=[here, *rows])


def _kept(is_set: bool | None) -> Cell:
    if is_set is None:
        return Cell(text="not known")
    return Cell(text="yes", kind="good") if is_set else Cell(text="not by its kernel", kind="warn")
