"""An edited dead letter: a statement of its own about another one, which stays as it was. Pure, no I/O.

1. Who edits speaks for themselves: `meta.agent` is the editor, and `meta.edited` says whose item it was.
2. The same edit has the same uuid, so that sending it twice stores it once.
3. What the editor may not say: the numbers, hashes and times that belong to the first statement's sender.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from vedette.canonical import canonical_json, parse_json, sha256_hex
from vedette.errors import RefusedError
from vedette.sealing.envelope import MARK, is_marked

ORIGINAL_TYPE: Final = "dead-letter"
"""`meta.type` of an item that keeps what lay in an outbox."""

ORIGINAL_FORMAT: Final = "vedette-dead-letter"
"""`format` of such an item; its payload is the letter's JSON, byte for byte."""

# They belong to the statement of who sent the item first.
_OWNED: Final = ("uuid", "agent", "origin_seq", "sha256", "size", "edited")
_NAMES: Final = UUID("7b6f2d52-6a0c-4f0e-9d0e-3d9c36c9a1f4")


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """Who edits which dead letter, and why."""

    place: str
    """`queue:NAME` or `outbox:NAME`."""
    editor: str
    """Who edits, as in the audit log."""
    reason: str
    """Why."""


def editable_meta(item: dict[str, Any]) -> dict[str, Any]:
    """Return of an item's meta what an editor may change."""
    return {name: value for name, value in item["meta"].items() if name not in _OWNED}


def corrected(item: dict[str, Any], *, meta: str, payload: bytes | None, edit: Edit) -> dict[str, Any]:
    """Return the item that an editor makes of a dead letter.

    Args:
        item: the dead letter's.
        meta: JSON of what the editor says of it.
        payload: its new content; None leaves it as it is.
        edit: who, which and why.

    Raises:
        RefusedError: the meta is not a JSON object; names the field and the reason.
    """
    changed = parse_json(meta)
    if not isinstance(changed, dict):
        raise RefusedError("meta", "must be a JSON object")
    edited = {
        "by": edit.editor,
        "from": item["meta"]["uuid"],
        "agent": item["meta"].get("agent"),
        "place": edit.place,
        "reason": edit.reason,
        "sha256": sha256_hex(canonical_json(item)),
    }
    kept = {name: value for name, value in changed.items() if name not in _OWNED}
    content = item["payload"] if payload is None else {"raw": base64.b64encode(payload).decode()}
    made = {**item, "meta": kept | {"agent": edit.editor, "edited": edited}, "payload": content}
    return _named(made)


def original_of(item: bytes, *, agent: str, ts: int, edit: Edit) -> dict[str, Any]:
    """Return the item that keeps a dead letter of an outbox, byte for byte, before it is discarded there."""
    meta = {
        "agent": edit.editor,
        "ts": ts,
        "type": ORIGINAL_TYPE,
        "content_type": "application/json",
        "dead_letter": {"place": edit.place, "agent": agent},
    }
    if is_marked(item):
        # What was not to be read on its way to the store is not on its way to consumers either.
        meta[MARK] = parse_json(item)["meta"][MARK]
    payload = {"raw": base64.b64encode(item).decode()}
    return _named({"version": "1", "format": ORIGINAL_FORMAT, "meta": meta, "payload": payload})


def _named(item: dict[str, Any]) -> dict[str, Any]:
    uuid = str(uuid5(_NAMES, sha256_hex(canonical_json(item))))
    return {**item, "meta": item["meta"] | {"uuid": uuid}}
