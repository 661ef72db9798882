"""What a pattern found."""

from __future__ import annotations

from dataclasses import dataclass

from vedette.extraction.prose.labels import Label


@dataclass(frozen=True, slots=True)
class Found:
    """An indicator and where it stands."""

    start: int
    """Its first character (Unicode code points)."""
    end: int
    """The one behind its last."""
    label: Label
    value: str
    """The canonical form: no longer defanged, and as the graph compares it, where it has a form for its kind."""
