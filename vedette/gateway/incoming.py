"""From Stucco's queue message to an item: what becomes of each property, and what is refused. No I/O.

The form is Stucco's: routing key `stucco.in.<structured|unstructured>.<source>[.<data-name>]`, the properties
`timestamp`, `content_type`, `content_encoding` and `priority`, and the header `HasContent`, boolean or text: whether
the body is the content itself, or the id of a document at the document service.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

import orjson

from vedette.canonical import MAX_SAFE_INTEGER, sha256, sha256_hex
from vedette.clock import MICROSECONDS
from vedette.collection.drawing import FORMAT
from vedette.collection.memory import Drawn
from vedette.errors import RefusedError
from vedette.gateway.message import MALFORMED, BrokerMessage, fingerprint
from vedette.messages.item import ReceivedItem
from vedette.messages.limits import MAX_PAYLOAD, MAX_TEXT
from vedette.routing import parse_key
from vedette.sealing.envelope import MARK, new_mark
from vedette.signing import SigningKey
from vedette.tools.check import ITEM_VERSION

NAMESPACE: Final = UUID("9d5fc4a7-6b0e-5a55-9c35-4f4d5e6b2a11")
"""Namespace of the uuids of messages (RFC 9562, 5.5)."""

MAX_HEADERS: Final = 8 * 1024
"""Bytes of headers, as JSON, that are kept with an item."""

MAX_DOCUMENT_ID: Final = 512
"""Bytes of a document's id."""

_HAS_CONTENT: Final = frozenset({"hascontent", "contentincl"})
_TRUE: Final = frozenset({"true", "1", "yes"})
_FALSE: Final = frozenset({"false", "0", "no"})
_DIGEST: Final = 64
_SEALED: Final = b"vedette-message/1:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A message that can become an item."""

    fingerprint: bytes
    """Of the message."""
    identified: bool
    """Whether its producer gave it an id."""
    redelivered: bool
    """Whether it was delivered before, as far as the broker knows."""
    at: int
    """Microseconds since 1970: when the gateway took it; no two have the same."""
    drawn: Drawn
    """The item, should it be a new one."""

    @property
    def uuid(self) -> str:
        """The item's uuid."""
        return str(self.drawn.item["meta"]["uuid"])


def has_content(headers: Mapping[str, Any]) -> bool:
    """Tell whether a message has its content with it; without the header it has.

    Raises:
        RefusedError: the header is neither a boolean nor a text that means one.
    """
    for name, value in headers.items():
        if name.lower() not in _HAS_CONTENT:
            continue
        text = str(value, "utf-8", "replace") if isinstance(value, bytes | bytearray) else str(value)
        word = text.strip().lower()
        if word not in _TRUE | _FALSE:
            raise RefusedError(name[:64], f"is {text[:64]!r}; say true or false")
        return word in _TRUE
    return True


def document_id(message: BrokerMessage) -> str:
    """Return the id in the body of a message without content.

    Raises:
        RefusedError: there is none.
    """
    text = message.body[: MAX_DOCUMENT_ID + 1].decode("utf-8", "replace").strip()
    if not text or len(message.body) > MAX_DOCUMENT_ID or not text.isprintable() or "\ufffd" in text:
        raise RefusedError("body", "HasContent is false, but the body is not the id of a document")
    return text


def is_digest(text: str) -> bool:
    """Tell whether an id is a SHA-256, as the document service's own are."""
    return len(text) == _DIGEST and not text.strip("0123456789abcdef")


def take(
    message: BrokerMessage, *, at: int, limit: int, document: str = "", sealing: SigningKey | None = None
) -> Taken:
    """Return what a message becomes.

    Args:
        message: the delivery.
        at: microseconds since 1970, now; no two messages may have the same.
        limit: bytes that a body may have.
        document: SHA-256 of the document that it names, where it has no content.
        sealing: the gateway's key, where the item travels sealed: its uuid, which is seen on the way, is then made of
            a signature that nobody else can make, and not of the content, which could be guessed by it.

    Raises:
        RefusedError: names the property and the reason.
    """
    if MALFORMED in message.headers:
        raise RefusedError("properties", str(message.headers[MALFORMED])[:500])
    if len(message.body) > limit:
        raise RefusedError("body", f"is {len(message.body)} bytes; this gateway takes {limit}")
    if "\ufffd" in message.routing_key:
        raise RefusedError("routing_key", "is not UTF-8")
    try:
        parse_key(message.routing_key)
    except RefusedError as error:
        raise RefusedError("routing_key", error.reason) from error
    named = fingerprint(message)
    told = named if sealing is None else sha256(sealing.sign(_SEALED + named))
    name = told.hex() if message.identified else f"{told.hex()}:{at}"
    drawn = _draw(message, uuid=str(uuid5(NAMESPACE, name)), at=at, document=document)
    if sealing is not None:
        drawn.item["meta"][MARK] = new_mark()
    # What the engine would refuse in any case is told to the broker, and not tried five times.
    ReceivedItem(drawn.item)
    return Taken(
        fingerprint=named, identified=message.identified, redelivered=message.redelivered, at=at, drawn=drawn
    )


def _draw(message: BrokerMessage, *, uuid: str, at: int, document: str) -> Drawn:
    seconds = message.timestamp if message.timestamp is not None else at // MICROSECONDS
    if not 0 <= seconds <= MAX_SAFE_INTEGER // MICROSECONDS:
        raise RefusedError("timestamp", f"{seconds} is out of range")
    digest = document or sha256_hex(message.body)
    inline = not document and len(message.body) <= MAX_PAYLOAD
    meta = {
        "uuid": uuid,
        "ts": seconds,
        "type": FORMAT,
        "source": message.routing_key,
        "collected_at": at if message.timestamp is None else seconds * MICROSECONDS,
        "content_type": _said(message, "contenttype", message.content_type) or "application/octet-stream",
        "content_encoding": _said(message, "contentencoding", message.content_encoding),
        "priority": message.priority if message.priority is not None else _priority(message.headers),
        "sha256": digest,
        "size": None if document else len(message.body),
        "taken_at": at,
        "amqp": _kept(message),
    }
    return Drawn(
        item={
            "version": ITEM_VERSION,
            "format": FORMAT,
            "meta": {key: value for key, value in meta.items() if value not in ("", None)},
            "payload": {"raw": base64.b64encode(message.body).decode()} if inline else {"document": digest},
        },
        data=None if inline or document else message.body,
    )


def _said(message: BrokerMessage, header: str, value: str) -> str:
    """Return a property, or the header that says it instead, as some collectors write it."""
    if not value:
        found = next((said for name, said in message.headers.items() if name.lower() == header), "")
        value = found if isinstance(found, str) else ""
    return value[:MAX_TEXT]


def _priority(headers: Mapping[str, Any]) -> int | None:
    found = next((value for name, value in headers.items() if name.lower() == "priority"), None)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 10:
        return int(found)
    good = isinstance(found, int) and not isinstance(found, bool) and abs(found) <= MAX_SAFE_INTEGER
    return int(found) if found is not None and good else None


def _kept(message: BrokerMessage) -> dict[str, Any]:
    """Return what else the message said, bounded; that it is there tells that the item came from a broker."""
    headers = {
        name: value
        for name, value in message.headers.items()
        if isinstance(value, str | bool) or (isinstance(value, int) and abs(value) <= MAX_SAFE_INTEGER)
    }
    kept = {
        "exchange": message.exchange,
        "message_id": message.message_id,
        "app_id": message.app_id,
        "type": message.kind,
        "headers": headers if len(orjson.dumps(headers)) <= MAX_HEADERS else {},
    }
    left_out = len(message.headers) - len(kept["headers"])
    return {key: value for key, value in kept.items() if value} | ({"headers_left_out": left_out} if left_out else {})
