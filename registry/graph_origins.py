"""Where mentions come from: each item and extractor once, the newest version of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from registry.graph_drafts import Draft
from registry.graph_session import Session
from vedette.storable import storable

_INSERT = (
    "INSERT INTO graph_origin"
    " (id, item, sha256, source, agent, extractor, version, observed_at, merged_at, confidence)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_WITHDRAW = "UPDATE graph_origin SET withdrawn_at = ?, withdrawn_by = ?, withdrawn_why = ? WHERE id = ?"
_NUMBER = re.compile(r"\d{1,18}")

SUPERSEDED = "extractor"
"""Who withdraws what an older version of an extractor said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Admitted:
    """Which subgraphs are merged."""

    drafts: tuple[tuple[int, Draft], ...]
    """New ones, each with its origin's row."""
    superseded: tuple[int, ...]
    """Origins that newer versions replace."""
    unchanged: int
    """How many are not merged: they, or something newer, are there already, or were taken back."""


@dataclass(slots=True)
class _Known:
    """The newest version of what an extractor said of an item."""

    id: int | None
    """Its row; None: it is in this very batch."""
    version: str
    withdrawn: bool
    """Whether somebody took it back: then a newer version of it does not bring it back."""


def admit(session: Session, drafts: Sequence[Draft]) -> Admitted:
    """Write the origins of the subgraphs that are new, and withdraw those that they replace."""
    known = _known(session, drafts)
    chosen: dict[tuple[str, str], Draft] = {}
    superseded: list[tuple[int, str]] = []
    for draft in drafts:
        key, version = _key(draft), draft.origin.version
        newest = known.get(key)
        if newest is not None and (newest.withdrawn or version_order(version) <= version_order(newest.version)):
            continue
        if newest is not None and newest.id is not None:
            superseded.append((newest.id, version))
        known[key] = _Known(None, version, withdrawn=False)
        chosen[key] = draft
    new = tuple((_insert(session, draft), draft) for draft in chosen.values())
    for id, version in superseded:
        withdraw_origins(session, [id], who=SUPERSEDED, why=f"version {version} of the extractor read it again")
    replaced = tuple(id for id, _ in superseded)
    return Admitted(drafts=new, superseded=replaced, unchanged=len(drafts) - len(new))


def _key(draft: Draft) -> tuple[str, str]:
    return draft.origin.item, draft.origin.extractor


def _known(session: Session, drafts: Sequence[Draft]) -> dict[tuple[str, str], _Known]:
    query = "SELECT id, item, extractor, version, withdrawn_at, withdrawn_by FROM graph_origin WHERE item IN ({})"
    items = sorted({_key(draft)[0] for draft in drafts})
    known: dict[tuple[str, str], _Known] = {}
    for row in session.statements.among(query, items):
        key = (row.item, row.extractor)
        withdrawn = row.withdrawn_at is not None and row.withdrawn_by != SUPERSEDED
        if key not in known or version_order(row.version) > version_order(known[key].version):
            known[key] = _Known(row.id, row.version, withdrawn)
        known[key].withdrawn |= withdrawn
    return known


def _insert(session: Session, draft: Draft) -> int:
    origin, id = draft.origin, session.number("graph_origin")
    texts = (origin.item, origin.sha256, origin.source, origin.agent, origin.extractor, origin.version)
    values: tuple[Any, ...] = (*texts, origin.observed_at, session.at, origin.confidence)
    session.statements.run(_INSERT, (id, *values))
    return id


def withdraw_origins(session: Session, ids: Sequence[int], *, who: str, why: str) -> None:
    """Mark origins as withdrawn; what they said has to be taken out of the nodes and edges afterwards."""
    at = session.at
    session.statements.many(_WITHDRAW, [(at, storable(who), storable(why), id) for id in ids])


def version_order(version: str) -> tuple[tuple[bool, int, str], ...]:
    """Return what orders versions: their numbers by size, texts between them as texts."""
    parts = [part for part in re.split(r"(\d{1,18})", version) if part not in ("", ".")]
    return tuple((True, int(part), "") if _NUMBER.fullmatch(part) else (False, 0, part) for part in parts)
