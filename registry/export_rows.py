"""Exports as they are shown, made of their rows; plans and outcomes as JSON of bounded size."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import RowMapping

from vedette.errors import VedetteError
from vedette.sharing.exporter import MAX_SHOWN, Change, Exported, Plan
from vedette.sharing.investigation import Withheld
from vedette.sharing.request import Export
from vedette.storable import storable

MAX_LINE: Final = 1_000
"""Characters of one text of a plan or an outcome that are kept."""

MAX_REASONS: Final = 20
"""Reasons why things were left out that are counted apart."""

_REST: Final = "and for other reasons"


class UnknownExportError(VedetteError):
    """There is no export of this uuid."""


def unknown(uuid: str) -> UnknownExportError:
    """Return the error for an export that is not there."""
    return UnknownExportError(f"{uuid[:64]}: there is no such export; see: vedette export list")


def identity_of(*, key: str, destination: str, dry_run: bool, approval: bool) -> str:
    """Return what two requests have in common that are the same work."""
    return hashlib.sha256(orjson.dumps([key, destination, dry_run, approval])).hexdigest()


def export_of(row: RowMapping) -> Export:
    """Return the export that a row is."""
    return Export(
        uuid=row["uuid"],
        state=row["state"],
        select=row["selection"],
        key=row["key"],
        title=row["title"],
        destination=row["destination"],
        share=row["share"],
        dry_run=row["dry_run"],
        approval=row["approval"],
        requested_by=row["requested_by"],
        requested_at=row["requested_at"],
        woken_at=row["woken_at"],
        not_before=row["not_before"],
        attempts=row["attempts"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        decided_by=row["decided_by"],
        approved=row["approved"],
        reason=row["reason"],
        plan=None if row["plan"] is None else _plan_of(row["plan"]),
        exported=None if row["exported"] is None else _exported_of(row["exported"]),
    )


def plan_text(plan: Plan) -> str:
    """Return a plan as JSON; what does not fit is cut, and `total` still counts it."""
    return _dumps(
        {
            "digest": plan.digest,
            "changes": [
                [change.action, _cut(change.what), _cut(change.before), _cut(change.after)]
                for change in plan.changes[:MAX_SHOWN]
            ],
            "total": plan.total,
            "withheld": _withheld_rows(plan.withheld),
            "notes": _notes(plan.notes),
        }
    )


def exported_text(exported: Exported) -> str:
    """Return an outcome as JSON; what does not fit is cut."""
    return _dumps(
        {
            "sent": exported.sent,
            "unchanged": exported.unchanged,
            "requests": exported.requests,
            "withheld": _withheld_rows(exported.withheld),
            "address": _cut(exported.address),
            "notes": _notes(exported.notes),
        }
    )


def reasons_text(withheld: Iterable[Withheld]) -> str:
    """Return why things were left out, and how often, most frequent first, as JSON."""
    return _dumps(_most_frequent(Counter(_cut(one.reason) for one in withheld)))


def reasons_of(texts: Iterable[str]) -> list[tuple[str, int]]:
    """Return the reasons of several exports together, most frequent first."""
    counts: Counter[str] = Counter()
    for text in texts:
        for reason, count in orjson.loads(text):
            counts[reason] += count
    return _most_frequent(counts)


def _most_frequent(counts: Counter[str]) -> list[tuple[str, int]]:
    rest = counts.pop(_REST, 0)
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    rest += sum(count for _, count in ordered[MAX_REASONS:])
    return ordered[:MAX_REASONS] + ([(_REST, rest)] if rest else [])


def _withheld_rows(withheld: Sequence[Withheld]) -> list[list[str]]:
    return [[_cut(one.what), _cut(one.reason), _cut(one.vertex)] for one in withheld[:MAX_SHOWN]]


def _notes(notes: Sequence[str]) -> list[str]:
    return [_cut(note) for note in notes[:MAX_SHOWN]]


def _cut(text: str) -> str:
    return storable(text, limit=MAX_LINE)


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


def _plan_of(text: str) -> Plan:
    data = orjson.loads(text)
    return Plan(
        digest=data["digest"],
        changes=tuple(
            Change(action=action, what=what, before=before, after=after)
            for action, what, before, after in data["changes"]
        ),
        total=data["total"],
        withheld=_withheld_of(data["withheld"]),
        notes=tuple(data["notes"]),
    )


def _exported_of(text: str) -> Exported:
    data = orjson.loads(text)
    return Exported(**{**data, "withheld": _withheld_of(data["withheld"]), "notes": tuple(data["notes"])})


def _withheld_of(rows: Iterable[Sequence[str]]) -> tuple[Withheld, ...]:
    return tuple(Withheld(what=what, reason=reason, vertex=vertex) for what, reason, vertex in rows)
