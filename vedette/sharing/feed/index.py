"""A feed's manifest and its list of hashes: what subscribers read before they ask for an event. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from itertools import islice
from typing import Any, Final

from vedette.errors import RefusedError

Document = dict[str, Any]

_LISTED: Final = ("Orgc", "Tag", "info", "date", "analysis", "threat_level_id", "timestamp")
"""Fields of an event in the manifest: by the timestamp a subscriber decides whether to fetch it again."""

_UNHASHED: Final = frozenset({"attachment"})
"""Types whose values are names of files."""

_ROW = re.compile(r"([0-9a-f]{32}),([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\n?")
_AT_ONCE: Final = 1_000
"""Rows that are written at once."""


def manifest_entry(event: Mapping[str, Any]) -> Document:
    """Return what the manifest says of an event."""
    return {name: event[name] for name in _LISTED}


def hashes_of(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the MD5 of each value of an event, with its uuid, sorted by both; each once.

    Not for safety: subscribers compare these with the hashes of their own values.
    """
    uuid = str(event["uuid"])
    digests = {hashlib.md5(value.encode(), usedforsecurity=False).hexdigest() for value in _values(event)}
    return iter([(digest, uuid) for digest in sorted(digests)])


def with_hashes(
    kept: Iterable[tuple[str, str]], made: Iterable[tuple[str, str]], *, without: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Yield the rows that a list has after some of its events changed.

    Args:
        kept: its rows, sorted by uuid and hash.
        made: those of the events that changed, sorted likewise.
        without: the uuids of these events.
    """
    return merge((row for row in kept if row[1] not in without), made, key=lambda row: (row[1], row[0]))


def read_hashes(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the rows of a list.

    Raises:
        RefusedError: one is none; names it.
    """
    for number, line in enumerate(lines, start=1):
        found = _ROW.fullmatch(line)
        if found is None:
            raise RefusedError(f"row {number}", "is no MD5 and uuid")
        yield found[1], found[2]


def written_hashes(rows: Iterable[tuple[str, str]]) -> Iterator[bytes]:
    """Yield a list's bytes, many rows at a time."""
    left = iter(rows)
    while some := list(islice(left, _AT_ONCE)):
        yield "".join(f"{digest},{uuid}\n" for digest, uuid in some).encode()


def _values(event: Mapping[str, Any]) -> Iterator[str]:
    listed = [*event["Attribute"], *(part for made in event["Object"] for part in made["Attribute"])]
    for attribute in listed:
        if attribute.get("deleted") or attribute["type"] in _UNHASHED:
            continue
        if "|" in attribute["type"]:
            yield from attribute["value"].split("|")
        else:
            yield attribute["value"]
