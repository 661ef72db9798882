"""Reading feeds from their bytes: RSS, Atom and RDF with feedparser, JSON Feed 1.1 by itself."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

import feedparser  # type: ignore[import-untyped]

from vedette.canonical import parse_json
from vedette.collection.content import ProcessingError
from vedette.errors import RefusedError

MAX_FEED = 32 * 1024 * 1024
"""Bytes of a feed."""

MAX_ENTRIES = 20_000
"""Entries of a feed."""

_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)
_TEXT = 1_000
_URL = 2_048


def read_feed(data: bytes, *, content_type: str = "") -> dict[str, Any]:
    """Return a feed as `{"title", "language", "entries": [{"url", "title", "author", "date", "id"}]}`.

    An entry without a link is left out and counted in `unlinked`; a malformed feed gives what can be read of it.

    Raises:
        ProcessingError: it is too large, declares entities, or is no feed at all.
    """
    if len(data) > MAX_FEED:
        raise ProcessingError(f"has {len(data)} bytes; feeds up to {MAX_FEED} are read")
    # Billion laughs and XXE begin here; no feed needs it. Nulls away: the same in UTF-16.
    if _ENTITY.search(data[: 64 * 1024].replace(b"\0", b"")):
        raise ProcessingError("declares entities, which no feed needs")
    if data.lstrip()[:1] == b"{":
        return _json_feed(data)
    # As a file: a text could be a URL, which feedparser would open.
    headers = {"content-type": content_type} if content_type else {}
    found = feedparser.parse(
        io.BytesIO(data), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    if not found.entries and not found.get("version"):
        cause = found.get("bozo_exception")
        raise ProcessingError(f"is no feed{f': {cause}' if cause else ''}"[:_TEXT])
    entries = [_entry(entry) for entry in found.entries[:MAX_ENTRIES]]
    return _feed(found.feed.get("title"), found.feed.get("language"), entries)


def _feed(title: Any, language: Any, entries: list[dict[str, str]]) -> dict[str, Any]:
    linked = [entry for entry in entries if entry["url"]]
    # One entry an address: feeds repeat themselves.
    once = {entry["url"]: entry for entry in reversed(linked)}
    return {
        "title": _text(title),
        "language": _text(language),
        "entries": list(reversed(once.values())),
        "unlinked": len(entries) - len(linked),
    }


def _entry(entry: Mapping[str, Any]) -> dict[str, str]:
    url = entry.get("link") or next(
        (link.get("href") for link in entry.get("links", []) if link.get("rel") in ("alternate", "enclosure")), ""
    )
    identifier = str(entry.get("id") or "")
    if not url and identifier.startswith(("http://", "https://")):
        url = identifier
    return {
        "url": str(url or "").strip()[:_URL],
        "title": _text(entry.get("title")),
        "author": _text(entry.get("author")),
        "date": _text(entry.get("published") or entry.get("updated")),
        "id": identifier[:_URL],
    }


def _json_feed(data: bytes) -> dict[str, Any]:
    try:
        value = parse_json(data.lstrip())
    except RefusedError as error:
        raise ProcessingError(f"is no JSON Feed: {error.reason}") from error
    if not isinstance(value, dict) or not str(value.get("version", "")).startswith("https://jsonfeed.org/version/"):
        raise ProcessingError("is JSON, but no JSON Feed")
    items = value.get("items")
    if not isinstance(items, list):
        raise ProcessingError("is a JSON Feed without items")
    entries = [_json_entry(item) for item in items[:MAX_ENTRIES] if isinstance(item, dict)]
    return _feed(value.get("title"), value.get("language"), entries)


def _json_entry(item: dict[str, Any]) -> dict[str, str]:
    authors = item.get("authors")
    first = authors[0] if isinstance(authors, list) and authors and isinstance(authors[0], dict) else {}
    identifier = str(item.get("id") or "")
    url = item.get("url") or item.get("external_url") or (identifier if identifier.startswith("http") else "")
    return {
        "url": str(url).strip()[:_URL],
        "title": _text(item.get("title")),
        "author": _text(first.get("name")),
        "date": _text(item.get("date_published") or item.get("date_modified")),
        "id": identifier[:_URL],
    }


def _text(value: Any) -> str:
    return " ".join(str(value or "").split())[:_TEXT]
