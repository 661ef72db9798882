"""What was found to be wrong with the evidence, and exactly where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is wrong."""

    kind: str
    """What, one word: such as `payload`, `statement`, `gap`, `root`, `token`."""
    place: str
    """Exactly where: engine/epoch, then item, batch or token."""
    text: str
    """What is not as it must be."""
