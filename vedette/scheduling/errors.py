"""What is wrong with a schedule that somebody wrote."""

from __future__ import annotations

from vedette.errors import RefusedError


class TimetableError(RefusedError):
    """An expression or a time zone cannot be used; `field` is which part of it, `reason` is why."""
