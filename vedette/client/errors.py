"""What the hub's API says no with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from vedette.errors import VedetteError

ADVICE: Mapping[int, str] = MappingProxyType(
    {
        401: "check the API key: it is unknown, expired or revoked",
        403: "take a key whose scopes allow it",
        413: "send less",
        429: "try again in a few seconds",
        503: "try again in a few seconds; if it stays so, look at the hub's log",
        507: "make room on the hub's disk, or raise the quota",
    }
)
"""What to do, where the status alone says it."""


class ApiError(VedetteError):
    """The hub answered with a refusal (RFC 9457); `status` and `detail` are its own, `advice` is what to do."""

    def __init__(self, *, status: int, detail: str) -> None:
        self.status = status
        """HTTP status code."""
        self.detail = detail
        """What is wrong, in the hub's words."""
        self.advice = ADVICE.get(status, "")
        """What to do, where the status alone says it; else empty."""
        super().__init__(f"the hub answered {status}: {detail}" + (f"; {self.advice}" if self.advice else ""))


class UnexpectedAnswerError(VedetteError):
    """What answered is no hub of a release that this client knows, or its answer arrived damaged."""
