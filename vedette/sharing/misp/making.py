"""Whether something in an event has the UUID that we would have given it: then it is ours, memory or not. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from vedette.sharing.misp import ids
from vedette.sharing.misp.holding import Child


def made_by(event: str, *, extends: str | None = None) -> Callable[[Child], bool]:
    """Return the test for what is in an event.

    Args:
        event: UUID of the event.
        extends: UUID of the event whose content ours has under other ids (see `extension.py`); None: it is the same.
    """

    def made_here(child: Child) -> bool:
        try:
            return _made(child)
        except ValueError:
            # What has no UUID, or is in something that has none, is nobody's.
            return False

    def _made(child: Child) -> bool:
        if child.kind == "attribute" and not child.parent:
            return _renamed(ids.attribute_uuid(uuid.UUID(extends or event), *_value(child.raw, "type"))) == child.uuid
        if extends is not None or child.kind == "report":
            # Names of objects and of reports are not in what the server has; of an extension not even the first ids.
            return False
        if child.kind == "attribute":
            return ids.object_attribute_uuid(child.parent, *_value(child.raw, "object_relation")) == child.uuid
        if child.kind == "reference":
            relation, target = str(child.raw.get("relationship_type")), str(child.raw.get("referenced_uuid"))
            return ids.reference_uuid(child.parent, relation, target) == child.uuid
        return _has_ours(child)

    def _renamed(first: str) -> str:
        return first if extends is None else str(uuid.uuid5(uuid.UUID(event), first))

    return made_here


def _has_ours(item: Child) -> bool:
    """Tell whether an object has an attribute whose id is made of the object's: MISP gives random ones."""
    attributes = item.raw.get("Attribute")
    found = [row for row in attributes if isinstance(row, Mapping)] if isinstance(attributes, list) else []
    return any(
        ids.object_attribute_uuid(item.uuid, *_value(attribute, "object_relation")) == attribute.get("uuid")
        for attribute in found
    )


def _value(raw: Any, name: str) -> tuple[str, str]:
    return str(raw.get(name) or ""), str(raw.get("value") or "")
