"""What a MISP server answers where it refuses."""

from __future__ import annotations

from vedette.sharing.exporter import ExportError


class MispRefusalError(ExportError):
    """The server refuses a request, and says why."""

    def __init__(self, message: str, *, status: int) -> None:
        self.status = status
        """The HTTP status."""
        super().__init__(message)
