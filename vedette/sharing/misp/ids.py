"""Ids of what is in a MISP event. They are unique on a whole server, so the same value in two events has two.

Each is a version 5 UUID (RFC 9562 section 5.5) of what something is within its event: it stays the same when it is
said again, by whichever process, and another fleet's are never the same.
"""

from __future__ import annotations

import uuid


def organisation_uuid(instance: uuid.UUID) -> str:
    """Return the id of the organisation that a fleet shares as, where its configuration names none."""
    return str(uuid.uuid5(instance, "organisation"))


def attribute_uuid(event: uuid.UUID, type: str, value: str) -> str:
    """Return the id of an attribute that is in no object; `value` is in its canonical form."""
    return str(uuid.uuid5(event, f"attribute\n{type}\n{value}"))


def object_uuid(event: uuid.UUID, template: str, name: str) -> str:
    """Return the id of an object; `name` is what tells it from others of its template."""
    # Half a character has no bytes: no server would take it, which is found when it is said, not here.
    said = name.encode(errors="backslashreplace").decode()
    return str(uuid.uuid5(event, f"object\n{template}\n{said}"))


def object_attribute_uuid(object: str, relation: str, value: str) -> str:
    """Return the id of an attribute of an object, given the object's."""
    return str(uuid.uuid5(uuid.UUID(object), f"attribute\n{relation}\n{value}"))


def reference_uuid(object: str, relationship: str, target: str) -> str:
    """Return the id of a reference from an object to another thing of its event, given both ids."""
    return str(uuid.uuid5(uuid.UUID(object), f"reference\n{relationship}\n{target}"))


def report_uuid(event: uuid.UUID, identity: str) -> str:
    """Return the id of a report: on the proof of an item, by its uuid, or on the investigation, by `description`."""
    return str(uuid.uuid5(event, f"report\n{identity}"))
