"""When items came and things were found, in pieces of a span of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select

from registry import tables
from registry.correlation_tables import finding
from registry.item_list import ItemsWanted, leading_of, list_query, others_of
from registry.item_sample import LOOKED_AT, Sample
from registry.tally import ALL, HOUR, KINDS
from registry.tally_reading import counted_in, hours_between, total
from registry.time_buckets import Buckets, cut

MAX_FINDINGS: Final = 20_000
"""Findings that are counted at most, the newest."""

SHORT: Final = 12 * HOUR
"""The longest span that is cut into less than hours, which the tallies do not know."""

MAX_TIMES: Final = 50_000
"""Items of a short span that are counted at most, the newest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """A span of time in pieces."""

    buckets: Buckets
    """The pieces."""
    items: tuple[int, ...]
    """Items that came in each."""
    findings: tuple[int, ...] | None
    """Findings in each; None where the items are chosen by more than their time."""
    counted_since: int | None
    """Only items from then on are counted, there are too many; None where all are."""


def tallied_condition(wanted: ItemsWanted) -> tuple[str, str] | None:
    """Return the one condition beside the time that tallies know; None where there are others."""
    conditions = list(wanted.exact.items())
    if wanted.is_pattern or wanted.state is not None or len(conditions) > 1:
        return None
    if not conditions:
        return ALL, ""
    return conditions[0] if conditions[0][0] in KINDS else None


def timeline_of(connection: Connection, wanted: ItemsWanted, sample: Sample | None, *, now: int) -> Timeline | None:
    """Return when the items that are wanted came; None where there is nothing to show.

    Args:
        connection: to read from.
        wanted: which items.
        sample: the newest of them; None where tallies say it all.
        now: microseconds since 1970.
    """
    condition = tallied_condition(wanted)
    if condition is not None and (sample is None or not sample.is_whole):
        return _tallied(connection, wanted, *condition, now=now)
    return None if sample is None else _sampled(connection, wanted, sample, now=now)


def is_small(connection: Connection, wanted: ItemsWanted) -> bool:
    """Tell whether so few items can fit that each can be looked at."""
    condition = tallied_condition(wanted)
    return condition is not None and total(connection, *condition) < LOOKED_AT


def _tallied(connection: Connection, wanted: ItemsWanted, kind: str, value: str, *, now: int) -> Timeline | None:
    hours = hours_between(connection, kind, value)
    span = None if hours is None else _span(wanted, hours[0], hours[1] if hours[1] > now + HOUR else now)
    if span is None:
        return None
    since, until = span
    counted_since = None
    if until - since <= SHORT and not others_of(wanted):
        buckets = cut(since, until)
        items, counted_since = _indexed(connection, wanted, buckets)
    else:
        buckets = cut(since, until, least=HOUR)
        items = counted_in(connection, kind, value, buckets)
    findings = _findings(connection, buckets) if kind == ALL else None
    return Timeline(buckets=buckets, items=tuple(items), findings=findings, counted_since=counted_since)


def _indexed(connection: Connection, wanted: ItemsWanted, buckets: Buckets) -> tuple[list[int], int | None]:
    """Return what the index of the times says of a short span, and since when it is counted there."""
    at = tables.item.c.received_at
    query = list_query(wanted, leading_of(wanted), columns=["received_at"]).order_by(at.desc()).limit(MAX_TIMES)
    newest = query.where(at >= buckets.first, at < buckets.end).subquery()
    piece = (newest.c.received_at - buckets.first) // buckets.step
    rows = connection.execute(select(piece, func.count(), func.min(newest.c.received_at)).group_by(piece)).all()
    counts = [0] * buckets.number
    for number, items, _ in rows:
        counts[number] = items
    return counts, min(oldest for _, _, oldest in rows) if sum(counts) == MAX_TIMES else None


def _sampled(connection: Connection, wanted: ItemsWanted, sample: Sample, *, now: int) -> Timeline | None:
    if not sample.times:
        return None
    span = _span(wanted, sample.times[-1], max(now, sample.times[0]))
    if span is None:
        return None
    buckets = cut(*span)
    only_time = tallied_condition(wanted) == (ALL, "")
    findings = _findings(connection, buckets) if only_time else None
    items = tuple(buckets.count(sample.times))
    return Timeline(buckets=buckets, items=items, findings=findings, counted_since=sample.oldest)


def _span(wanted: ItemsWanted, first: int, last: int) -> tuple[int, int] | None:
    """Return the time that is wanted and in which there can be something: to now, or later if a clock went back."""
    since = first if wanted.since is None else max(wanted.since, first)
    until = last + 1 if wanted.until is None else min(wanted.until, last + 1)
    return (since, until) if since < until else None


def _findings(connection: Connection, buckets: Buckets) -> tuple[int, ...]:
    query = select(finding.c.found_at).where(finding.c.found_at >= buckets.first, finding.c.found_at < buckets.end)
    newest = query.order_by(finding.c.found_at.desc()).limit(MAX_FINDINGS)
    return tuple(buckets.count(connection.execute(newest).scalars()))
