"""What an engine does besides its intake: for which chains, and what of that which is done once for a whole store."""

from __future__ import annotations

from enum import StrEnum

from registry.leases import Held

LOOK_AT_TURN = 5.0
"""Seconds between looks of who waits for its turn at a duty."""


class Duty(StrEnum):
    """Work that is done once for a store, however many engines it has."""

    RENEWAL = "renewal"
    """Renewing evidence records."""
    RETENTION = "retention"
    """Deleting payloads that are old enough."""
    REVOCATION = "revocation"
    """Asking authorities' issuers what they revoked."""


class Duties:
    """What one engine does now; who has no leases does everything, for its own chains."""

    def __init__(self, engine: str, *, leased: bool = False) -> None:
        """Begin; `leased`: do nothing for others, or for the whole store, before `hold` said so."""
        self.engine = engine
        """Bare JID of the engine."""
        self.engines: tuple[str, ...] = (engine,)
        """Engines whose chains it looks after: its own first."""
        self._duties = frozenset[str]() if leased else frozenset(Duty)

    @property
    def adopted(self) -> tuple[str, ...]:
        """The engines that died and whose chains it looks after."""
        return self.engines[1:]

    def has(self, duty: Duty) -> bool:
        """Tell whether this engine is who does it."""
        return duty in self._duties

    def hold(self, held: Held) -> None:
        """Do what is held, and nothing else."""
        self.engines, self._duties = held.engines, held.duties

    def drop(self) -> None:
        """Do nothing any more for others, or for the whole store: the leases cannot be renewed."""
        self.engines, self._duties = (self.engine,), frozenset()
