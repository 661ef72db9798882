"""Making items of what was collected: the standard form, with where it is from and how it was got."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from vedette.canonical import sha256_hex
from vedette.clock import MICROSECONDS
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.content import Content
from vedette.collection.memory import Drawn
from vedette.messages.limits import MAX_PAYLOAD, MAX_TEXT
from vedette.sealing.envelope import MARK, new_mark
from vedette.tools.check import ITEM_VERSION

FORMAT = "document"
"""The items' format and type."""

_META_FACTS = ("title", "author", "date", "language", "site")


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a content is from."""

    url: str
    """The URL that was asked for, or the file's path."""
    collected_at: int
    """Microseconds since 1970."""
    location: str = ""
    """Where redirects led to, if they did."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the server said of it."""
    status: int = 0
    """HTTP status; 0: it was no HTTP."""
    sha256: str = ""
    """Of the bytes as they came, hexadecimal."""
    sha1: str = ""
    """Likewise."""
    simhash: int | None = None
    """Of the text as it came."""
    near: str = ""
    """The item that is nearly the same, if there is one."""
    verdict: str = ""
    """`new` or `changed`."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else the collector knows, such as the list that named it."""


def draw(source: SourceConfiguration, content: Content, origin: Origin, *, form: str = FORMAT) -> Drawn:
    """Return the item that a content becomes."""
    sha256 = sha256_hex(content.data)
    inline = len(content.data) <= MAX_PAYLOAD
    payload = {"raw": base64.b64encode(content.data).decode()} if inline else {"document": sha256}
    kind = source.content_type if not source.post_process and source.content_type else content.content_type
    meta: dict[str, Any] = {
        "uuid": str(uuid4()),
        "ts": origin.collected_at // MICROSECONDS,
        "type": form,
        "source": source.routing_key,
        "collected_at": origin.collected_at,
        "target": origin.url,
        "content_type": (kind or source.content_type or "application/octet-stream")[:MAX_TEXT],
        "priority": source.priority,
        "sha256": sha256,
        "size": len(content.data),
        "collector": source.type,
        "source_name": source.source_name,
        "source_uri": source.source_uri,
    }
    if source.sealed:
        meta[MARK] = new_mark()
    optional = _origin_meta(origin, sha256) | _content_meta(source, content) | dict(origin.facts)
    item = {
        "version": ITEM_VERSION,
        "format": form,
        "meta": meta | {key: value for key, value in optional.items() if value not in ("", None, {}, [])},
        "payload": payload,
    }
    return Drawn(item=item, data=None if inline else content.data)


def _origin_meta(origin: Origin, sha256: str) -> dict[str, Any]:
    return {
        "location": origin.location if origin.location != origin.url else "",
        "http_status": origin.status or None,
        "headers": dict(origin.headers),
        "collected_sha256": origin.sha256 if origin.sha256 != sha256 else "",
        "collected_sha1": origin.sha1,
        "simhash": None if origin.simhash is None else f"{origin.simhash:016x}",
        "near_duplicate_of": origin.near,
        "seen": origin.verdict,
    }


def _content_meta(source: SourceConfiguration, content: Content) -> dict[str, Any]:
    facts = {name: content.facts.get(name, "") for name in _META_FACTS}
    return facts | {"charset": content.charset, "part": content.name, "post_process": list(source.post_process)}
