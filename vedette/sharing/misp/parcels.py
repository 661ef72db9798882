"""A delta as the documents that are sent to a MISP server: few and large, but none too large. Pure.

MISP takes a whole event with all that changes in one request (`/events/add`, `/events/edit`). What it looks at:

- the event's timestamp must be newer than what it has, or it refuses the whole; so must be that of a child, or it
  leaves that child as it is, without a word (app/Model/Event.php `_edit`, MispAttribute.php `editAttribute`);
- an object's own timestamp must be newer for what is in it to be looked at (MispObject.php `editObject`), but its
  references are looked at anyway;
- a field that is left out stays as it is; a tag with `deleted` is taken off; a reference with `deleted` is removed;
- `published` that is left out unpublishes: what was changed is published again last, when it was checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from vedette.canonical import canonical_json, sha256_hex
from vedette.sharing.misp.delta import Delta, Step
from vedette.sharing.misp.holding import FIELDS, Child, Holding

MOST_CHILDREN: Final = 5_000
"""Attributes, objects and reports of one request: PHP's time limit (300 s in MISP's images) allows more."""

MOST_BYTES: Final = 32 * 1024 * 1024
"""Bytes of one request, unless one object alone has more: PHP's `post_max_size` is 50 MB in MISP's images."""

Document = dict[str, Any]

_LISTS: Final = {
    "attribute": "Attribute",
    "object": "Object",
    "report": "EventReport",
    "reference": "ObjectReference",
}
_NESTED: Final = frozenset({"Attribute", "Object", "EventReport", "ObjectReference", "Tag"})
_NEVER_SENT: Final = frozenset({"Orgc", "Org", "id", "published", "SharingGroup"})
_IDENTITY: Final[Mapping[str, tuple[str, ...]]] = {
    "attribute": ("uuid", "type", "category", "value", "object_relation"),
    "object": ("uuid", "name", "meta-category", "template_uuid", "template_version", "description"),
    "reference": ("uuid", "object_uuid", "referenced_uuid", "relationship_type"),
    "report": ("uuid", "name", "content"),
}
"""What tells the server which child is meant; the form that it has is not changed by it."""


@dataclass(slots=True)
class _Unit:
    """An attribute, object or report that goes into one document."""

    list_name: str
    document: Document
    references: list[Document] = field(default_factory=list)
    stub: Document = field(default_factory=dict)
    """An object as it will be, for references that follow in a later document."""

    @property
    def children(self) -> int:
        return 1 + len(self.document.get("Attribute", ()))


def parcels(
    delta: Delta, ours: Holding, theirs: Holding, *, most: int = MOST_CHILDREN, most_bytes: int = MOST_BYTES
) -> list[Document]:
    """Return the documents to send, in their order; the first is an event to add where the server has none.

    Args:
        delta: what is done.
        ours: what we say.
        theirs: what the server holds.
        most: children of one document.
        most_bytes: bytes of one document.
    """
    if not delta.steps:
        return []
    event = next(child for child in ours.values() if child.kind == "event")
    there = theirs.get(event.uuid)
    newest = max((child.timestamp + 1 for child in theirs.values()), default=0)
    step = next((step for step in delta.steps if step.child.kind == "event"), None)
    head = _head(event, there, step)
    start = max(event.timestamp, newest, *(step.timestamp for step in delta.steps))
    batches = list(_batches(_units(delta, ours, theirs, newest=start), most, most_bytes)) or [[]]
    documents = [_document(head if number == 0 else {}, event.uuid, batch) for number, batch in enumerate(batches)]
    for number, document in enumerate(documents):
        document["timestamp"] = str(start + number)
    return documents


def digest_of(documents: Iterable[Document], *, publish: bool) -> str:
    """Return what an approval is given to: SHA-256, hex, over all that is sent but its timestamps."""
    return sha256_hex(canonical_json([[_untimed(document) for document in documents], publish]))


def _untimed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _untimed(item) for key, item in value.items() if key != "timestamp"}
    return [_untimed(item) for item in value] if isinstance(value, list) else value


def _head(event: Child, there: Child | None, step: Step | None) -> Document:
    """Return what is said of the event itself."""
    if there is None:
        head = {key: value for key, value in event.raw.items() if key not in _NEVER_SENT | _NESTED}
        head["published"] = False
        names: Iterable[str] = FIELDS["event"]
    else:
        head = {}
        names = () if step is None else step.fields
    for name in names:
        if name in event.raw:
            head[name] = event.raw[name]
    if step is not None and (tags := _tags(step)):
        head["Tag"] = tags
    return head


def _units(delta: Delta, ours: Holding, theirs: Holding, *, newest: int) -> list[_Unit]:
    units: dict[str, _Unit] = {}
    for step in delta.steps:
        child = step.child
        if child.kind == "event":
            continue
        if not child.parent:
            units.setdefault(child.uuid, _Unit(_LISTS[child.kind], {})).document.update(document_of(step))
            continue
        unit = _unit_of(units, child.parent, ours, theirs)
        if child.kind == "reference":
            unit.references.append({**document_of(step), "timestamp": str(newest)})
        else:
            unit.document.setdefault("Attribute", []).append(document_of(step))
            # What is in an object is looked at only where the object itself is newer.
            newer = max(int(unit.document["timestamp"]), _bumped(child.parent, ours, theirs))
            unit.document["timestamp"] = str(newer)
    for uuid, unit in units.items():
        if unit.list_name == "Object":
            unit.stub = {**_identity(unit.document, "object"), "uuid": uuid, "timestamp": unit.document["timestamp"]}
    return list(units.values())


def _unit_of(units: dict[str, _Unit], uuid: str, ours: Holding, theirs: Holding) -> _Unit:
    """Return the unit of an object; where the object itself does not change, it says so by its old timestamp."""
    if uuid not in units:
        there = theirs.get(uuid) or ours[uuid]
        document = {**_identity(there.raw, "object"), "timestamp": str(there.timestamp)}
        units[uuid] = _Unit("Object", document)
    return units[uuid]


def _bumped(uuid: str, ours: Holding, theirs: Holding) -> int:
    there, said = theirs.get(uuid), ours.get(uuid)
    return max(0 if there is None else there.timestamp + 1, 0 if said is None else said.timestamp)


def document_of(step: Step) -> Document:
    """Return what is said of a child: all of one that is new, else what tells it from others and what changes."""
    child = step.child
    if step.action == "add":
        document = {key: value for key, value in child.raw.items() if key not in _NEVER_SENT | _NESTED}
    else:
        held = step.theirs if step.theirs is not None else child
        document = _identity(held.raw, child.kind)
        document |= {name: child.raw[name] for name in step.fields if name in child.raw}
    document["deleted"] = step.action == "remove"
    document["timestamp"] = str(step.timestamp)
    if tags := _tags(step):
        document["Tag"] = tags
    return document


def _identity(raw: Mapping[str, Any], kind: str) -> Document:
    return {name: raw[name] for name in _IDENTITY[kind] if name in raw}


def _tags(step: Step) -> list[Document]:
    attached: list[Document] = [{"name": name} for name in sorted(step.attach)]
    return attached + [{"name": name, "deleted": True} for name in sorted(step.detach)]


def _batches(units: list[_Unit], most: int, most_bytes: int) -> Iterator[list[_Unit]]:
    """Yield the units of each document; references whose ends may lie in different documents come last."""
    whole = sum(unit.children + len(unit.references) for unit in units)
    sizes = [len(orjson.dumps(unit.document)) for unit in units]
    together = whole <= most and sum(sizes) <= most_bytes
    if together:
        yield units
        return
    batch: list[_Unit] = []
    children = size = 0
    for unit, bytes_of_it in zip(units, sizes, strict=True):
        if batch and (children + unit.children > most or size + bytes_of_it > most_bytes):
            yield batch
            batch, children, size = [], 0, 0
        batch.append(_Unit(unit.list_name, unit.document))
        children += unit.children
        size += bytes_of_it
    if batch:
        yield batch
    yield from _reference_batches(units, most)


def _reference_batches(units: list[_Unit], most: int) -> Iterator[list[_Unit]]:
    batch: list[_Unit] = []
    count = 0
    for unit in units:
        if not unit.references:
            continue
        if batch and count + len(unit.references) > most:
            yield batch
            batch, count = [], 0
        batch.append(_Unit("Object", dict(unit.stub), unit.references))
        count += len(unit.references)
    if batch:
        yield batch


def _document(head: Document, uuid: str, batch: list[_Unit]) -> Document:
    document: Document = {**head, "uuid": uuid}
    for unit in batch:
        said = dict(unit.document)
        if unit.references:
            said["ObjectReference"] = unit.references
        document.setdefault(unit.list_name, []).append(said)
    return document
