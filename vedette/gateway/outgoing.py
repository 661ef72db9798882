"""From an item or a finding to a message for other people's consumers. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vedette.canonical import canonical_json
from vedette.clock import MICROSECONDS
from vedette.gateway.message import BrokerMessage
from vedette.messages.queue import QueuedItem

MAX_KEY: Final = 255
"""Bytes of a routing key: AMQP's short string (AMQP 0-9-1, 4.2.5.3)."""

ITEM_KEY: Final = "vedette.item"
"""Routing key of items without one of their own, or with one that AMQP cannot carry."""

FINDING_KEY: Final = "vedette.finding"
"""First words of the routing key of findings; their kind and severity follow."""

DEAD_KEY: Final = "vedette.dead"
"""Routing key of dead letters whose own AMQP cannot carry."""

JSON: Final = "application/json"

_OURS: Final = ("x-vedette-reason", "x-vedette-field", "x-vedette-exchange")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """A message as it is published, persistent."""

    routing_key: str
    """Who gets it is decided by it."""
    body: bytes
    """Its content."""
    message_id: str
    """The same each time that the same thing is published."""
    timestamp: int | None
    """Seconds since 1970."""
    kind: str = ""
    """The property `type`: `item`, `finding`, or empty."""
    content_type: str = JSON
    """MIME type of the body."""
    content_encoding: str = ""
    """Its encoding."""
    priority: int | None = None
    """Its priority, 0 to 255."""
    headers: Mapping[str, Any] = field(default_factory=dict)
    """Headers."""


def comes_from_a_broker(item: QueuedItem) -> bool:
    """Tell whether a gateway took an item from a broker."""
    return "amqp" in item.item.data["meta"]


def item_message(queued: QueuedItem) -> Outgoing:
    """Return the message for an item: the body is the whole item as JSON; `message-id` is its uuid."""
    meta = queued.item.item.meta
    priority = meta.priority
    return Outgoing(
        routing_key=_key(meta.source),
        body=canonical_json(queued.item.data),
        message_id=queued.uuid,
        timestamp=max(0, meta.ts),
        kind="item",
        priority=priority if priority is not None and 0 <= priority <= 255 else None,
        headers={
            "HasContent": queued.item.payload is not None,
            "x-vedette-agent": meta.agent or "",
            "x-vedette-received-at": queued.received_at,
            "x-vedette-sha256": queued.item.payload_sha256,
        },
    )


def finding_message(finding: Mapping[str, Any]) -> Outgoing:
    """Return the message for a finding, as `/v1/findings` shows it; `message-id` is `finding-` and its number."""
    kind = str(finding.get("kind", "")).replace(" ", "-") or "unknown"
    return Outgoing(
        routing_key=f"{FINDING_KEY}.{kind}.{finding.get('severity', 'info')}",
        body=canonical_json(dict(finding)),
        message_id=f"finding-{finding['id']}",
        timestamp=int(finding.get("found_at", 0)) // MICROSECONDS,
        kind="finding",
    )


def _key(source: str | None) -> str:
    return source if source and len(source.encode()) <= MAX_KEY else ITEM_KEY


def dead_message(message: BrokerMessage, *, field: str, reason: str) -> Outgoing:
    """Return the message for the dead-letter exchange: the same content and key, and why it was not taken."""
    kept = {name: value for name, value in message.headers.items() if name not in _OURS and _is_plain(value)}
    return Outgoing(
        # A key with what is not UTF-8 may have become longer than a key can be.
        routing_key=message.routing_key if len(message.routing_key.encode()) <= MAX_KEY else DEAD_KEY,
        body=message.body,
        message_id=message.message_id,
        timestamp=message.timestamp if message.timestamp is not None and message.timestamp >= 0 else None,
        kind=message.kind,
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        priority=message.priority,
        headers=kept | dict(zip(_OURS, (reason[:1000], field[:200], message.exchange), strict=True)),
    )


def _is_plain(value: object) -> bool:
    return isinstance(value, str | bool) or (isinstance(value, int) and abs(value) < 1 << 63)
