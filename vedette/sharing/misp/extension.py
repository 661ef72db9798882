"""Our own event beside one of another organisation, which only that organisation may change. Pure.

MISP shows an event that extends another together with it (`extends_uuid`). UUIDs are unique on a whole server, so all
that is in ours gets one of its own, made of the first, the same at every export.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

_KEYS = ("uuid", "object_uuid", "referenced_uuid")
_LISTS = ("Attribute", "Object", "ObjectReference", "EventReport")


def extension_uuid(event: str) -> str:
    """Return the id of our event that extends another."""
    return str(uuid.uuid5(uuid.UUID(event), "extension"))


def extension_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event that says the same as `event`, and extends the one that has its id."""
    own = extension_uuid(event["uuid"])
    space = uuid.UUID(own)
    renamed = {old: str(uuid.uuid5(space, old)) for old in _uuids(event)}
    renamed[event["uuid"]] = own
    return {**_renamed(event, renamed), "extends_uuid": event["uuid"]}


def _uuids(document: Mapping[str, Any]) -> set[str]:
    found = {document["uuid"]} if "uuid" in document else set()
    for name in _LISTS:
        for child in document.get(name, ()):
            found |= _uuids(child)
    return found


def _renamed(document: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    copy = dict(document)
    for key in _KEYS:
        if key in copy:
            copy[key] = names.get(copy[key], copy[key])
    for name in _LISTS:
        if name in copy:
            copy[name] = [_renamed(child, names) for child in copy[name]]
    if "content" in copy:
        copy["content"] = _pointing(copy["content"], names)
    return copy


def _pointing(text: str, names: Mapping[str, str]) -> str:
    """Return a report's text whose `@[attribute](uuid)` point at the new ids."""
    parts = text.split("](")
    return "](".join([parts[0], *(names.get(part[:36], part[:36]) + part[36:] for part in parts[1:])])
