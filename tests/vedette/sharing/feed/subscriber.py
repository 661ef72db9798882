"""A subscriber that does with a feed what a MISP server does, as far as it decides what it then has.

Sources: MISP 2.5, `app/Model/Feed.php` (the manifest: only events newer than its own are fetched),
`app/Model/Event.php::_edit`, `MispObject.php::editObject` and `MispAttribute.php::editAttribute` (what is not newer
than its own is left alone, a deleted object takes its attributes along).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Document = dict[str, Any]


class Subscriber:
    """Events of a feed, as a server has them."""

    def __init__(self) -> None:
        self.events: dict[str, Document] = {}
        self.fetched: list[str] = []

    def pull(self, read: Callable[[str], Any]) -> None:
        for uuid, said in read("manifest.json").items():
            own = self.events.get(uuid)
            if own is not None and int(own["timestamp"]) >= int(said["timestamp"]):
                continue
            event = read(f"{uuid}.json")["Event"]
            assert int(event["timestamp"]) >= int(said["timestamp"])
            self.fetched.append(uuid)
            self.take(event)

    def take(self, event: Document) -> None:
        own = self.events.setdefault(
            event["uuid"], {"timestamp": "-1", "attributes": {}, "objects": {}, "reports": {}}
        )
        if int(event["timestamp"]) <= int(own["timestamp"]):
            return
        for one in event["Attribute"]:
            _newer(own["attributes"], one)
        for made in event["Object"]:
            self._take_object(own, made)
        for report in event["EventReport"]:
            _newer(own["reports"], report)
        own["timestamp"] = event["timestamp"]

    def _take_object(self, own: Document, made: Document) -> None:
        there = own["objects"].get(made["uuid"])
        if there is not None and int(there["timestamp"]) >= int(made["timestamp"]):
            return
        parts = {} if there is None else there["parts"]
        links = {} if there is None else there["links"]
        for part in made["Attribute"]:
            _newer(parts, part | ({"deleted": True} if made["deleted"] else {}))
        for link in made["ObjectReference"]:
            _newer(links, link)
        own["objects"][made["uuid"]] = made | {"parts": parts, "links": links}

    def living(self, uuid: str) -> set[str]:
        """What the server shows of an event, as texts."""
        own = self.events.get(uuid)
        return set() if own is None else set(_living(own))


def living_of(event: Document) -> set[str]:
    """What a server shows that has just taken an event."""
    fresh = Subscriber()
    fresh.take(event)
    return fresh.living(event["uuid"])


def _newer(known: dict[str, Document], one: Document) -> None:
    there = known.get(one["uuid"])
    if there is None or int(one["timestamp"]) > int(there["timestamp"]):
        known[one["uuid"]] = one


def _living(own: Document) -> Iterator[str]:
    for one in own["attributes"].values():
        if not one["deleted"]:
            yield f"{one['type']} {one['value']} {one['to_ids']} {one['comment']} {one.get('last_seen')}"
    for made in own["objects"].values():
        if made["deleted"]:
            continue
        for part in made["parts"].values():
            if not part["deleted"]:
                yield f"{made['name']} {made['uuid']} {part['object_relation']} {part['value']} {part['to_ids']}"
        for link in made["links"].values():
            if not link["deleted"]:
                yield f"{made['uuid']} {link['relationship_type']} {link['referenced_uuid']}"
    for report in own["reports"].values():
        if not report["deleted"]:
            yield f"{report['name']} {report['content']}"
