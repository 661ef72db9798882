"""A span of time drawn as bars, each of which leads to what it stands for. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from registry.item_timeline import Timeline
from registry.tally import DAY, HOUR
from vedette.clock import to_datetime
from web.console.address import Address
from web.formats import count, instant

HEIGHT: Final = 100
"""Height of the highest bar, in the units of the drawing."""

_LEAST: Final = 3
"""Height of a bar that is not nothing: one item in a million is seen, too."""

_TICKS: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One piece of time."""

    number: int
    """Its place, from 0."""
    label: str
    """When it begins, as people write it."""
    items: int
    """Items that came in it."""
    findings: int
    """What was found in it."""
    height: int
    """How high it is drawn."""
    address: str
    """Leads to its items."""

    @property
    def words(self) -> str:
        """What it says."""
        text = f"{self.label}: {count(self.items)} {'item' if self.items == 1 else 'items'}"
        if not self.findings:
            return text
        return f"{text}, {count(self.findings)} {'finding' if self.findings == 1 else 'findings'}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A time that stands below the bars."""

    at: float
    """Its place, in hundredths of the width."""
    label: str
    """What it says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """The bars of a span of time."""

    bars: tuple[Bar, ...]
    """The pieces, oldest first."""
    ticks: tuple[Tick, ...]
    """The times below."""
    first: int
    """When the first piece begins, microseconds since 1970."""
    step: int
    """Microseconds of a piece."""
    piece: str
    """How long one is, in words."""
    most: int
    """Items in the fullest piece."""
    items: int
    """Items in all of them."""
    findings: int | None
    """Findings in all of them; None where they are not counted here."""
    since: str
    """When it begins."""
    until: str
    """When it ends."""
    base: str
    """The address without a time, to which the brush adds one."""
    wider: str | None
    """Leads to a longer time; None where all is shown."""
    counted_since: str | None
    """Only what came from then on is counted; None where all is."""


def draw(timeline: Timeline, address: Address) -> Drawing:
    """Return the drawing of a timeline; `address` is the page's."""
    buckets, most = timeline.buckets, max(timeline.items, default=0)
    base = address.without("since", "until")
    found = timeline.findings or (0,) * buckets.number
    bars = tuple(
        Bar(
            number=number,
            label=_label(start, buckets.step),
            items=items,
            findings=found[number],
            height=0 if items == 0 else max(_LEAST, items * HEIGHT // most),
            address=str(base.with_(since=instant(start), until=instant(start + buckets.step))),
        )
        for number, start, items in _pieces(timeline)
    )
    return Drawing(
        bars=bars,
        ticks=tuple(_ticks(timeline)),
        first=buckets.first,
        step=buckets.step,
        piece=_length(buckets.step),
        most=most,
        items=sum(timeline.items),
        findings=None if timeline.findings is None else sum(timeline.findings),
        since=instant(buckets.first),
        until=instant(buckets.end),
        base=str(base),
        wider=_wider(timeline, base) if {"since", "until"} & address.filter.keys() else None,
        counted_since=None if timeline.counted_since is None else instant(timeline.counted_since),
    )


def _pieces(timeline: Timeline) -> Iterator[tuple[int, int, int]]:
    for number, items in enumerate(timeline.items):
        yield number, timeline.buckets.first + number * timeline.buckets.step, items


def _wider(timeline: Timeline, base: Address) -> str:
    """Return the address of three times as long, with this in the middle."""
    buckets = timeline.buckets
    span = buckets.end - buckets.first
    return str(base.with_(since=instant(max(0, buckets.first - span)), until=instant(buckets.end + span)))


def _ticks(timeline: Timeline) -> Iterator[Tick]:
    buckets = timeline.buckets
    apart = max(1, -(-buckets.number // _TICKS))
    for number in range(0, buckets.number, apart):
        yield Tick(
            at=round(100 * number / buckets.number, 2),
            label=_label(buckets.first + number * buckets.step, buckets.step * apart),
        )


def _label(at: int, step: int) -> str:
    """Return a time as exact as a step needs it."""
    return to_datetime(at).strftime("%Y-%m-%d" if step % DAY == 0 else "%Y-%m-%d %H:%M")


def _length(step: int) -> str:
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (HOUR // 60, "minute")):
        if step % unit == 0:
            return name if step == unit else f"{step // unit} {name}s"
    return f"{step} µs"
