"""What post-processing takes and gives: bytes with what is known of them, within limits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from vedette.errors import VedetteError

MAX_FACTS = 32
"""Facts about one content."""

MAX_FACT = 1_000
"""Characters of one fact."""


class ProcessingError(VedetteError):
    """Bytes could not be processed: damaged, not what they should be, or past a limit; the message says which."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """Bytes of one thing, and what is known of them."""

    data: bytes
    """The bytes."""
    content_type: str = ""
    """MIME type without parameters; empty where it is unknown."""
    charset: str = ""
    """Encoding that was declared for them; empty: none."""
    name: str = ""
    """Name within an archive, for people: never a path that is written to."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What was found out, such as `title`, `author`, `date`, `language`."""

    def with_facts(self, facts: Mapping[str, str | None], **changes: object) -> Content:
        """Return this with more facts, empty ones left out and long ones cut, and other fields changed."""
        clean = {key: " ".join(value.split())[:MAX_FACT] for key, value in facts.items() if value and value.strip()}
        merged = dict([*self.facts.items(), *clean.items()][:MAX_FACTS])
        return replace(self, facts=merged, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessingLimits:
    """How far bytes may grow while they are processed."""

    max_bytes: int = 256 * 1024 * 1024
    """Bytes of all that comes out together."""
    ratio: int = 200
    """How many times as much as went in may come out; small things may grow to `free`."""
    free: int = 4 * 1024 * 1024
    """Bytes that may come out whatever the ratio."""
    entries: int = 10_000
    """Entries of an archive."""
    depth: int = 3
    """Archives and encodings within each other."""
    seconds: float = 30.0
    """For one content, all steps together."""


class Budget:
    """What is left of the limits while one content is processed; every part that comes out is counted."""

    def __init__(self, limits: ProcessingLimits, *, size: int) -> None:
        self.limits = limits
        self._room = min(limits.max_bytes, max(limits.free, size * limits.ratio))
        self._entries = limits.entries
        self._until = time.monotonic() + limits.seconds

    def take(self, size: int) -> None:
        """Count bytes that came out.

        Raises:
            ProcessingError: they are too many, or it takes too long.
        """
        self._room -= size
        if self._room < 0:
            raise ProcessingError(
                f"unpacks to more than {self.limits.max_bytes} bytes or {self.limits.ratio} times its size: a bomb"
            )
        if time.monotonic() > self._until:
            raise ProcessingError(f"takes longer than {self.limits.seconds:g} s")

    def enter(self) -> None:
        """Count an entry of an archive.

        Raises:
            ProcessingError: there are too many.
        """
        self._entries -= 1
        if self._entries < 0:
            raise ProcessingError(f"has more than {self.limits.entries} entries")
