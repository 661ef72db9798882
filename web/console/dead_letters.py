"""Dead letters: what was given up and why; a person looks at the content, then replays, edits or discards it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.dead_letter_lines import DeadLetterLine, LettersWanted
from registry.dead_letter_list import DeadLetters, UnknownPlaceError
from registry.item_detail import ItemDetails
from registry.listing import Page
from registry.outbox_work import NotInOutboxError
from registry.queue_errors import NoSuchDeadLetterError
from vedette.clock import Clock
from vedette.messages.limits import MAX_TEXT
from web.api.access import Rules
from web.api.forms import read_form
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.v1.acting import actor_of
from web.api.v1.dead_letters import Place, Uuid
from web.console.frame import Frame, Links, add_page, links_of
from web.console.letter_choice import AGES, LetterPageParameters
from web.console.parameters import PAGE
from web.console.payload_view import PayloadView, payload_view

LETTERS: Final = "/dead-letters"
"""Where the page is."""

GONE: Final = "There is no such dead letter; somebody may have decided about it."
"""What is said of one that is not there."""


class DeadLetterPageRoutes:
    """`GET /dead-letters`, `GET /dead-letters/{place}/{uuid}`, and the forms on it."""

    def __init__(self, *, frame: Frame, letters: DeadLetters, details: ItemDetails, gate: Gate, clock: Clock) -> None:
        self._frame = frame
        self._letters = letters
        self._details = details
        self._gate = gate
        self._clock = clock

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read, operate = Depends(rules.any_of(Scope.READ)), Depends(rules.any_of_by_form(Scope.OPERATE))
        one = f"{LETTERS}/{{place}}/{{uuid}}"
        add_page(app, LETTERS, self.list, rule=read)
        add_page(app, one, self.show, rule=read)
        add_page(app, f"{one}/replay", self.replay, rule=operate, method="POST")
        add_page(app, f"{one}/discard", self.discard, rule=operate, method="POST")

    async def list(self, request: Request, asked: Annotated[LetterPageParameters, Query()]) -> Response:
        """Show the dead letters, newest first."""
        wanted = asked.wanted(now=self._clock.now(), discarded=asked.discarded)
        try:
            found = await self._letters.page(wanted=wanted, limit=PAGE, cursor=asked.cursor)
            counts = await self._letters.counts(replace(wanted, discarded=False))
        except UnknownPlaceError:
            return self._frame.missing(request, "There is no queue or outbox of this name here.", current=LETTERS)
        return self._frame.page(
            request,
            "dead_letters.html",
            current=LETTERS,
            rows=found.rows,
            counts=counts,
            links=_links(request, found, wanted),
            asked=asked,
            chosen=asked.chosen,
            ages=list(AGES),
        )

    async def show(self, place: Place, uuid: Uuid, request: Request) -> Response:
        """Show one with its content."""
        return await self._show(request, place, uuid)

    async def replay(self, place: Place, uuid: Uuid, request: Request) -> Response:
        """Let it be tried again."""
        return await self._decide(request, place, uuid, None)

    async def discard(self, place: Place, uuid: Uuid, request: Request) -> Response:
        """Give it up for good, with a reason."""
        reason = (await read_form(request)).get("reason", "").strip()
        if not is_reason(reason):
            return await self._show(request, place, uuid, problem="Say why: the reason is kept.", status=422)
        return await self._decide(request, place, uuid, reason)

    async def _decide(self, request: Request, place: str, uuid: str, reason: str | None) -> Response:
        try:
            await self._letters.decide(place, uuid, reason=reason, by=actor_of(request, self._gate))
        except (UnknownPlaceError, NotInOutboxError, NoSuchDeadLetterError):
            return self._frame.missing(request, GONE, current=LETTERS)
        return go_to(f"{LETTERS}?said={'replayed' if reason is None else 'discarded'}")

    async def _show(
        self, request: Request, place: str, uuid: str, *, problem: str = "", status: int = 200
    ) -> Response:
        try:
            letter, content = await self._letters.find(place, uuid)
        except (UnknownPlaceError, NotInOutboxError, NoSuchDeadLetterError):
            return self._frame.missing(request, GONE, current=LETTERS)
        view = await self._view(letter, content)
        return self._frame.page(
            request, "dead_letter.html", current=LETTERS, status=status, letter=letter, view=view, problem=problem
        )

    async def _view(self, letter: DeadLetterLine, content: bytes | None) -> PayloadView | None:
        """Return what to show: of an outbox the whole item, of a queue its payload, as the rest has a page."""
        if content is None and letter.place.startswith("queue:"):
            content = await self._details.inline(letter.uuid)
        return None if content is None else payload_view(content)


def is_reason(text: str) -> bool:
    """Tell whether a reason can be kept."""
    return bool(text) and "\0" not in text and len(text) <= MAX_TEXT


def _links(request: Request, found: Page[DeadLetterLine], wanted: LettersWanted) -> Links:
    """Return the links of the list; for programs, which say times and not ages."""
    links = links_of(request, found, api="/v1/dead-letters")
    values = {name: getattr(wanted, name) for name in ("place", "sender", "reason", "until")}
    chosen = {name: value for name, value in values.items() if value is not None}
    if wanted.discarded:
        chosen["discarded"] = "true"
    query = f"?{urlencode(chosen)}" if chosen else ""
    return replace(links, json=f"/v1/dead-letters{query}", csv=f"/v1/dead-letters.csv{query}")
