"""The newest items that fit, up to so many: what cannot be known from tallies is counted among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from registry import tables
from registry.item_list import ItemsWanted, chooser_of, leading_of, list_query, others_of

LOOKED_AT: Final = 2_000
"""Items that are looked at for one answer: 20 ms, or some hundred where they have to be read from a disk first."""

COUNTED: Final = ("type", "agent", "verdict", "format", "check", "state")
"""What is counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """The newest items that fit."""

    times: tuple[int, ...]
    """When they came, newest first."""
    counts: Mapping[str, Mapping[str, int]]
    """How many have which value, by column."""
    oldest: int | None
    """The time of the oldest item that was looked at; None where all there are were."""

    @property
    def is_whole(self) -> bool:
        """Whether these are all that fit."""
        return self.oldest is None


def sample_of(connection: Connection, wanted: ItemsWanted) -> Sample:
    """Return the newest items that are wanted, having looked at a bounded number."""
    leading, others = leading_of(wanted), others_of(wanted)
    named = [name for name in others if name != "state"]
    columns = list(dict.fromkeys(["received_at", *COUNTED[:-1], *named]))
    query = list_query(wanted, leading, columns=columns, state=True)
    query = query.order_by(tables.item.c.received_at.desc()).limit(LOOKED_AT + 1)
    found = connection.execute(query).mappings().all()
    rows = found[:LOOKED_AT]
    keep = chooser_of(wanted, named)
    kept = [row for row in rows if keep(row)] if others else rows
    return Sample(
        times=tuple(row["received_at"] for row in kept),
        counts={name: Counter(row[name] for row in kept if row[name] is not None) for name in COUNTED},
        oldest=rows[-1]["received_at"] if len(found) > LOOKED_AT else None,
    )
