"""The stores of the registry's tests, OpenSSL, and waiting for conditions."""

from __future__ import annotations

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
