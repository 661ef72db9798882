"""Deciding about many dead letters: first a page says how many and which, then the form on it does it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.dead_letter_bulk import MOST, BulkDone, DeadLetterBulk, LetterName
from registry.dead_letter_lines import DeadLetterLine, LettersWanted
from registry.dead_letter_list import DeadLetters, LetterCounts, UnknownPlaceError
from registry.outbox_work import NotInOutboxError
from registry.queue_errors import NoSuchDeadLetterError
from vedette.clock import Clock
from web.api.access import Rules
from web.api.forms import FormLimits, read_form
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.v1.acting import actor_of
from web.console.dead_letters import LETTERS, is_reason
from web.console.frame import Frame, add_page
from web.console.letter_choice import DecideParameters, read_choice

DECIDE: Final = f"{LETTERS}/decide"
"""Where the page is."""

LIMITS: Final = FormLimits(size=32 * 1024)
"""A page of letters with long names."""

SHOWN: Final = 20
"""Letters that the page names."""


class LetterDecisionRoutes:
    """`GET` and `POST /dead-letters/decide`."""

    def __init__(self, *, frame: Frame, letters: DeadLetters, bulk: DeadLetterBulk, gate: Gate, clock: Clock) -> None:
        self._frame = frame
        self._letters = letters
        self._bulk = bulk
        self._gate = gate
        self._clock = clock

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        add_page(app, DECIDE, self.ask, rule=Depends(rules.any_of(Scope.OPERATE)))
        add_page(
            app,
            DECIDE,
            self.decide,
            rule=Depends(rules.any_of_by_form(Scope.OPERATE, limits=LIMITS)),
            method="POST",
        )

    async def ask(self, request: Request, asked: Annotated[DecideParameters, Query()]) -> Response:
        """Say how many letters it would be about, and which."""
        return await self._ask(request, asked, until=self._clock.now())

    async def decide(self, request: Request) -> Response:
        """Replay or discard them."""
        form = await read_form(request, limits=LIMITS)
        asked, until = read_choice(form)
        why = form.get("why", "").strip()
        if asked.do == "discard" and not is_reason(why):
            return await self._ask(request, asked, until=until, problem="Say why: the reason is kept.", status=422)
        reason, by = (why if asked.do == "discard" else None), actor_of(request, self._gate)
        if asked.all:
            # What was given up after the page was shown was not on it.
            done = await self._bulk.decide_all(_wanted(asked, until), reason=reason, by=by)
        else:
            done = await self._bulk.decide(await self._unchanged(asked, until), reason=reason, by=by)
            done = replace(done, missing=len(asked.names) - done.done)
        return go_to(f"{LETTERS}?{urlencode(_said(asked, done))}")

    async def _ask(
        self, request: Request, asked: DecideParameters, *, until: int, problem: str = "", status: int = 200
    ) -> Response:
        try:
            rows, counts = await (self._found(asked, until) if asked.all else self._picked(asked))
        except UnknownPlaceError:
            return self._frame.missing(request, "There is no queue or outbox of this name here.", current=LETTERS)
        return self._frame.page(
            request,
            "dead_letters_decide.html",
            current=LETTERS,
            status=status,
            asked=asked,
            rows=rows,
            counts=counts,
            most=MOST,
            until=until,
            chosen=asked.chosen,
            picks=" ".join(f"{row.place}/{row.uuid}" for row in rows),
            problem=problem,
            shown=SHOWN,
        )

    async def _unchanged(self, asked: DecideParameters, until: int) -> list[LetterName]:
        """Return the chosen letters that are as the page showed them: one may have been tried and given up again."""
        rows, _ = await self._picked(asked)
        return [LetterName(place=row.place, uuid=row.uuid) for row in rows if row.at <= until]

    async def _found(self, asked: DecideParameters, until: int) -> tuple[list[DeadLetterLine], LetterCounts]:
        wanted = _wanted(asked, until)
        page = await self._letters.page(wanted=wanted, limit=SHOWN)
        return page.rows, await self._letters.counts(wanted)

    async def _picked(self, asked: DecideParameters) -> tuple[list[DeadLetterLine], LetterCounts]:
        rows = []
        for name in asked.names:
            try:
                letter, _ = await self._letters.find(name.place, name.uuid)
            except (UnknownPlaceError, NotInOutboxError, NoSuchDeadLetterError):
                continue
            if letter.discarded_at is None:
                rows.append(letter)
        reasons = {row.reason: sum(one.reason == row.reason for one in rows) for row in rows}
        return rows, LetterCounts(total=len(rows), reasons=tuple(reasons.items()))


def _wanted(asked: DecideParameters, until: int) -> LettersWanted:
    wanted = asked.wanted(now=until)
    return wanted if wanted.until is not None else replace(wanted, until=until)


def _said(asked: DecideParameters, done: BulkDone) -> dict[str, str | int]:
    said = "replayed" if asked.do == "replay" else "discarded"
    numbers = {"count": done.done, "missing": done.missing, "left": done.left}
    return {"said": said} | {name: number for name, number in numbers.items() if number} | asked.chosen
