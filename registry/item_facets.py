"""What items may be filtered by: the values that occur, with how many items have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, func, select

from registry import tables
from registry.audit_tables import audit
from registry.item_list import ItemsWanted
from registry.item_sample import Sample
from registry.proof_state import ProofState
from registry.tally import ALL
from registry.tally_reading import counted_between, most_frequent, total

MAX_VALUES: Final = 40
"""Values of one facet at most: agents write what they want."""

FACETS: Final = ("type", "agent", "verdict", "format", "check")
"""Columns that are facets, beside the state of the proof."""

MAX_BATCHES: Final = 5_000
"""Batches of one state that are added up; of the commonest state there may be more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FacetValue:
    """One value to choose."""

    value: str
    """What items have."""
    items: int
    """How many have it, of those that were counted."""
    at_least: bool = False
    """Whether there may be more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facet:
    """One thing to filter by."""

    name: str
    """The column, or `state`."""
    values: tuple[FacetValue, ...]
    """The values that most items have, those first."""
    more: bool
    """Whether there are other values."""


def facets_of(connection: Connection, wanted: ItemsWanted, sample: Sample | None, *, now: int) -> tuple[Facet, ...]:
    """Return the facets of what is wanted.

    Args:
        connection: to read from.
        wanted: which items.
        sample: the newest of them; None where only the time of arrival matters, and the tallies say it all.
        now: microseconds since 1970.
    """
    if sample is None:
        facets = [_tallied(connection, name, wanted, now=now) for name in FACETS]
        return (*facets, _states(connection))
    return tuple(_facet(name, sample.counts[name]) for name in (*FACETS, "state"))


def _tallied(connection: Connection, name: str, wanted: ItemsWanted, *, now: int) -> Facet:
    found = dict(most_frequent(connection, name, limit=MAX_VALUES + 1))
    values = list(found)[:MAX_VALUES]
    more = len(found) > MAX_VALUES
    if wanted.since is not None or wanted.until is not None:
        found = counted_between(connection, name, values, since=wanted.since, until=wanted.until, now=now)
    facet = _facet(name, {value: found[value] for value in values if value in found})
    return Facet(name=name, values=facet.values, more=more)


def _facet(name: str, counts: Mapping[str, int]) -> Facet:
    common = Counter(counts).most_common(MAX_VALUES)
    values = [FacetValue(value=value, items=items) for value, items in common if items]
    return Facet(name=name, values=tuple(values), more=len(counts) > MAX_VALUES)


def _states(connection: Connection) -> Facet:
    """Return how many items are in which state: the batches know, and of one state there may be very many."""
    counts: dict[str, int] = {}
    many: list[str] = []
    for state in (one.value for one in ProofState):
        sizes = _sizes(connection, state)
        counts[state] = sum(sizes)
        if len(sizes) == MAX_BATCHES:
            many.append(state)
    counts[ProofState.PENDING.value] += _unbatched(connection)
    if len(many) == 1:
        # What is in no other state is in this one.
        state = many.pop()
        counts[state] += max(0, total(connection, ALL) - sum(counts.values()))
    facet = _facet("state", counts)
    values = tuple(replace(value, at_least=value.value in many) for value in facet.values)
    return replace(facet, values=values)


def _sizes(connection: Connection, state: str) -> Sequence[int]:
    batch = tables.batch.c
    query = select(batch.count - batch.audit_count).where(batch.state == state).order_by(batch.closed_at.desc())
    return connection.execute(query.limit(MAX_BATCHES)).scalars().all()


def _unbatched(connection: Connection) -> int:
    """Return how many items are in no batch yet: what the logs hold beyond, less the audit entries there."""
    batch, chain = tables.batch.c, tables.chain.c
    number = 0
    for chain_id, next_index in connection.execute(select(chain.id, chain.next_index)).all():
        last = select(batch.last_index).where(batch.chain_id == chain_id).order_by(batch.last_index.desc()).limit(1)
        first = 1 + connection.execute(select(func.coalesce(last.scalar_subquery(), -1))).scalar_one()
        audits = select(func.count()).where(audit.c.chain_id == chain_id, audit.c.log_index >= first)
        number += next_index - first - connection.execute(audits).scalar_one()
    return max(0, number)
