"""OPML 2.0: lists of feeds as other readers write and read them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from vedette.collection.configuration import SourceConfiguration
from vedette.errors import ConfigurationError

MAX_OPML = 8 * 1024 * 1024
"""Bytes of an OPML file."""

EVERY_HOUR = "0 0 * * * ?"
"""When an imported feed is collected; with `jitter`, so that they do not all start at once."""

_JITTER = 3_000
_NO_WORD = re.compile(r"[^A-Za-z0-9_-]+")


def read_opml(data: bytes, *, place: str) -> list[dict[str, Any]]:
    """Return the feeds of an OPML file as sources, as they stand in a section's `collectors`; each URL once.

    Raises:
        ConfigurationError: it is too large, no OPML, has entities, or lists no feed.
    """
    if len(data) > MAX_OPML:
        raise ConfigurationError(place, "", f"is larger than {MAX_OPML} bytes; is it OPML?")
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise ConfigurationError(place, "", f"is not OPML: {error}") from error
    if root.tag != "opml":
        raise ConfigurationError(place, "", f"is not OPML: it begins with <{root.tag[:60]}>")
    feeds = {url: outline for outline in root.iter("outline") if (url := (outline.get("xmlUrl") or "").strip())}
    if not feeds:
        raise ConfigurationError(place, "", "lists no feed: no outline has an xmlUrl")
    return [_source(url, outline) for url, outline in feeds.items()]


def write_opml(sources: Iterable[SourceConfiguration], *, title: str) -> bytes:
    """Return the feeds among sources as OPML."""
    root = Element("opml", version="2.0")
    SubElement(SubElement(root, "head"), "title").text = title
    body = SubElement(root, "body")
    for source in sources:
        if source.type == "RSS":
            SubElement(body, "outline", type="rss", text=source.source_name, xmlUrl=source.source_uri)
    indent(root)
    made: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return made + b"\n"


def _source(url: str, outline: Element) -> dict[str, Any]:
    said = outline.get("title") or outline.get("text") or urlsplit(url).hostname or "feed"
    return {
        "type": "RSS",
        "source-name": _NO_WORD.sub("-", said).strip("-_")[:100] or "feed",
        "source-URI": url,
        "data-type": "unstructured",
        "cron": EVERY_HOUR,
        "jitter": _JITTER,
        "now-collect": "new",
    }
