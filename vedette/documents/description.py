"""What clients say of a document: names, title, dates and the like, bounded and checked. Pure, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from vedette.canonical import canonical_json, parse_json
from vedette.errors import RefusedError
from vedette.messages.limits import MAX_TEXT

MAX_NAME = 128
"""Characters of a document's name."""

MAX_ENTRIES = 32
"""Things that may be said of one document."""

MAX_DIGEST_LIKE = 40
"""A longer name of hexadecimal digits alone is a digest with a mistake in it, and not a name."""

STUCCO_KEYS: Final[Mapping[str, str]] = {
    "name": "name",
    "extractor": "extractor",
    "title": "title",
    "dc:title": "title",
    "created": "creation-date",
    "dcterms:created": "creation-date",
    "modified": "modification-date",
    "dcterms:modified": "modification-date",
}
"""Parameters that Stucco's document service knows, and what its answers call them; the later one wins."""

NOT_SAID: Final = frozenset({"extract", "token", "reason"})
"""Parameters that are meant for the service: `token` may hold a key and must never be stored."""

_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._~:@-]{{0,{MAX_NAME - 1}}}\Z")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]+\Z")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}\Z")


def is_name(text: str) -> bool:
    """Tell whether a text may name a document, beside its SHA-256.

    A name holds nothing that means something in a path or a URL, and cannot be taken for a digest.
    """
    looks_like_digest = len(text) > MAX_DIGEST_LIKE and _HEXADECIMAL.match(text) is not None
    return _NAME.match(text) is not None and not looks_like_digest


def description_of(pairs: Iterable[tuple[str, str]]) -> str:
    """Return what is said of a document as canonical JSON.

    Raises:
        RefusedError: too many entries, a key that is none, or a value that is too long or not printable.
    """
    said: dict[str, str] = {}
    for key, value in pairs:
        if key in NOT_SAID:
            continue
        if not _KEY.match(key):
            raise RefusedError("query", "a key must be 1 to 64 letters, digits, '_', '.', ':' or '-'")
        if len(value) > MAX_TEXT or not value.isprintable():
            raise RefusedError(key, f"must be at most {MAX_TEXT} printable characters")
        said[key] = value
        if len(said) > MAX_ENTRIES:
            raise RefusedError("query", f"at most {MAX_ENTRIES} things can be said of a document")
    return canonical_json(said).decode()


def read_description(text: str) -> dict[str, str]:
    """Return what `description_of` made a text of."""
    said = parse_json(text)
    return {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {}


def stucco_fields(description: Mapping[str, str]) -> dict[str, str]:
    """Return what is said of a document under the keys of Stucco's answers, then all else as it came."""
    known: dict[str, str] = {}
    for key, field in STUCCO_KEYS.items():
        if key in description:
            known[field] = description[key]
    return known


def other_fields(description: Mapping[str, str]) -> dict[str, str]:
    """Return what is said of a document that Stucco's answers have no field for."""
    return {key: value for key, value in description.items() if key not in STUCCO_KEYS}
