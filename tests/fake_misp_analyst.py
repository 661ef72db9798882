"""A person who works on the fake MISP beside us."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from tests.fake_misp_store import MispStore, Row, same_value


@dataclass
class Analyst:
    """A person who works on the server, whose every change is newer than all before."""

    store: MispStore

    def edit(self, child: str, **fields: Any) -> None:
        """Change an attribute."""
        row = self.store.attributes[child]
        row |= fields
        row["timestamp"] = self._touch(row["event"])

    def delete(self, child: str, *, restore: bool = False) -> None:
        """Delete an attribute softly, or restore it."""
        self.edit(child, deleted=not restore)
        if restore:
            row = self.store.attributes[child]
            self.store.values[same_value(row)] = child

    def purge(self, child: str) -> None:
        """Delete an attribute as if it had never been there."""
        row = self.store.attributes.pop(child)
        self._touch(row["event"])

    def add(self, event: str, value: str, *, item: str = "", relation: str = "") -> str:
        """Add a comment of their own; returns its UUID."""
        child = str(uuid.uuid4())
        row: Row = {"uuid": child, "event": event, "object": item, "Tag": {}, "type": "comment", "category": "Other"}
        row |= {"value": value, "to_ids": False, "comment": "", "distribution": "5", "deleted": False}
        row |= {"object_relation": relation, "timestamp": self._touch(event)}
        self.store.attributes[child] = row
        return child

    def tag(self, event: str, name: str, *, off: bool = False) -> None:
        """Attach a tag to an event, or take it off."""
        tags = self.store.events[event]["Tag"]
        if off:
            tags.pop(name, None)
        else:
            tags[name] = False
        self._touch(event)

    def rename(self, event: str, info: str) -> None:
        """Give an event another title."""
        self.store.events[event]["info"] = info
        self._touch(event)

    def _touch(self, event: str) -> int:
        row = self.store.events[event]
        inside = [child["timestamp"] for child in self.store.attributes.values() if child["event"] == event]
        row["timestamp"] = max(row["timestamp"], *inside, 0) + 100
        return int(row["timestamp"])
