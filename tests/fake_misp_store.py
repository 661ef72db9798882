"""What the fake MISP holds, and how it takes events: as MISP 2.5 does, silence included.

Known from MISP's own source, by file (facts only; read in 2026):

- app/Model/Event.php `_add`: an event on the blocklist is refused; one whose UUID is there already is not touched; of
  attributes with the same type, category and value the first is kept; whatever is not valid is dropped and logged,
  the answer is 200 all the same; `published` is dropped from who may not publish.
- app/Model/Event.php `_edit`: an event's timestamp must be newer than the one held, or all is refused; only the
  creator's organisation or a site administrator may edit; fields that are left out stay; `published` that is left out
  unpublishes; tags are added, with `deleted` taken off, and ignored from who may not tag.
- app/Model/MispAttribute.php `editAttribute`: a UUID that is in another event or object is dropped in silence; a
  timestamp that is not newer leaves the attribute alone in silence; fields that are left out stay; `deleted` deletes
  softly and undeletes.
- app/Model/MispObject.php `editObject`: the same for objects, and what is in one is not looked at when the object is
  not newer; a deleted object's attributes are deleted.
- app/Model/ObjectReference.php `captureReference`: references are looked at in any case; the newer one counts, and
  `deleted` removes.
- app/Model/EventReport.php `editReport`: not newer is left alone in silence.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fake_misp_rules import complaint, kept_form, template_complaint

Row = dict[str, Any]

EVENT_FIELDS = ["info", "date", "analysis", "threat_level_id", "distribution", "sharing_group_id", "extends_uuid"]
SHARED_FIELDS = ["distribution", "sharing_group_id"]
SEEN_FIELDS = ["comment", "first_seen", "last_seen"]
ATTRIBUTE_FIELDS = [
    *SHARED_FIELDS,
    *SEEN_FIELDS,
    *["type", "category", "value", "to_ids", "disable_correlation", "object_relation", "data"],
]
OBJECT_FIELDS = [
    *SHARED_FIELDS,
    *SEEN_FIELDS,
    *["name", "meta-category", "template_uuid", "template_version", "description"],
]
REPORT_FIELDS = [*SHARED_FIELDS, "name", "content"]


@dataclass(frozen=True, kw_only=True)
class User:
    """Who asks, by the key."""

    name: str = "exporter"
    organisation: str = "Our Team"
    site_admin: bool = False
    tagger: bool = True
    publisher: bool = True

    @property
    def organisation_uuid(self) -> str:
        """UUID of the organisation."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.organisation))


class RefusedRequestError(Exception):
    """What the server answers with another status than 200."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(message)


@dataclass
class MispStore:
    """All events; no two children on the whole server have the same UUID."""

    events: dict[str, Row] = field(default_factory=dict)
    attributes: dict[str, Row] = field(default_factory=dict)
    objects: dict[str, Row] = field(default_factory=dict)
    references: dict[str, Row] = field(default_factory=dict)
    reports: dict[str, Row] = field(default_factory=dict)
    proposals: dict[str, Row] = field(default_factory=dict)
    sightings: list[Row] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)
    dropped: list[str] = field(default_factory=list)
    """What was dropped in silence, as the server's log would have it."""
    groups: dict[str, str] = field(default_factory=dict)
    """Ids of sharing groups by UUID."""
    refused: set[str] = field(default_factory=set)
    """Values that this server does not keep, although others would."""
    rewrites: dict[str, str] = field(default_factory=dict)
    """Values that this server keeps in a form of its own."""
    templates: frozenset[str] | None = None
    """Names of the templates that this server has; None: all."""
    keeps_references: bool = False
    """Whether references are removed only where that is asked for by itself."""
    values: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Which attribute has a value in its event and object, or had."""

    # Events ---------------------------------------------------------------------------

    def add(self, event: Mapping[str, Any], user: User) -> str:
        """Take a new event; returns its UUID."""
        known = str(event.get("uuid") or uuid.uuid4())
        if known in self.blocked:
            raise RefusedRequestError(403, "Event blocked by local blocklist.")
        if known in self.events:
            raise RefusedRequestError(403, "Event already exists, if you would like to edit it, use the url given.")
        if not event.get("info"):
            raise RefusedRequestError(403, "Could not add Event: info cannot be empty")
        row: Row = {"uuid": known, "id": str(len(self.events) + 1), "Tag": {}, "published": False}
        row |= {"publish_timestamp": "0", "timestamp": _seconds(event), "locked": False}
        row |= {"Orgc": {"name": user.organisation, "uuid": user.organisation_uuid}}
        row |= {name: _plain(event[name]) for name in EVENT_FIELDS if name in event}
        self.events[known] = row
        self._tag(row["Tag"], event, user)
        self._take_children(known, event, user)
        return known

    def edit(self, known: str, event: Mapping[str, Any], user: User) -> None:
        """Change an event."""
        row = self.visible(known, user)
        newer = _seconds(event)
        if newer <= row["timestamp"]:
            raise RefusedRequestError(
                403, "Event could not be saved: Event in the request not newer than the local one."
            )
        self.may_edit(row, user)
        row |= {name: _plain(event[name]) for name in EVENT_FIELDS if name in event}
        row["timestamp"] = newer
        row["published"] = False
        self._take_children(row["uuid"], event, user)
        self._tag(row["Tag"], event, user)

    def publish(self, known: str, user: User) -> None:
        """Publish an event."""
        row = self.visible(known, user)
        if not (user.publisher or user.site_admin):
            raise RefusedRequestError(403, "You do not have permission to do that.")
        self.may_edit(row, user)
        row["published"] = True
        row["publish_timestamp"] = str(int(time.time()))

    def delete_event(self, known: str) -> None:
        """Delete an event as a person does: it goes, and its UUID is blocked."""
        del self.events[known]
        self.blocked.add(known)
        for rows in (self.attributes, self.objects, self.references, self.reports):
            for child in [child for child, row in rows.items() if row["event"] == known]:
                del rows[child]

    def visible(self, known: str, user: User) -> Row:
        """Return an event by UUID or id, if it may be seen."""
        row = self.events.get(known) or next((row for row in self.events.values() if row["id"] == known), None)
        if row is None or (
            str(row.get("distribution", "0")) == "0"
            and row["Orgc"]["uuid"] != user.organisation_uuid
            and not user.site_admin
        ):
            raise RefusedRequestError(404, "Invalid event")
        return row

    @staticmethod
    def may_edit(row: Row, user: User) -> None:
        """Refuse who may not edit an event."""
        if row["Orgc"]["uuid"] != user.organisation_uuid and not user.site_admin:
            raise RefusedRequestError(403, "You do not have permission to do that.")

    # Children -------------------------------------------------------------------------

    def _take_children(self, known: str, event: Mapping[str, Any], user: User) -> None:
        for attribute in event.get("Attribute", ()):
            self.take_attribute(known, "", attribute, user)
        for item in event.get("Object", ()):
            self._take_object(known, item, user)
        for item in event.get("Object", ()):
            for reference in item.get("ObjectReference", ()):
                self._take_reference(known, item["uuid"], reference)
        for report in event.get("EventReport", ()):
            self._take_report(known, report)

    def take_attribute(self, known: str, item: str, given: Mapping[str, Any], user: User) -> str | None:
        """Take an attribute; returns why it was dropped."""
        child = str(given.get("uuid") or uuid.uuid4())
        held = self.attributes.get(child)
        if held is not None and (held["event"], held["object"]) != (known, item):
            return self._drop(f"attribute {child}: duplicate UUID")
        if held is not None and "timestamp" in given and _seconds(given) <= held["timestamp"]:
            return None
        row: Row = dict(held) if held is not None else {"uuid": child, "event": known, "object": item, "Tag": {}}
        row |= {name: _plain(given[name]) for name in ATTRIBUTE_FIELDS if name in given}
        value = kept_form(str(row.get("type", "")), str(row.get("value", "")))
        row["value"] = self.rewrites.get(value, value)
        row["timestamp"] = _seconds(given)
        row["deleted"] = _flag(given["deleted"]) if "deleted" in given else row.get("deleted", False)
        problem = complaint(str(row.get("type", "")), str(row.get("category", "")), row["value"])
        if row["value"] in self.refused:
            problem = "Value is refused by a rule of this server."
        # Values in objects need not be unique (MispAttribute.php `valueIsUnique`).
        if problem is None and not row["deleted"] and not item and (twin := self._twin(row)) is not None:
            problem = f"A similar attribute already exists for this event. ({twin})"
        if problem is not None:
            return self._drop(f"attribute {child}: {problem}", problem)
        self._tag(row["Tag"], given, user)
        self.attributes[child] = row
        if not row["deleted"]:
            self.values[same_value(row)] = child
        return None

    def _take_object(self, known: str, given: Mapping[str, Any], user: User) -> None:
        child = str(given.get("uuid") or uuid.uuid4())
        held = self.objects.get(child)
        if held is not None and held["event"] != known:
            self._drop(f"object {child}: duplicate UUID")
            return
        if held is not None and _seconds(given) <= held["timestamp"]:
            return
        row: Row = dict(held) if held is not None else {"uuid": child, "event": known}
        row |= {name: _plain(given[name]) for name in OBJECT_FIELDS if name in given}
        row["timestamp"] = _seconds(given)
        row["deleted"] = _flag(given["deleted"]) if "deleted" in given else row.get("deleted", False)
        problem = template_complaint(row)
        if self.templates is not None and row.get("name") not in self.templates:
            problem = "unknown template"
        if problem is not None:
            self._drop(f"object {child}: {problem}")
            return
        self.objects[child] = row
        for attribute in given.get("Attribute", ()):
            self.take_attribute(known, child, {**attribute, **({"deleted": True} if row["deleted"] else {})}, user)

    def _take_reference(self, known: str, source: str, given: Mapping[str, Any]) -> None:
        child = str(given.get("uuid") or uuid.uuid4())
        held = self.references.get(child)
        if held is not None:
            if _seconds(given) > held["timestamp"] and not (self.keeps_references and _flag(given.get("deleted"))):
                held |= {name: given[name] for name in ("relationship_type", "comment", "deleted") if name in given}
                held["timestamp"] = _seconds(given)
            return
        target = str(given.get("referenced_uuid"))
        ends = (self.objects.get(source), self.objects.get(target) or self.attributes.get(target))
        if any(end is None or end["event"] != known for end in ends):
            self._drop(f"reference {child}: no such end")
            return
        names = ("relationship_type", "comment", "deleted", "referenced_uuid")
        row = {"deleted": False, **{name: given[name] for name in names if name in given}}
        self.references[child] = {
            **row,
            "uuid": child,
            "event": known,
            "object": source,
            "timestamp": _seconds(given),
        }

    def _take_report(self, known: str, given: Mapping[str, Any]) -> None:
        child = str(given.get("uuid") or uuid.uuid4())
        held = self.reports.get(child)
        if held is not None and (held["event"] != known or _seconds(given) <= held["timestamp"]):
            return
        row: Row = dict(held) if held is not None else {"uuid": child, "event": known, "deleted": False}
        row |= {name: _plain(given[name]) for name in REPORT_FIELDS if name in given}
        row["timestamp"] = _seconds(given)
        row["deleted"] = _flag(given["deleted"]) if "deleted" in given else row["deleted"]
        if not row.get("name"):
            self._drop(f"report {child}: no name")
            return
        self.reports[child] = row

    def _twin(self, row: Row) -> str | None:
        twin = self.values.get(same_value(row))
        held = None if twin is None or twin == row["uuid"] else self.attributes.get(twin)
        return twin if held is not None and not held["deleted"] and same_value(held) == same_value(row) else None

    def _drop(self, line: str, reason: str | None = None) -> str:
        self.dropped.append(line)
        return reason or line

    @staticmethod
    def _tag(tags: dict[str, bool], given: Mapping[str, Any], user: User) -> None:
        for tag in given.get("Tag", ()) if user.tagger or user.site_admin else ():
            if _flag(tag.get("deleted")):
                tags.pop(tag["name"], None)
            else:
                tags.setdefault(tag["name"], _flag(tag.get("local")))


def _seconds(given: Mapping[str, Any]) -> int:
    return int(given.get("timestamp") or time.time())


def same_value(row: Row) -> tuple[str, ...]:
    """Return what tells a value in its event and object."""
    return tuple(str(row.get(name, "")) for name in ("event", "object", "type", "category", "value"))


def _flag(value: object) -> bool:
    return value in (True, "1", "true")


def _plain(value: object) -> object:
    return value.strip() if isinstance(value, str) else value
