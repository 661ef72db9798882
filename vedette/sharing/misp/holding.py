"""What an event of MISP holds, child by child, so that two states of it can be compared. Pure.

The same is written in many ways: MISP answers numbers as text, flags as `true`, `"1"` or `1`, times with
microseconds, and leaves out what is empty. Each field is brought to one text; a field that a document does not have
is None, and is not compared: whoever leaves it out says nothing of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal

Kind = Literal["event", "attribute", "object", "reference", "report"]
"""What has a UUID of its own in MISP, as far as we send it."""

FIELDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "event": ("info", "date", "threat_level_id", "analysis", "distribution", "sharing_group_id", "extends_uuid"),
    "attribute": (
        "type",
        "category",
        "value",
        "to_ids",
        "comment",
        "distribution",
        "sharing_group_id",
        "first_seen",
        "last_seen",
        "object_relation",
        "data",
    ),
    "object": ("comment", "distribution", "sharing_group_id", "first_seen", "last_seen"),
    "reference": ("referenced_uuid", "relationship_type", "comment"),
    "report": ("name", "content", "distribution", "sharing_group_id"),
}
"""What is compared of each kind, in this order."""

_FLAGS: Final = frozenset({"to_ids"})
_TIMES: Final = frozenset({"first_seen", "last_seen"})
_SILENT: Final = frozenset({"data"})
"""What a server may leave out of its answer although it has it."""

GROUP: Final = "4"
"""The distribution that names a sharing group; with any other the group's id means nothing."""

Fields = tuple[str | None, ...]
"""Texts of the fields of a child, in the order of `FIELDS`."""


@dataclass(slots=True)
class Child:
    """Something with a UUID."""

    kind: Kind
    uuid: str
    parent: str
    """UUID of the object that it is in or starts at; empty: the event's own."""
    fields: Fields
    tags: frozenset[str]
    """Names of those that are not local to the server."""
    deleted: bool
    timestamp: int
    """Seconds; 0: it has none."""
    raw: Mapping[str, Any]
    """As the document has it."""

    @property
    def shown(self) -> str:
        """What it is, for a person: one line."""
        raw = self.raw
        target = raw.get("referenced_uuid", "")
        words = {
            "event": f"event {raw.get('info', '')}",
            "attribute": f"attribute {raw.get('object_relation') or raw.get('type', '')} {raw.get('value', '')}",
            "object": f"object {raw.get('name', '')} {self.uuid}",
            "reference": f"reference {raw.get('relationship_type', '')} {self.parent} -> {target}",
            "report": f"report {raw.get('name', '')}",
        }[self.kind]
        return one_line(words)


Holding = dict[str, Child]
"""All children of an event by UUID, the event itself among them."""


def holding_of(event: Mapping[str, Any]) -> Holding:
    """Return what an event holds; of two with the same UUID the first."""
    held: Holding = {}
    for child in _children(event):
        held.setdefault(child.uuid, child)
    return held


def one_line(text: str, *, most: int = 160) -> str:
    """Return a text that is short enough to be read in a list, without line breaks or other control characters."""
    plain = "".join(sign if sign.isprintable() else " " for sign in text[: most + 1])
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def seconds_of(value: object) -> int:
    """Return a timestamp in seconds; 0 where it is none."""
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else 0


def flag_of(value: object) -> bool:
    """Return a flag of MISP's JSON."""
    return value in (True, "1", "true", "True")


def digest(text: str | None) -> str:
    """Return eight hex digits that stand for a field's text in the ledger; `-` for none."""
    if text is None:
        return "-"
    return _digest(text) if len(text) < _CACHED else _blake(text)


_CACHED: Final = 200
"""Texts below this length are worth keeping: most are the same few."""


def _blake(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=4).hexdigest()


_digest = lru_cache(maxsize=20_000)(_blake)


def _children(event: Mapping[str, Any]) -> Iterator[Child]:
    yield _child("event", event)
    for attribute in _list(event, "Attribute"):
        yield _child("attribute", attribute)
    for item in _list(event, "Object"):
        found = _child("object", item)
        yield found
        for attribute in _list(item, "Attribute"):
            yield _child("attribute", attribute, parent=found)
        for reference in _list(item, "ObjectReference"):
            yield _child("reference", reference, parent=found)
    for report in _list(event, "EventReport"):
        yield _child("report", report)


def _child(kind: Kind, raw: Mapping[str, Any], *, parent: Child | None = None) -> Child:
    return Child(
        kind=kind,
        uuid=str(raw.get("uuid", "")).lower(),
        parent="" if parent is None else parent.uuid,
        fields=_fields(kind, raw),
        tags=_tags(raw),
        # What is in a deleted object is deleted, whatever it says itself.
        deleted=flag_of(raw.get("deleted")) or (parent is not None and parent.deleted),
        timestamp=seconds_of(raw.get("timestamp")),
        raw=raw,
    )


def _fields(kind: Kind, raw: Mapping[str, Any]) -> Fields:
    grouped = str(raw.get("distribution", "")) == GROUP
    return tuple(
        None if name == "sharing_group_id" and not grouped else _text(name, raw.get(name), name in raw)
        for name in FIELDS[kind]
    )


def _text(name: str, value: object, there: bool) -> str | None:
    if not there or (value is None and name in _SILENT):
        return None
    if name in _FLAGS:
        return "1" if flag_of(value) else "0"
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    return _instant(text) if name in _TIMES else text.strip()


@lru_cache(maxsize=20_000)
def _instant(text: str) -> str:
    """Return an ISO 8601 time in UTC; what is none stays as it is: it is then just another text."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _tags(raw: Mapping[str, Any]) -> frozenset[str]:
    tags = raw.get("Tag")
    if not tags:
        return _NO_TAGS
    return frozenset(str(tag.get("name", "")) for tag in _list(raw, "Tag") if not flag_of(tag.get("local")))


_NO_TAGS: Final[frozenset[str]] = frozenset()


def _list(raw: Mapping[str, Any], name: str) -> Iterable[Mapping[str, Any]]:
    found = raw.get(name)
    if not isinstance(found, Sequence) or isinstance(found, str):
        return ()
    return (item for item in found if isinstance(item, Mapping))
