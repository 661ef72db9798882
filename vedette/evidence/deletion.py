"""What a tombstone says of a payload that was deleted: the operator's word, which no time-stamp covers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from vedette.clock import to_datetime
from vedette.errors import EvidenceError


@dataclass(frozen=True, kw_only=True, slots=True)
class Deletion:
    """When, why and by whom a payload was deleted."""

    at: int
    """Microseconds since 1970, by the operator's clock."""
    by: str
    """Who did it."""
    reason: str
    """Why."""
    policy: str = ""
    """Name of the retention policy that said so; empty where a person did."""

    @property
    def text(self) -> str:
        """The deletion in one sentence, for people."""
        try:
            moment = f"{to_datetime(self.at):%Y-%m-%d %H:%M:%S} UTC"
        except (OverflowError, ValueError, OSError):
            moment = f"{self.at} microseconds after 1970"
        policy = f", policy {self.policy}" if self.policy else ""
        return f"deleted {moment} by {self.by}{policy}: {self.reason}"

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return asdict(self)


def read_deletion(value: Any) -> Deletion:
    """Return the deletion that a JSON value describes.

    Raises:
        EvidenceError: it describes none.
    """
    kinds = {"at": int, "by": str, "reason": str, "policy": str}
    if not isinstance(value, dict) or {key: type(item) for key, item in value.items()} != kinds:
        raise EvidenceError("deleted: is not what a tombstone says: at, by, reason and policy")
    return Deletion(**value)
