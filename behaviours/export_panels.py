"""The tables of the agent that exports, for its page: destinations, shares, what waits, what was left out."""

from __future__ import annotations

from dataclasses import dataclass

from vedette.configuration.sharing import ShareSection, SharingSection
from vedette.messages.state import Cell, Panel
from vedette.sharing.request import DestinationStatus, Export

MAX_CELL = 400
"""Characters of a text in a table."""

_STATES = {"done": "good", "planned": "good", "failed": "bad", "approval": "warn", "rejected": "warn"}


@dataclass(frozen=True, kw_only=True)
class ExportsSeen:
    """How destinations and exports fare."""

    destinations: tuple[DestinationStatus, ...] = ()
    """All of them."""
    approvals: tuple[Export, ...] = ()
    """The newest that wait for a person."""
    last: tuple[Export, ...] = ()
    """The newest of all."""

    @property
    def trouble(self) -> str:
        """Which destination fails and why; empty: none does."""
        failing = [one for one in self.destinations if one.exporter and one.last_reason]
        return "; ".join(f"{one.name}: {one.last_reason}" for one in failing)


def export_panels(seen: ExportsSeen, sharing: SharingSection) -> list[Panel]:
    """Return the tables."""
    return [
        _destinations(seen),
        _shares(sharing),
        _exports("Waiting for approval", seen.approvals, empty="Nothing waits for a person."),
        _exports("Last exports", seen.last, empty="Nothing was exported yet."),
        _withheld(seen),
    ]


def _destinations(seen: ExportsSeen) -> Panel:
    return Panel(
        title="Destinations",
        columns=["Destination", "Exporter", "State", "Last sync", "Queue", "Approvals", "Failed", "Changes sent"],
        rows=[
            [
                Cell(text=one.name, kind="code"),
                Cell(text=one.exporter or "not in the configuration any more"),
                _state(one),
                _time(one.last_done_at),
                Cell(text=str(one.waiting), kind="count"),
                Cell(text=str(one.approvals), kind="count"),
                Cell(text=str(one.failed), kind="bad" if one.failed else "count"),
                Cell(text=str(one.sent), kind="count"),
            ]
            for one in seen.destinations
        ],
        empty="No destination was looked at yet.",
    )


def _state(one: DestinationStatus) -> Cell:
    if one.last_reason:
        return Cell(text=one.last_reason[:MAX_CELL], kind="bad")
    return Cell(text="well" if one.last_done_at is not None else "nothing sent yet", kind="good")


def _shares(sharing: SharingSection) -> Panel:
    return Panel(
        title="Shares",
        columns=["Share", "Selects", "One for each", "To", "When"],
        rows=[
            [
                Cell(text=one.name, kind="code"),
                Cell(text=one.select[:MAX_CELL], kind="code"),
                Cell(text=one.per),
                Cell(text=", ".join(one.to)[:MAX_CELL]),
                Cell(text=_when(one)),
            ]
            for one in sharing.shares
        ],
        empty="Nothing is shared by itself: there is nothing in sharing.shares.",
    )


def _when(one: ShareSection) -> str:
    proof = ", once it is proved" if one.proof else ""
    return f"{one.when}, {one.settle:g} s after an item{proof}" if one.when != "manual" else one.when


def _exports(title: str, exports: tuple[Export, ...], *, empty: str) -> Panel:
    return Panel(
        title=title,
        columns=["Asked for", "Investigation", "Destination", "State", "Changes", "Why", "By", "Export"],
        rows=[
            [
                Cell(text=str(one.requested_at), kind="time"),
                Cell(text=(one.title or one.key)[:MAX_CELL]),
                Cell(text=one.destination, kind="code"),
                Cell.model_validate({"text": one.state, "kind": _STATES.get(one.state, "text")}),
                Cell(text=_changes(one), kind="count" if _changes(one).isdigit() else "text"),
                Cell(text=one.reason[:MAX_CELL]),
                Cell(text=(one.decided_by or one.requested_by)[:MAX_CELL]),
                Cell(text=one.uuid, kind="code"),
            ]
            for one in exports
        ],
        empty=empty,
    )


def _changes(one: Export) -> str:
    if one.exported is not None:
        return str(one.exported.sent)
    return str(one.plan.total) if one.plan is not None else ""


def _withheld(seen: ExportsSeen) -> Panel:
    return Panel(
        title="Left out of the last exports",
        columns=["Destination", "Why", "How often"],
        rows=[
            [Cell(text=one.name, kind="code"), Cell(text=reason[:MAX_CELL]), Cell(text=str(count), kind="count")]
            for one in seen.destinations
            for reason, count in one.withheld
        ],
        empty="Nothing was left out.",
    )


def _time(at: int | None) -> Cell:
    return Cell(text="never") if at is None else Cell(text=str(at), kind="time")
