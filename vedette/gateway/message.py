"""A broker's message as the gateway sees it, and its fingerprint: which deliveries are the same message. No I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MALFORMED = "x-vedette-malformed"
"""Header that stands for properties which cannot be decoded; its value says why."""

_OF_THE_BROKER = "x-"
"""Prefix of headers that brokers write, such as `x-delivery-count`: they differ from delivery to delivery."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerMessage:
    """One delivery. Properties that are not there are empty or None (AMQP 0-9-1, 1.8.2.1)."""

    exchange: str
    """Where it was published."""
    routing_key: str
    """With which key."""
    body: bytes
    """Its content, as it came."""
    redelivered: bool = False
    """Whether the broker gave it to somebody before, as far as it knows (AMQP 0-9-1, 1.8.3.13)."""
    headers: Mapping[str, Any] = field(default_factory=dict)
    """The headers table."""
    content_type: str = ""
    """MIME type."""
    content_encoding: str = ""
    """Encoding, such as gzip."""
    priority: int | None = None
    """0 to 9 by the specification; up to 255 on the wire."""
    timestamp: int | None = None
    """Seconds since 1970, by the producer's clock."""
    message_id: str = ""
    """What the producer calls it."""
    kind: str = ""
    """The property `type`."""
    app_id: str = ""
    """Which program made it."""

    @property
    def identified(self) -> bool:
        """Whether its producer gave it an id: then the same message, published again, is the same."""
        return bool(self.message_id)


def fingerprint(message: BrokerMessage) -> bytes:
    """Return SHA-256 over all that the producer said: key, properties, headers and body; 32 bytes.

    What tells one delivery from another (the flag `redelivered`, headers of the broker) is not in it.
    """
    said = {
        "exchange": message.exchange,
        "routing_key": message.routing_key,
        "headers": {name: value for name, value in message.headers.items() if not name.startswith(_OF_THE_BROKER)},
        "content_type": message.content_type,
        "content_encoding": message.content_encoding,
        "priority": message.priority,
        "timestamp": message.timestamp,
        "message_id": message.message_id,
        "kind": message.kind,
        "app_id": message.app_id,
        "body": hashlib.sha256(message.body).hexdigest(),
    }
    # Not canonical JSON: that refuses much of what a header may hold.
    return hashlib.sha256(json.dumps(said, default=_plain, sort_keys=True).encode()).digest()


def _plain(value: object) -> str:
    """Return a text for what JSON does not have: bytes, decimals, times."""
    return value.hex() if isinstance(value, bytes | bytearray) else f"{type(value).__name__} {value}"


def seconds_of(value: datetime | None) -> int | None:
    """Return whole seconds since 1970."""
    return None if value is None else int(value.timestamp())
