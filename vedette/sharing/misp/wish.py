"""What is to be on a server of one event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vedette.sharing.investigation import Withheld
from vedette.sharing.misp.holding import Child
from vedette.sharing.misp.server import Event


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be on the server."""

    event: Event
    """Ours, as MISP's JSON; without what only a server decides."""
    made_here: Callable[[Child], bool]
    publish: bool
    sightings: bool
    source: str
    """Of sightings: who saw it."""
    withheld: Sequence[Withheld] = ()
    """What was left out before."""
    notes: Sequence[str] = ()
