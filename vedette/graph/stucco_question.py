"""What Stucco's clients ask its query service: a search as JSON, a page, and a vertex by its path text. Pure, no I/O.

The forms are those of Stucco's `graph-db-connection-service` and of its user interface.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import orjson

from vedette.errors import RefusedError
from vedette.extraction.subgraph import MAX_NAME, MAX_TEXT
from vedette.graph.port import MAX_PAGE, VertexFilter

MAX_QUESTION = 16 * 1024
"""Characters of a search."""

MAX_OFFSET = 100_000
"""Rows that are passed over at most: who wants more goes on by key, with `/v1/graph`."""

PAGE_SIZE = 20
"""Results in a page where the client does not say: as Stucco's user interface has it."""

DAY: Final = 86_400_000_000
"""Microseconds."""

TEXT: Final = "text"
"""Key of a search for words in names, aliases and descriptions; Stucco had none."""

DAYS: Final = "days"
"""Key of a count: only what was seen in so many days."""

_CONTAINS: Final = frozenset({"description", "sourceDocument"})
_PAGING: Final = frozenset({"page", "pageSize"})
_FIELDS: Final = {"vertexType": "type", "observableType": "observable_type", "name": "name"}
_NUMBER: Final = re.compile(r"[0-9]{1,9}\Z")
_PROPERTY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,99}\Z")
_PARTS: Final = ("vertexType", "observableType", "name", "id")


@dataclass(frozen=True, kw_only=True, slots=True)
class PageWanted:
    """Which page of the results."""

    number: int = 0
    """The first is 0."""
    size: int = PAGE_SIZE
    """Results in one."""

    @property
    def offset(self) -> int:
        """How many results are before it."""
        return self.number * self.size


@dataclass(frozen=True, kw_only=True, slots=True)
class StuccoSearch:
    """A search, and which page of what it finds."""

    wanted: VertexFilter
    """Which vertices."""
    page: PageWanted
    """Which page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VertexReference:
    """A vertex as a path names it: by its id, or by its type and name, or by all of them."""

    id: str = ""
    type: str = ""
    observable_type: str = ""
    name: str = ""


def search_of(text: str, *, page: str = "", size: str = "", now: int = 0) -> StuccoSearch:
    """Return the search that `q` is; `page` and `pageSize` may stand in it or beside it, as number or text.

    Args:
        text: JSON of property -> text, or a list of texts that must all be there.
        page: number of the page, where it stands beside `q`.
        size: its size, where that does.
        now: the time, UTC, microseconds; `days` counts back from it.

    Raises:
        RefusedError: it is not such a search; names the key.
    """
    asked = _object(text)
    wanted = PageWanted(
        number=_number(asked.get("page", page), "page", default=0, most=MAX_OFFSET),
        size=_number(asked.get("pageSize", size), "pageSize", default=PAGE_SIZE, least=1, most=MAX_PAGE),
    )
    if wanted.offset > MAX_OFFSET:
        raise RefusedError("page", f"passes over more than {MAX_OFFSET} results; ask /v1/graph, which goes on by key")
    return StuccoSearch(wanted=_filter(asked, now), page=wanted)


def reference_of(raw: str) -> VertexReference:
    """Return the vertex that the end of a path names: an id, or `vertexType=…&name=…&id=…`.

    Args:
        raw: that part of the path as it was sent, percent-encoding and all: an encoded `&` belongs to a name.

    Raises:
        RefusedError: it names none.
    """
    found: dict[str, str] = {}
    if "=" in raw:
        _split(raw, found, decode=True)
    else:
        # A client that encodes the text as a whole, as Stucco's does.
        _split(unquote(raw), found, decode=False)
    if not found:
        found["id"] = unquote(raw)
    reference = VertexReference(
        id=found.get("id", ""),
        type=found.get("vertexType", ""),
        observable_type=found.get("observableType", ""),
        name=found.get("name", ""),
    )
    if not reference.id and not reference.name:
        raise RefusedError("vertex", "give its id, or vertexType=…&name=…")
    if any("\0" in part or len(part) > MAX_NAME for part in (reference.id, reference.type, reference.name)):
        raise RefusedError("vertex", f"its id, type and name have no NUL and at most {MAX_NAME} characters")
    return reference


def _split(text: str, found: dict[str, str], *, decode: bool) -> None:
    """Add the parts of a text; what begins with no known key belongs to the value before it."""
    last = ""
    for part in text.split("&"):
        key, equals, value = part.partition("=")
        if equals and key in _PARTS and key not in found:
            last, found[key] = key, unquote(value) if decode else value
        elif last:
            found[last] += "&" + (unquote(part) if decode else part)
        else:
            return


def _object(text: str) -> Mapping[str, Any]:
    if not text:
        return {}
    if len(text) > MAX_QUESTION:
        raise RefusedError("q", f"has more than {MAX_QUESTION} characters")
    try:
        asked = orjson.loads(text)
    except ValueError as error:
        raise RefusedError("q", f"is not JSON: {error}") from error
    if not isinstance(asked, dict):
        raise RefusedError("q", "must be a JSON object of property and text")
    return asked


def _number(value: Any, key: str, *, default: int, most: int, least: int = 0) -> int:
    # Stucco's clients send numbers as numbers and as text.
    if value == "" or value is None:
        return default
    text = str(value)
    if isinstance(value, bool) or not _NUMBER.match(text) or not least <= int(text) <= most:
        raise RefusedError(key, f"must be a number from {least} to {most}")
    return int(text)


def _filter(asked: Mapping[str, Any], now: int) -> VertexFilter:
    fields: dict[str, Any] = {}
    equals: dict[str, str] = {}
    contains: dict[str, str] = {}
    for key, value in asked.items():
        if key in _PAGING:
            continue
        if key == DAYS:
            fields["since"] = now - _number(value, key, default=0, least=1, most=100_000) * DAY
        elif key == TEXT:
            fields["text"] = _text(value, key)
        elif key in _FIELDS:
            fields[_FIELDS[key]] = _text(value, key)
        elif not _PROPERTY.match(key):
            raise RefusedError("q", f"{key[:100]!r} is no property's name")
        elif key in _CONTAINS:
            contains[key] = _text(value, key)
        else:
            equals[key] = _text(value, key)
    return VertexFilter(equals=equals, contains=contains, **fields)


def _text(value: Any, key: str) -> str:
    """Return the text that is looked for; Stucco's user interface sends a list of one, too."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value or "\0" in value or len(value) > MAX_TEXT:
        raise RefusedError(key, "must be a text that is not empty, or a number")
    return value
