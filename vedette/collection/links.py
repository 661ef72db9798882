"""Finding addresses in a page: by regular expression or by CSS selector."""

from __future__ import annotations

import html
from collections.abc import Iterable
from urllib.parse import urldefrag, urljoin

import lxml.cssselect  # type: ignore[import-untyped]

from vedette.collection.page_tree import parse_page
from vedette.collection.patterns import Pattern

MAX_LINKS = 100_000
"""Addresses of one page."""


def links_of(text: str, *, base: str, regex: str | None, css: str | None) -> list[str]:
    """Return the absolute http and https URLs that a page names, in its order, each once and without fragment.

    Raises:
        ProcessingError: it is too large, or no page.
        ValueError: the pattern or selector is wrong.
    """
    found: list[str] = []
    if regex:
        # In a page's source an ampersand is written &amp;.
        found += [html.unescape(link) for link in Pattern.read(regex).found(text, limit=MAX_LINKS)]
    if css:
        found += _selected(text, css)
    return list(dict.fromkeys(filter(None, (absolute(base, link) for link in found))))


def absolute(base: str, link: str) -> str:
    """Return where a link of a page leads to; empty where that is no http or https URL."""
    try:
        url = urldefrag(urljoin(base, link.strip())).url
    except ValueError:
        return ""
    return url if url.startswith(("http://", "https://")) else ""


def _selected(text: str, css: str) -> Iterable[str]:
    select = lxml.cssselect.CSSSelector(css, translator="html")
    for element in select(parse_page(text))[:MAX_LINKS]:
        # A selector may name what surrounds the link.
        inner = element if element.get("href") or element.get("src") else element.find(".//a[@href]")
        if inner is not None:
            yield str(inner.get("href") or inner.get("src"))
