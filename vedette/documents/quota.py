"""How many bytes of documents a key or agent may have stored. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vedette.errors import VedetteError


class QuotaExceededError(VedetteError):
    """A document would take its sender past its quota; nothing was stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quotas:
    """The quotas of a document service; a document counts for who handed it in first."""

    usual: int | None = None
    """Bytes for everybody without one of their own; None: no limit."""
    own: Mapping[str, int] = field(default_factory=dict)
    """Bytes by holder: an agent's JID, or `key NAME`."""

    def of(self, holder: str) -> int | None:
        """Return what a holder may have; None: no limit."""
        return self.own.get(holder, self.usual)

    def check(self, holder: str, *, used: int, more: int) -> None:
        """Check that a new document fits.

        Raises:
            QuotaExceededError: it does not; says how much is used.
        """
        quota = self.of(holder)
        if quota is not None and used + more > quota:
            raise QuotaExceededError(
                f"{holder} has {used} bytes of documents of {quota} that it may have, and this one has {more}; "
                "delete some, or raise its quota"
            )
