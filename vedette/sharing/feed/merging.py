"""What a feed holds of an event after it changed: what is gone stays, as deleted, and time never goes back. Pure.

A server that subscribes takes an event whose timestamp is newer than its own, and of it the attributes, objects and
reports whose own are; what a feed does not name any more it keeps. So whatever changes gets a newer timestamp than it
had, what did not change keeps its own, and what is withdrawn is said to be deleted (MISP core format, `deleted`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from vedette.sharing.exporter import Change
from vedette.sharing.misp.templates import attribute_types, template

Document = dict[str, Any]

_CHILDREN: Final = {"Attribute": "attribute", "Object": "object", "EventReport": "report"}
"""Lists of an event, with what one in them is called."""

_PARTS: Final = {"Attribute": "attribute", "ObjectReference": "reference"}
"""Lists of an object."""

_SHOWN: Final = 80
"""Characters of a value in a change."""


@dataclass(frozen=True, kw_only=True)
class Merged:
    """An event as a feed has it now."""

    event: Document
    changes: Sequence[Change] = field(default=())
    """What is new about it; none: it is what the feed has."""
    kept: int = 0
    """How many attributes, objects and reports did not change."""


def merged(old: Document | None, new: Document) -> Merged:
    """Return what a feed holds after an event was made anew.

    Args:
        old: what it holds; None: nothing of this event.
        new: what is made of the investigation now.
    """
    if old is None:
        if not any(new[key] for key in _CHILDREN):
            # Nobody learns anything from an event without anything in it.
            return Merged(event=new)
        return Merged(event=new, changes=[_change("add", "event", new["info"]), *_added(new)])
    changes: list[Change] = []
    made = dict(new)
    kept = 0
    for key, kind in _CHILDREN.items():
        before = _by_uuid(old.get(key, ()))
        made[key] = list(_children(before, _by_uuid(new.get(key, ())), kind, new["timestamp"], changes))
        kept += sum(one is before.get(one["uuid"]) for one in made[key])
    changes = [*_of_event(old, new), *changes]
    if not changes:
        return Merged(event=old, kept=kept)
    newest = max(_time(one) for key in _CHILDREN for one in ({"timestamp": 0}, *made[key]))
    made["timestamp"] = str(max(_time(old) + 1, _time(new), newest))
    return Merged(event=made, changes=changes, kept=kept)


def _children(
    before: Mapping[str, Document], after: Mapping[str, Document], kind: str, now: str, changes: list[Change]
) -> Iterator[Document]:
    """Yield all that there is or was, by uuid."""
    for uuid in sorted({*before, *after}):
        old, new = before.get(uuid), after.get(uuid)
        if new is None:
            # One of both has it.
            yield _withdrawn(before[uuid], kind, now, changes)
        elif old is None:
            changes.append(_change("add", kind, _name(new)))
            yield new
        else:
            yield _successor(old, new, kind, changes)


def _successor(old: Document, new: Document, kind: str, changes: list[Change]) -> Document:
    made, differs = dict(new), _own(old) != _own(new)
    inner: list[Change] = []
    if kind == "object":
        for key, part in _PARTS.items():
            # Of a deleted object, servers have deleted all that is in it, whatever it says itself.
            gone = {"deleted": True} if old.get("deleted") else {}
            before = _by_uuid([one | gone for one in old[key]] if gone else old[key])
            made[key] = list(_children(before, _by_uuid(new[key]), part, new["timestamp"], inner))
    if not differs and not inner:
        return old
    if old.get("deleted") and not new.get("deleted"):
        changes.append(Change(action="restore", what=_what(kind, new)))
    elif differs:
        changes.append(
            Change(action="change", what=_what(kind, new), before=_shown(old, new), after=_shown(new, old))
        )
    changes.extend(inner)
    parts_newest = max((_time(one) for key in _PARTS for one in made.get(key, ())), default=0)
    made["timestamp"] = str(max(_time(old) + 1, _time(new), parts_newest))
    return made


def _withdrawn(old: Document, kind: str, now: str, changes: list[Change]) -> Document:
    """Return something that nobody says any more; its parts go with it, and what is attached is not kept."""
    if old.get("deleted"):
        return old
    changes.append(_change("remove", kind, _name(old)))
    made = {name: value for name, value in old.items() if name != "data"}
    made |= {"deleted": True, "timestamp": str(max(_time(old) + 1, int(now)))}
    if "to_ids" in made:
        made["to_ids"] = False
    if kind == "object":
        needed = _needed(old)
        for key, part in _PARTS.items():
            parts = [_withdrawn(one, part, made["timestamp"], []) for one in made[key]]
            made[key] = [one | {"deleted": False} if one["uuid"] in needed else one for one in parts]
        made["timestamp"] = str(max(_time(one) for one in (made, *made["Attribute"], *made["ObjectReference"])))
    return made


def _needed(made: Document) -> set[str]:
    """Return the attributes without which an object would not be one of its template, deleted or not.

    They are not said to be deleted themselves, but servers delete them with it (MispObject::editObject). Of those
    that would do, it is the one that tells least.
    """
    known = template(made["name"])
    found = sorted(
        made["Attribute"], key=lambda one: (one["type"] == "attachment", one["to_ids"], _alarms(one), one["uuid"])
    )
    needed = {one["uuid"] for one in found if one["object_relation"] in known.required}
    return needed | {one["uuid"] for one in [one for one in found if one["object_relation"] in known.one_of][:1]}


def _alarms(attribute: Document) -> bool:
    return attribute_types()[attribute["type"]].alarms


def _of_event(old: Document, new: Document) -> list[Change]:
    """Return what changed about the event itself."""
    names = sorted({*old, *new} - {*_CHILDREN, "timestamp"})
    return [
        Change(action="change", what=f"event {name}", before=_text(old.get(name)), after=_text(new.get(name)))
        for name in names
        if old.get(name) != new.get(name)
    ]


def _added(new: Document) -> Iterator[Change]:
    for key, kind in _CHILDREN.items():
        for one in new.get(key, ()):
            yield _change("add", kind, _name(one))


def _by_uuid(found: Sequence[Document]) -> dict[str, Document]:
    return {str(one["uuid"]): one for one in found}


def _own(one: Document) -> Document:
    """Return what a thing itself says: without when it was written, and without its parts."""
    return {name: value for name, value in one.items() if name not in ("timestamp", *_PARTS)}


def _time(one: Mapping[str, Any]) -> int:
    return int(one.get("timestamp", 0))


def _change(action: Literal["add", "remove"], kind: str, name: str) -> Change:
    return Change(action=action, what=f"{kind} {name}")


def _what(kind: str, one: Document) -> str:
    return f"{kind} {_name(one)}"


def _name(one: Document) -> str:
    """Return what a person knows a thing by."""
    if "value" in one:
        return f"{one.get('object_relation') or one['type']} {str(one['value'])[:_SHOWN]}"
    if "referenced_uuid" in one:
        return f"{one['relationship_type']} {one['referenced_uuid']}"
    return f"{one['name']} {one['uuid']}"


def _shown(one: Document, other: Document) -> str:
    """Return the fields in which a thing differs from another, but for what is long."""
    fields = sorted(name for name in _own(one) if name not in other or one[name] != other[name])
    return ", ".join(f"{name} {_text(one[name])}" for name in fields)


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(str(one.get("name", one)) if isinstance(one, dict) else str(one) for one in value)
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
