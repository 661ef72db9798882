"""How far an export was brought by a command."""

from __future__ import annotations

from dataclasses import dataclass

from vedette.sharing.request import Export


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """An export, and what came of it."""

    export: Export
    """As it stands now."""
    good: bool = True
    """Whether it is where it was to be, and nothing was refused there."""
