"""Editing a dead letter: a new item in the editor's name, beside the old one, which stays as it was."""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson
from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from registry.audit import Audit, AuditEntry
from registry.callers import Actor, Scope
from registry.dead_letter_lines import DeadLetterLine
from registry.dead_letter_list import DeadLetters, UnknownPlaceError
from registry.items import Items, UnknownItemError
from registry.outbox_work import NotInOutboxError
from registry.queue_errors import NoSuchDeadLetterError
from vedette.canonical import canonical_json, parse_json
from vedette.errors import ConflictError, RefusedError
from vedette.messages.correction import Edit, corrected, editable_meta, original_of
from vedette.messages.limits import MAX_TEXT
from web.api.access import Rules
from web.api.forms import FormLimits, read_form
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.scandale_intake import BusyError, ItemIntake
from web.api.v1.acting import actor_of
from web.api.v1.dead_letters import Place, Uuid
from web.console.dead_letters import GONE, LETTERS, is_reason
from web.console.frame import Frame, add_page

MAX_EDITED: Final = 64 * 1024
"""Bytes of a payload that can be edited on a page."""

LIMITS: Final = FormLimits(size=8 * MAX_EDITED)
"""A form with meta and payload, of which each byte may be written with three characters."""

_FAILURES: Final = (UnknownPlaceError, NotInOutboxError, NoSuchDeadLetterError, UnknownItemError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Editable:
    """A dead letter as it can be edited."""

    letter: DeadLetterLine
    """The letter."""
    item: dict[str, Any]
    """Its item."""
    data: bytes | None
    """The bytes in the outbox; None where the item is in the store."""
    meta: str
    """Its meta, as text to edit."""
    payload: str | None
    """Its payload as text; None where it is none, or too large, or would not come back as it is."""


class LetterEditingRoutes:
    """`GET` and `POST /dead-letters/{place}/{uuid}/edit`."""

    def __init__(
        self, *, frame: Frame, letters: DeadLetters, items: Items, intake: ItemIntake, audit: Audit, gate: Gate
    ) -> None:
        self._frame = frame
        self._letters = letters
        self._items = items
        self._intake = intake
        self._audit = audit
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        path = f"{LETTERS}/{{place}}/{{uuid}}/edit"
        add_page(app, path, self.show, rule=Depends(rules.any_of(Scope.OPERATE)))
        operate = Depends(rules.any_of_by_form(Scope.OPERATE, limits=LIMITS))
        add_page(app, path, self.send, rule=operate, method="POST")

    async def show(self, place: Place, uuid: Uuid, request: Request) -> Response:
        """Show what can be edited."""
        try:
            editable = await self._open(place, uuid)
        except _FAILURES:
            return self._frame.missing(request, GONE, current=LETTERS)
        return self._page(request, editable, meta=editable.meta, payload=editable.payload)

    async def send(self, place: Place, uuid: Uuid, request: Request) -> Response:
        """Hand in what was made of it, and discard the letter."""
        form = await read_form(request, limits=LIMITS)
        try:
            editable = await self._open(place, uuid)
        except _FAILURES:
            return self._frame.missing(request, GONE, current=LETTERS)
        meta, payload, reason = form.get("meta", ""), form.get("payload"), form.get("reason", "").strip()
        by = actor_of(request, self._gate)
        try:
            if not is_reason(reason):
                raise RefusedError("reason", "say why: it is kept with the item")
            made = await self._hand_in(editable, meta=meta, payload=payload, reason=reason, by=by)
        except (RefusedError, ConflictError, BusyError) as error:
            return self._page(
                request, editable, meta=meta, payload=payload, reason=reason, problem=str(error), status=422
            )
        return go_to(f"/items/{made}")

    async def _open(self, place: str, uuid: str) -> Editable:
        letter, data = await self._letters.find(place, uuid)
        if letter.discarded_at is not None:
            raise NotInOutboxError(f"{uuid}: was discarded")
        item: dict[str, Any] = parse_json(data) if data is not None else await self._items.get(uuid)
        meta = orjson.dumps(editable_meta(item), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
        return Editable(letter=letter, item=item, data=data, meta=meta, payload=_text_of(item))

    async def _hand_in(self, editable: Editable, *, meta: str, payload: str | None, reason: str, by: Actor) -> str:
        """Return the uuid of the new item; each step may be done again, and the letter goes last."""
        edit = Edit(place=editable.letter.place, editor=by.who, reason=reason)
        content = None if payload is None or editable.payload is None else _bytes_of(payload, editable.payload)
        item = corrected(editable.item, meta=meta, payload=content, edit=edit)
        if editable.data is not None:
            # Of what was never taken there is no statement yet: its bytes get one before they are deleted.
            original = original_of(
                editable.data, agent=editable.letter.sender, ts=editable.letter.at // 1_000_000, edit=edit
            )
            await self._intake.post(canonical_json(original), sender=by.who)
        posted = await self._intake.post(canonical_json(item), sender=by.who)
        made, letter = posted.item.uuid, editable.letter
        where, what = f"{letter.uuid} in {letter.place}", f"as {made}: {reason}"
        await self._audit.record(
            AuditEntry(who=by.who, action="dead-letter.edit", object=where, origin=by.origin, detail=what)
        )
        # Somebody else may have decided about the letter meanwhile; what was made of it is there all the same.
        with suppress(*_FAILURES):
            await self._letters.decide(letter.place, letter.uuid, reason=f"edited {what}"[:MAX_TEXT], by=by)
        return made

    def _page(
        self,
        request: Request,
        editable: Editable,
        *,
        meta: str,
        payload: str | None,
        reason: str = "",
        problem: str = "",
        status: int = 200,
    ) -> Response:
        return self._frame.page(
            request,
            "dead_letter_edit.html",
            current=LETTERS,
            status=status,
            letter=editable.letter,
            meta=meta,
            payload=payload if editable.payload is not None else None,
            reason=reason,
            problem=problem,
        )


def _text_of(item: dict[str, Any]) -> str | None:
    raw = item["payload"].get("raw")
    if not isinstance(raw, str) or len(raw) > 2 * MAX_EDITED:
        return None
    try:
        data = base64.b64decode(raw, validate=True)
        text = data.decode("utf-8")
    except ValueError:
        return None
    # A browser sends every line's end as CR LF: what mixes them would not come back as it is.
    mixed = "\r" in text.replace("\r\n", "") or ("\r\n" in text and "\n" in text.replace("\r\n", ""))
    return None if mixed or "\0" in text or len(data) > MAX_EDITED else text


def _bytes_of(sent: str, before: str) -> bytes | None:
    """Return the new payload; None where it is what it was."""
    text = sent.replace("\r\n", "\n")
    if "\r\n" in before:
        text = text.replace("\n", "\r\n")
    return None if text == before else text.encode("utf-8", "replace")
