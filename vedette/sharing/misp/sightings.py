"""Sightings: that an attribute was observed again. Pure.

MISP counts every sighting that it is sent, so sending one twice is a wrong number that nobody notices. The ledger
has, for each attribute, the time of the latest observation that was told. It is written before the sightings are
sent: a process that is killed in between tells too few, never too many. The first observation is the attribute
itself, and no sighting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from vedette.errors import StoreError
from vedette.sharing.misp.holding import Holding

MOST_SIGHTINGS: Final = 250
"""Sightings of one export: each is a request of its own, for MISP takes no list. The others come next time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """A new observation."""

    attribute: str
    """UUID of the attribute."""
    when: int
    """Seconds."""


Marks = Mapping[str, int]
"""Latest observation that was told, in seconds, by the attribute's UUID."""


def new_sightings(ours: Holding, marks: Marks, *, there: Holding) -> tuple[list[Sighting], dict[str, int]]:
    """Return what is to be told, oldest first, and the marks to keep before that.

    Args:
        ours: what we say.
        marks: what was told.
        there: what the server holds: only that can be seen.
    """
    found: list[Sighting] = []
    kept: dict[str, int] = {}
    for uuid, child in ours.items():
        when = _seconds(child.raw) if child.kind == "attribute" else None
        if when is None:
            continue
        mark = marks.get(uuid)
        kept[uuid] = when if mark is None else max(mark, when)
        if mark is not None and when > mark and uuid in there and not there[uuid].deleted:
            found.append(Sighting(attribute=uuid, when=when))
    found.sort(key=lambda sighting: (sighting.when, sighting.attribute))
    for sighting in found[MOST_SIGHTINGS:]:
        kept[sighting.attribute] = marks[sighting.attribute]
    return found[:MOST_SIGHTINGS], kept


def write_marks(marks: Marks) -> str:
    """Return marks as text."""
    return orjson.dumps(marks, option=orjson.OPT_SORT_KEYS).decode()


def read_marks(text: str | None) -> Marks:
    """Return marks from their text.

    Raises:
        StoreError: it is none.
    """
    try:
        found = {} if text is None else orjson.loads(text)
        return {str(uuid): int(when) for uuid, when in found.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreError(f"the marks of sightings cannot be read: {error}; restore them from a backup") from error


def _seconds(attribute: Mapping[str, Any]) -> int | None:
    try:
        return int(datetime.fromisoformat(str(attribute.get("last_seen"))).timestamp())
    except ValueError:
        return None
