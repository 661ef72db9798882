"""The stores of the registry's tests, OpenSSL, and waiting for conditions."""

from __future__ import annotations

import pytest

from tests.agents.conftest import until
from tests.registry.conftest import (
    clock,
    database,
    sender,
    store_url,
)
from tests.vedette.evidence.conftest import openssl

__all__ = [
    "clock",
    "database",
    "openssl",
    "sender",
    "store_url",
    "until",
]


def without_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stamping go on at once where nothing is due: the test gives the turns."""
    for name in ("timestamp.TICK", "timestamp.IDLE", "timestamp.GATHER", "stamp.TICK", "stamp.LOOK_EVERY"):
        monkeypatch.setattr(f"behaviours.{name}", 0.0001)
