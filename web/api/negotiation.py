"""Which of several forms of a thing a client wants: Accept, Accept-Encoding and If-None-Match (RFC 9110). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_ELEMENT = re.compile(r"\s*([^\s;,]+)\s*(?:;([^,]*))?\Z")
_QUALITY = re.compile(r"(?:^|;)\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE)
_MAX_ELEMENTS = 64
_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e]*")')


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A form that a thing can be had in."""

    name: str
    """What we call it."""
    type: str
    """Its media type, lower case, without parameters."""
    only_by_wildcard: bool = False
    """Whether it is not meant by its own type, which another form has, too."""


def choose(accept: str, offers: Sequence[Offer]) -> Offer | None:
    """Return what a client likes best, of equals the first; None where it takes none (RFC 9110, 12.5.1)."""
    ranges = _elements(accept)
    worth = [(_quality(ranges, offer), -place, offer) for place, offer in enumerate(offers)]
    best = max(worth, key=lambda one: one[:2], default=None)
    return best[2] if best is not None and best[0] > 0 else None


def takes_gzip(accept_encoding: str) -> bool:
    """Tell whether a client takes gzip (RFC 9110, 12.5.3)."""
    codings = _elements(accept_encoding)
    named = [quality for coding, quality in codings if coding in ("gzip", "x-gzip")]
    return max(named or [quality for coding, quality in codings if coding == "*"], default=0.0) > 0


def has_tag(if_none_match: str, tag: str) -> bool:
    """Tell whether a client has what a strong entity tag names (RFC 9110, 13.1.2: compared weakly)."""
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)


def essence_of(content_type: str) -> str:
    """Return a media type in lower case without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def _elements(header: str) -> list[tuple[str, float]]:
    """Return the first elements of a list with their qualities; what is not one is passed over."""
    found = []
    for part in header.split(",", _MAX_ELEMENTS)[:_MAX_ELEMENTS]:
        element = _ELEMENT.match(part)
        if element is None:
            continue
        quality = _QUALITY.search(element[2] or "")
        found.append((element[1].lower(), float(quality[1]) if quality is not None else 1.0))
    return found


def _quality(ranges: Sequence[tuple[str, float]], offer: Offer) -> float:
    """Return the quality of the most specific range that an offer is in, 0 where it is in none."""
    patterns = [f"{offer.type.partition('/')[0]}/*", "*/*"]
    if not offer.only_by_wildcard:
        patterns.insert(0, offer.type)
    for pattern in patterns:
        named = [quality for text, quality in ranges if text == pattern]
        if named:
            return max(named)
    return 0.0
