"""What destinations are connected with in tests: a memory, settings as a file has them, a port without server."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vedette.clock import ManualClock
from vedette.sharing.exporter import Destination, Exporter, Outfit


@dataclass
class KeptMemory:
    """A memory as the store has it, which can be told to fail."""

    values: dict[str, str] = field(default_factory=dict)
    fails: Exception | None = None

    async def recall(self, keys: Sequence[str]) -> Mapping[str, str]:
        return {key: self.values[key] for key in keys if key in self.values}

    async def remember(self, values: Mapping[str, str | None]) -> None:
        if self.fails is not None:
            raise self.fails
        for key, value in values.items():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value


def connect(
    exporter: Exporter,
    folder: Path,
    *,
    memory: KeptMemory | None = None,
    clock: ManualClock | None = None,
    **settings: Any,
) -> Destination:
    """A destination called `there` with these settings."""
    outfit = Outfit(
        clock=clock or ManualClock(),
        name="there",
        settings=settings,
        folder=folder,
        memory=memory or KeptMemory(),
    )
    return exporter.connect(outfit)


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that nobody listens at, and nobody else gets meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
