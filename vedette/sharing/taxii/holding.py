"""What becomes of an object that several investigations put into one collection, time after time. Pure, no I/O.

1. An investigation publishes an object when *its own* statement of it changed since its last time; so two that say it
   differently never take turns.
2. A new version is later than every one before it, by a millisecond at least (STIX 2.1, section 3.6.2).
3. As long as any investigation says an object, it stays; the strictest of their markings for the Traffic Light
   Protocol stays on it. When the one leaves whose word is published, the next of the others to say it is heard.
4. What none says any more is revoked where it has versions, and else taken away: observables cannot be revoked.
5. Revoking is for ever (section 3.2); what comes back gets another id, and all references to it follow.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from vedette.canonical import canonical_json, sha256_hex
from vedette.extraction.stix.vocabulary import MARKINGS, TLP_2
from vedette.graph.stix_objects import timestamp
from vedette.sharing.investigation import Tlp
from vedette.sharing.taxii.resources import instant, version_of

_MILLISECOND: Final = 1_000
_RETURNED: Final = uuid.UUID("5a1c0f5e-0d0e-5d7a-8f4e-2b6a3c9d7e21")
"""Namespace of the ids of what came back after it was revoked."""

_STRICTNESS: Final = {
    id: Tlp(name.removeprefix("TLP:").lower().replace("white", "clear")).strictness for id, name in MARKINGS.items()
}
_MARKING_OF: Final = {tlp.strictness: f"marking-definition--{TLP_2[tlp]}" for tlp in Tlp}


class Step(StrEnum):
    """What is done in the collection."""

    NOTHING = "nothing"
    ADD = "add"
    CHANGE = "change"


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """An object as an investigation says it."""

    digest: str
    """SHA-256 of its canonical JSON, hexadecimal."""
    version: int | None
    """When it was modified, microseconds; None: it has no versions."""
    strictness: int
    """Of its marking for the Traffic Light Protocol; 0 where it has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """An object of a collection, under the id that exporters know it by."""

    digest: str
    """Of the statement that is published."""
    version: int | None
    """Of the version that is published, microseconds; None: it has no versions."""
    turn: int = 0
    """How often it came back after it was revoked."""
    revoked: bool = False
    groups: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Who says it: digest and strictness of what it said last."""

    @property
    def is_somebodys(self) -> bool:
        """Whether what is published is what one of them says; else the next word counts, whoever has it."""
        return any(digest == self.digest for digest, _strictness in self.groups.values())

    @property
    def strictness(self) -> int:
        """Of the marking that it must have."""
        return max((strictness for _digest, strictness in self.groups.values()), default=0)


def said(value: Mapping[str, Any]) -> Said:
    """Return what an investigation says.

    Raises:
        RefusedError: its version is no timestamp.
    """
    text = version_of(value) if "modified" in value else None
    return Said(
        digest=sha256_hex(canonical_json(dict(value))),
        version=None if text is None else instant(text),
        strictness=_strictness(value),
    )


def say(held: Held | None, group: str, what: Said) -> tuple[Held, Step]:
    """Return what is held once `group` says it, and what is done for that."""
    statement = (what.digest, what.strictness)
    if held is None:
        return Held(digest=what.digest, version=what.version, groups={group: statement}), Step.ADD
    if held.revoked:
        return (
            Held(digest=what.digest, version=what.version, turn=held.turn + 1, groups={group: statement}),
            Step.ADD,
        )
    if held.groups.get(group) == statement and held.is_somebodys:
        return held, Step.NOTHING
    now = replace(held, groups={**held.groups, group: statement})
    if held.digest == what.digest and held.strictness == now.strictness:
        return now, Step.NOTHING
    older = what.version is None or (held.version is not None and what.version <= held.version)
    if group not in held.groups and older and held.strictness >= what.strictness and held.is_somebodys:
        # Another investigation says it as it is now, or later.
        return now, Step.NOTHING
    return replace(now, digest=what.digest, version=_later(held.version, what.version)), Step.CHANGE


def unsay(held: Held, group: str, *, now: int) -> tuple[Held | None, bool]:
    """Return what is held once `group` says it no more, None for nothing, and whether it goes with that."""
    rest = {name: statement for name, statement in held.groups.items() if name != group}
    if not rest:
        if held.version is None:
            return None, True
        return replace(held, groups={}, revoked=True, version=_later(held.version, now)), True
    return replace(held, groups=rest), False


def current_id(id: str, turn: int) -> str:
    """Return the id that an object has in a collection, which it came back to so often."""
    if turn == 0:
        return id
    again = uuid.uuid5(_RETURNED, f"{id}\n{turn}")
    return f"{id.partition('--')[0]}--{again}"


def published(value: Mapping[str, Any], held: Held, names: Mapping[str, str]) -> dict[str, Any]:
    """Return an object as it is published: with its version and marking there, and by the ids of `names`."""
    made: dict[str, Any] = _renamed(value, names) if names else dict(value)
    if held.version is not None and held.version != instant(str(made["modified"])):
        made["modified"] = timestamp(held.version)
    if held.strictness > _strictness(value):
        others = [one for one in made.get("object_marking_refs", []) if one not in _STRICTNESS]
        made["object_marking_refs"] = [*others, _MARKING_OF[held.strictness]]
    return made


def revoked(value: Mapping[str, Any], held: Held) -> dict[str, Any]:
    """Return the last version of an object that nobody says any more; `value` is the one before."""
    return {**value, "revoked": True, "modified": timestamp(held.version or 0)}


def _later(before: int | None, wanted: int | None) -> int | None:
    if before is None or wanted is None:
        return wanted
    # What STIX writes has milliseconds.
    return max(wanted, (before // _MILLISECOND + 1) * _MILLISECOND)


def _renamed(value: Any, names: Mapping[str, str], *, named: bool = False) -> Any:
    """Return a value with other ids, where ids stand: in `id` and in what ends with `_ref` or `_refs`."""
    if isinstance(value, Mapping):
        return {
            key: _renamed(one, names, named=key == "id" or key.endswith(("_ref", "_refs")))
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_renamed(one, names, named=named) for one in value]
    return names.get(value, value) if named and isinstance(value, str) else value


def _strictness(value: Mapping[str, Any]) -> int:
    marked = value.get("object_marking_refs")
    if not isinstance(marked, list):
        # What a client posts may be anything.
        return 0
    return max((_STRICTNESS.get(one, 0) for one in marked if isinstance(one, str)), default=0)
