"""Addresses of the graph's pages, and what stands in them. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlencode

MAX_ID: Final = 256
"""Characters of a vertex' id."""

ID: Final = r"^[^\x00]+$"
"""What an id may be in an address; the graph knows which there are."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_:.-]{1,128}")
_UUID: Final = 36
_SEARCHED: Final = 200


def vertex_segment(vertex: str) -> str:
    """Return an id as one segment of a path: of a type that is no plain word nothing is left, only the uuid counts.

    A slash would end the segment, however it is written (RFC 3986, 2.2, leaves that to servers; ASGI decodes it).
    """
    return quote(vertex if _PLAIN.fullmatch(vertex) else vertex[-_UUID:], safe=":")


def vertex_address(vertex: str) -> str:
    """Return where a vertex' page is."""
    return f"/graph/vertex/{vertex_segment(vertex)}"


def edge_address(out: str, into: str, relation: str) -> str:
    """Return where the page of an edge is."""
    return f"/graph/edge?{urlencode({'out': out, 'into': into, 'relation': relation})}"


def said_address(item: str, position: str) -> str:
    """Return where the place in an item is shown."""
    query = f"?{urlencode({'at': position})}" if position else ""
    return f"/items/{quote(item, safe='')}/said{query}"


def picture_address(*seeds: str) -> str:
    """Return where the picture around vertices is."""
    return f"/graph/picture?{urlencode([('seed', seed) for seed in seeds])}"


def search_address(text: str) -> str:
    """Return where the graph is searched for a text."""
    return f"/graph?{urlencode({'text': text.replace(chr(0), ' ')[:_SEARCHED]})}"
