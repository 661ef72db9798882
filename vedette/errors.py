"""The errors that Vedette raises on purpose; each message says what is wrong and what to do."""

from __future__ import annotations


class VedetteError(Exception):
    """Base of every error that Vedette raises on purpose: safe to show to a user as one line."""


class ConfigurationError(VedetteError):
    """A configuration file cannot be used; names the file, the key and the reason."""

    def __init__(self, place: str, key: str, reason: str) -> None:
        self.place = place
        self.key = key
        self.reason = reason
        super().__init__(f"{place}: {key}: {reason}" if key else f"{place}: {reason}")


class RefusedError(VedetteError):
    """An input from a peer is refused; `field` is where, `reason` is why."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


class UnsupportedVersionError(RefusedError):
    """A message has a major version that this release does not know: answered `not-understood`."""


class ConflictError(RefusedError):
    """The same uuid arrived with another digest: somebody changed what was already committed."""


class SignatureError(RefusedError):
    """A signature does not verify with the enrolled key."""


class ConnectionFailedError(VedetteError):
    """A server cannot be reached or refuses us; the message names the address and the cause."""


class StoreError(VedetteError):
    """The store cannot be opened, migrated or written."""


class EvidenceError(VedetteError):
    """A token, record or bundle is not what it must be; the message names the check that failed."""


class TimestampError(VedetteError):
    """A time-stamping authority did not give a token that verifies; the item stays pending."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        """Seconds after which the authority wants to be asked again, where it says so."""
        super().__init__(message)
