"""Which items the intake takes, and what it notes about them: pure rules, no I/O.

1. An item speaks for its sender only.
2. What one of the two databases cannot keep is refused on both, before it spoils a group commit.
3. A wrong clock is noted, never refused: refusing loses evidence.
"""

from __future__ import annotations

from typing import Any

from vedette.canonical import canonical_json
from vedette.clock import MICROSECONDS
from vedette.errors import RefusedError
from vedette.messages.item import DOCUMENT_FIELD, ReceivedItem

MAX_INDEXED = 512
"""Characters of an indexed text: PostgreSQL's B-tree takes 2,704 bytes an entry."""

MAX_SKEW = 86_400 * MICROSECONDS
"""Microseconds that an agent's clock may differ from the engine's before the item is marked."""

URGENT_PRIORITY = 5
"""`meta.priority` from which on an item is urgent: its batch is closed at once."""

_EARLIEST = 946_684_800
"""2000-01-01 in seconds: before, a clock was never set."""

_LATEST = 4_102_444_800
"""2100-01-01 in seconds."""

_ITEM_FIELDS = frozenset({"version", "format", "meta", "payload"})
_PAYLOAD_FIELDS = frozenset({"raw", "document"})


def check_admission(item: ReceivedItem, *, sender: str, document_size: int | None = None) -> None:
    """Check that the intake takes the item from this sender.

    Args:
        item: what came.
        sender: bare JID.
        document_size: bytes of the document that it refers to; None: there is no such document.

    Raises:
        RefusedError: it does not; names the field and the reason.
    """
    meta = item.item.meta
    if meta.agent is not None and meta.agent != sender:
        raise RefusedError("meta.agent", f"is {meta.agent!r}, but it was sent by {sender!r}")
    if item.payload is None:
        _check_document(item, document_size)
    _check_text("version", item.item.version)
    _check_text("format", item.item.format)
    _check_text("meta.type", meta.type, limit=MAX_INDEXED)
    _check_text("meta.check", check_of(item), limit=MAX_INDEXED)
    _check_text("meta.target", meta.target)
    _check_text("meta.source", meta.source)
    _check_text("meta.verdict", meta.verdict)


def _check_document(item: ReceivedItem, size: int | None) -> None:
    if size is None:
        document = item.item.payload.document
        # The sender knows this field as the sign to upload again.
        reason = f"document {document} is not known here; upload it to the document service, then send the item again"
        raise RefusedError(DOCUMENT_FIELD, reason)
    if item.item.meta.size not in (None, size):
        raise RefusedError("meta.size", f"says {item.item.meta.size}, but the document has {size} bytes")


def _check_text(field: str, text: str | None, *, limit: int | None = None) -> None:
    if text is None:
        return
    if "\0" in text:
        raise RefusedError(field, "holds a NUL character, which the store cannot keep")
    if limit is not None and len(text) > limit:
        raise RefusedError(field, f"is {len(text)} characters; the limit is {limit}")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise RefusedError(field, "holds a lone surrogate, which is not text") from error


def check_of(item: ReceivedItem) -> str | None:
    """Return `meta.check`, the name of the configured check, where it is a text."""
    check = item.data["meta"].get("check")
    return check if isinstance(check, str) else None


def is_urgent(item: ReceivedItem) -> bool:
    """Tell whether an item must be time-stamped at once: its priority says so, or `meta.urgent` is true."""
    priority = item.item.meta.priority
    return (priority is not None and priority >= URGENT_PRIORITY) or item.data["meta"].get("urgent") is True


def extra_of(item: ReceivedItem) -> bytes | None:
    """Return JSON of the unknown fields outside `meta`; None where there are none.

    Raises:
        RefusedError: they are not JSON values.
    """
    data, payload = item.data, item.data["payload"]
    if len(data) == len(_ITEM_FIELDS) and len(payload) == 1:
        return None
    extra: dict[str, dict[str, Any]] = {
        "item": {name: value for name, value in data.items() if name not in _ITEM_FIELDS},
        "payload": {name: value for name, value in payload.items() if name not in _PAYLOAD_FIELDS},
    }
    return canonical_json(extra) if extra["item"] or extra["payload"] else None


def is_skewed(*, ts: int, collected_at: int | None, received_at: int) -> bool:
    """Tell whether the agent's clock is wrong: `ts` in seconds, the others in microseconds."""
    if not _EARLIEST <= ts < _LATEST:
        return True
    observed = collected_at if collected_at is not None else ts * MICROSECONDS
    return abs(observed - received_at) > MAX_SKEW
