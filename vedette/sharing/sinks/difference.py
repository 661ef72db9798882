"""What differs between an investigation's records and what a sink holds of it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from vedette.sharing.exporter import MAX_SHOWN, Change, ExportError, Plan
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.sinks.records import Sealed

_MAX_VALUE: Final = 120
"""Characters of a value that a diff shows."""

_NOT_SHOWN: Final = frozenset({"raw", "bundle", "digest", "withdrawn_at", "@timestamp", "property", "text"})
"""Fields that a diff leaves out: they are too large to be read, or follow from others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A record as a sink holds it."""

    kind: str
    digest: str
    withdrawn: bool = False
    """Whether it is marked as no longer said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What a sink has to do to hold what is said now, and nothing else."""

    add: Sequence[Sealed]
    change: Sequence[Sealed]
    restore: Sequence[Sealed]
    """Withdrawn before, and said again."""
    remove: Sequence[tuple[str, str]]
    """Kind and id of what is no longer said, sorted."""
    unchanged: int

    @property
    def write(self) -> list[Sealed]:
        """What is written: new, changed and restored."""
        return [*self.add, *self.change, *self.restore]

    @property
    def total(self) -> int:
        """How many changes there are."""
        return len(self.add) + len(self.change) + len(self.restore) + len(self.remove)

    @property
    def digest(self) -> str:
        """SHA-256, hex, over all of it."""
        found = hashlib.sha256()
        for action, ones in (("add", self.add), ("change", self.change), ("restore", self.restore)):
            for one in ones:
                found.update(f"{action} {one.record.id} {one.digest}\n".encode())
        for kind, id in self.remove:
            found.update(f"remove {kind} {id}\n".encode())
        return found.hexdigest()

    def refuse_other(self, only: str | None, *, place: str) -> None:
        """Let only the plan through that was approved.

        Raises:
            ExportError: this one is another.
        """
        if only is not None and only != self.digest:
            raise ExportError(f"{place}: what would be sent has changed since it was approved; look at it again")

    def refuse_if_nothing_was_taken(self, refused: Sequence[Withheld], *, place: str) -> None:
        """Let an export fail when a sink refuses each of several records: something is wrong with the sink.

        Raises:
            ExportError: it is so.
        """
        if len(refused) > 1 and len(refused) == len(self.write):
            raise ExportError(f"{place}: took none of {len(refused)} records; of the first: {refused[0].reason}")


def compare(wanted: Sequence[Sealed], there: Mapping[str, Standing], *, kept: Iterable[str] = ()) -> Difference:
    """Return what differs.

    Args:
        wanted: what is said now.
        there: what the sink holds, by id.
        kept: ids of what is said but cannot be written: what the sink holds of it stays.
    """
    add, change, restore = [], [], []
    for one in wanted:
        standing = there.get(one.record.id)
        if standing is None:
            add.append(one)
        elif standing.withdrawn:
            restore.append(one)
        elif standing.digest != one.digest:
            change.append(one)
    said = {one.record.id for one in wanted}.union(kept)
    remove = sorted(
        (standing.kind, id) for id, standing in there.items() if id not in said and not standing.withdrawn
    )
    unchanged = len(wanted) - len(add) - len(change) - len(restore)
    return Difference(add=add, change=change, restore=restore, remove=remove, unchanged=unchanged)


def plan_of(
    difference: Difference,
    *,
    before: Mapping[str, Mapping[str, Any]],
    investigation: Investigation,
    withheld: Sequence[Withheld],
    form: Callable[[Sealed], Mapping[str, Any]] = lambda one: one.record.values,
) -> Plan:
    """Return a difference as a plan.

    Args:
        difference: what is to be done.
        before: what the sink holds of records that change or go, by id; of the first `MAX_SHOWN` at least.
        investigation: what is exported.
        withheld: what the sink would not take.
        form: the form that the sink holds records in.
    """
    changes = [Change(action="add", what=one.record.what) for one in difference.add[:MAX_SHOWN]]
    for one in difference.change[: MAX_SHOWN - len(changes)]:
        old, new = _changed(before.get(one.record.id, {}), form(one))
        changes.append(Change(action="change", what=one.record.what, before=old, after=new))
    changes += [
        Change(action="restore", what=one.record.what) for one in difference.restore[: MAX_SHOWN - len(changes)]
    ]
    changes += [
        Change(action="remove", what=f"{kind} {_name(before.get(id, {})) or id}")
        for kind, id in difference.remove[: MAX_SHOWN - len(changes)]
    ]
    return Plan(
        digest=difference.digest,
        changes=changes,
        total=difference.total,
        withheld=[*investigation.withheld, *withheld],
    )


def shown_ids(difference: Difference) -> list[str]:
    """Return the ids of records whose old values a plan shows."""
    changed = [one.record.id for one in difference.change[:MAX_SHOWN]]
    return [*changed, *(id for _, id in difference.remove[:MAX_SHOWN])]


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, str]:
    """Return the fields that differ, as they were and as they will be."""
    names = [
        name
        for name in after
        if name in before and name not in _NOT_SHOWN and _plain(before[name]) != _plain(after[name])
    ]
    return _fields(names, before), _fields(names, after)


def _fields(names: Sequence[str], values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_plain(values[name])[:_MAX_VALUE]}" for name in names)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()


def _name(values: Mapping[str, Any]) -> str:
    """Return what a record that the sink holds is about."""
    properties = values.get("properties")
    if isinstance(properties, Mapping):
        kinds = (str(properties.get("vertexType", "")), str(properties.get("observableType", "")))
        return f"{'/'.join(filter(None, kinds))} {str(properties.get('name', ''))[:_MAX_VALUE]}"
    if values.get("relation"):
        return f"{values.get('outVertID')} {values['relation']} {values.get('inVertID')}"[:_MAX_VALUE]
    return str(values.get("item", ""))
