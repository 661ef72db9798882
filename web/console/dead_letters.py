"""Dead letters: what was given up and why; a person looks at the content, then replays or discards it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.dead_letter_list import DeadLetters, UnknownPlaceError
from registry.outbox_work import NotInOutboxError
from registry.queue_errors import NoSuchDeadLetterError
from vedette.messages.limits import MAX_TEXT
from web.api.access import Rules
from web.api.forms import read_form
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.v1.acting import actor_of
from web.api.v1.dead_letters import PLACE, Place, Uuid
from web.console.frame import Frame, add_page, links_of
from web.console.parameters import PAGE, PageParameters
from web.console.payload_view import payload_view

LETTERS = "/dead-letters"
"""Where the page is."""

_GONE = "There is no such dead letter; somebody may have decided about it."


class LetterPageParameters(PageParameters):
    """Which dead letters to show."""

    place: Annotated[str, Query(pattern=PLACE)] | None = None
    """Only those there: `queue:NAME` or `outbox:NAME`."""
    discarded: bool = False
    """Also those that a person gave up for good."""


class DeadLetterPageRoutes:
    """`GET /dead-letters`, `GET /dead-letters/{place}/{uuid}`, and the forms on it."""

    def __init__(self, *, frame: Frame, letters: DeadLetters, gate: Gate) -> None:
        self._frame = frame
        self._letters = letters
        self._gate = gate

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
        try:
            found = await self._letters.page(
                place=asked.place, discarded=asked.discarded, limit=PAGE, cursor=asked.cursor
            )
        except UnknownPlaceError:
            return self._frame.missing(request, "There is no queue or outbox of this name here.", current=LETTERS)
        links = links_of(request, found, api="/v1/dead-letters")
        return self._frame.page(
            request, "dead_letters.html", current=LETTERS, rows=found.rows, links=links, asked=asked
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
        if not reason or "\0" in reason or len(reason) > MAX_TEXT:
            return await self._show(request, place, uuid, problem="Say why: the reason is kept.", status=422)
        return await self._decide(request, place, uuid, reason)

    async def _decide(self, request: Request, place: str, uuid: str, reason: str | None) -> Response:
        try:
            await self._letters.decide(place, uuid, reason=reason, by=actor_of(request, self._gate))
        except (UnknownPlaceError, NotInOutboxError, NoSuchDeadLetterError):
            return self._frame.missing(request, _GONE, current=LETTERS)
        return go_to(f"{LETTERS}?said={'replayed' if reason is None else 'discarded'}")

    async def _show(
        self, request: Request, place: str, uuid: str, *, problem: str = "", status: int = 200
    ) -> Response:
        try:
            letter, content = await self._letters.find(place, uuid)
        except (UnknownPlaceError, NotInOutboxError, NoSuchDeadLetterError):
            return self._frame.missing(request, _GONE, current=LETTERS)
        view = None if content is None else payload_view(content)
        return self._frame.page(
            request, "dead_letter.html", current=LETTERS, status=status, letter=letter, view=view, problem=problem
        )
