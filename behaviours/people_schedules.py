"""The registry's commands about what is done again and again: schedules of jobs, and the checks of agents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, cast

from behaviours.people_fleet import SHOWN, table
from behaviours.people_jobs import actor
from behaviours.people_state import moment
from registry.directory import Directory
from registry.directory_rows import LIVE
from registry.schedule_desk import ScheduleDesk
from registry.schedule_rows import Schedule, UnknownScheduleError
from vedette.errors import RefusedError
from vedette.messages.card import Role
from vedette.messages.control import CheckAction
from vedette.people.adhoc import Ask, Note, Told
from vedette.people.forms import Answer, Field, FieldKind, Form
from vedette.people.person import Person, PersonRole
from web.api.check_orders import CheckOrders
from web.api.hub_view import HubView
from web.api.problems import ProblemError

Order = Literal["pause", "resume", "run"]

_WORDS: Final[dict[Order, str]] = {"pause": "Pause", "resume": "Resume", "run": "Run now"}
_DONE: Final[dict[Order, str]] = {"pause": "is paused", "resume": "is resumed", "run": "runs now"}


class ShowSchedules:
    """Shows what is requested again and again, and when next."""

    node = "schedules"
    title = "Schedules"
    role = PersonRole.READ

    def __init__(self, desk: ScheduleDesk) -> None:
        self._desk = desk

    async def step(self, person: Person, answers: Sequence[Answer]) -> Told:
        """Return the table."""
        page = await self._desk.schedules.page(limit=SHOWN)
        columns = {"name": "Schedule", "state": "State", "when": "When", "next": "Next", "last": "Last"}
        rows = [
            (one.name, one.state, one.english, moment(next(iter(one.next_runs), None)), one.last_outcome)
            for one in page.rows
        ]
        return table("Schedules", columns, rows, more=page.next is not None)


class OrderSchedule:
    """Pauses, resumes or runs a schedule."""

    node = "order-schedule"
    title = "Pause, resume or run a schedule"
    role = PersonRole.OPERATE

    def __init__(self, desk: ScheduleDesk) -> None:
        self._desk = desk

    async def step(self, person: Person, answers: Sequence[Answer]) -> Ask | Told:
        """Ask which and what, then do it.

        Raises:
            RefusedError: there is none of this name any more, or its job may not run now.
        """
        if not answers:
            schedules = (await self._desk.schedules.page(limit=SHOWN)).rows
            if not schedules:
                return Told(notes=[Note(text="There are no schedules.")])
            return Ask(form=_which_schedule(schedules), last=True)
        uuid, order = answers[0]["schedule"][0], cast(Order, answers[0]["order"][0])
        try:
            return Told(notes=[Note(text=await self._obey(uuid, order, person))])
        except UnknownScheduleError as error:
            raise RefusedError("schedule", "there is no such schedule any more") from error

    async def _obey(self, uuid: str, order: Order, person: Person) -> str:
        if order == "run":
            return f"Job {await self._desk.run_now(uuid, by=actor(person))} is requested."
        schedules = self._desk.schedules
        done = await (schedules.pause if order == "pause" else schedules.resume)(uuid, by=actor(person))
        return f"{done.name} {_DONE[order]}."


class OrderCheck:
    """Pauses, resumes or runs what an agent looks at by itself."""

    node = "order-check"
    title = "Pause, resume or run a check"
    role = PersonRole.OPERATE

    def __init__(self, *, directory: Directory, hub: HubView, orders: CheckOrders) -> None:
        self._directory = directory
        self._hub = hub
        self._orders = orders

    async def step(self, person: Person, answers: Sequence[Answer]) -> Ask | Told:
        """Ask whose, then which and what, then order it.

        Raises:
            RefusedError: the agent does not answer, has no checks, or refuses the order.
        """
        if not answers:
            agents = await self._directory.agents()
            there = [one.jid for one in agents if one.role in (Role.PROBE, Role.COLLECTOR) and one.show in LIVE]
            if not there:
                return Told(notes=[Note(text="No agent that has checks is there.")])
            return Ask(form=_which_agent(there[:SHOWN]))
        jid = answers[0]["agent"][0]
        if len(answers) == 1:
            return Ask(form=await self._which_check(jid), last=True)
        check, order = answers[1]["check"][0], cast(CheckAction, answers[1]["order"][0])
        try:
            said = await self._orders.give(jid, check, order, by=actor(person))
        except ProblemError as error:
            raise RefusedError("agent", error.detail) from error
        return Told(notes=[Note(text=f"{check} of {jid} {_DONE[order]}. {said}".rstrip())])

    async def _which_check(self, jid: str) -> Form:
        state = await self._hub.state_of(jid)
        if state is None:
            raise RefusedError("agent", f"{jid} does not answer")
        if not state.checks:
            raise RefusedError("agent", f"{jid} has no checks")
        fields = (
            Field(
                name="check",
                kind=FieldKind.LIST_SINGLE,
                label="Check",
                required=True,
                values=(state.checks[0].name,),
                options=tuple(one.name for one in state.checks),
                labels=tuple(f"{one.title}, {one.when}: {one.state}" for one in state.checks),
            ),
            _which_order(),
        )
        return Form(title=f"Checks of {jid}", instructions="Which, and what?", fields=fields)


def _which_order() -> Field:
    return Field(
        name="order",
        kind=FieldKind.LIST_SINGLE,
        label="What",
        required=True,
        options=tuple(_WORDS),
        labels=tuple(_WORDS.values()),
    )


def _which_agent(jids: Sequence[str]) -> Form:
    field = Field(name="agent", kind=FieldKind.LIST_SINGLE, label="Agent", required=True, options=tuple(jids))
    return Form(title="Checks", instructions="Whose?", fields=(field,))


def _which_schedule(schedules: Sequence[Schedule]) -> Form:
    field = Field(
        name="schedule",
        kind=FieldKind.LIST_SINGLE,
        label="Schedule",
        required=True,
        options=tuple(one.uuid for one in schedules),
        labels=tuple(f"{one.name}, {one.english}: {one.state}" for one in schedules),
    )
    return Form(title="Schedules", instructions="Which, and what?", fields=(field, _which_order()))
