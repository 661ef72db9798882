"""Conversations with people: commands in steps (XEP-0050), few at a time, each with the one who began it.

A command is a function of the answers so far: it asks for more or tells the end. So going back is leaving the last
answer out, and a conversation is data, not a task that waits.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from xml.etree.ElementTree import Element

from vedette.clock import Clock
from vedette.errors import RefusedError
from vedette.people.adhoc import Action, Ask, Call, Note, QueryError, Status, Told, answer_element, bad
from vedette.people.forms import Answer, check_answer
from vedette.people.person import Person, PersonRole

MAX_SESSIONS = 64
"""Conversations at once with everybody; the one that was quiet longest ends first."""

MAX_OF_ONE = 4
"""Conversations at once with one person."""

QUIET = 600.0
"""Seconds without a word after which a conversation is over."""


class Command(Protocol):
    """Something that people may have an agent do."""

    @property
    def node(self) -> str:
        """Its name on the wire."""
        ...

    @property
    def title(self) -> str:
        """Its name for people."""
        ...

    @property
    def role(self) -> PersonRole:
        """The least role that it needs."""
        ...

    async def step(self, person: Person, answers: Sequence[Answer]) -> Ask | Told:
        """Return what follows these answers: the next question, or the end with its work done.

        Raises:
            RefusedError: the last answer cannot be used; it may be given again.
        """
        ...


@dataclass(kw_only=True, slots=True)
class _Session:
    id: str
    command: Command
    person: str
    owner: str
    asked: Ask
    answers: list[Answer] = field(default_factory=list)
    used_at: float = 0.0


class Conversations:
    """The commands of one agent and the conversations about them."""

    def __init__(self, commands: Iterable[Command], *, clock: Clock) -> None:
        self._commands = {command.node: command for command in commands}
        self._clock = clock
        self._sessions: dict[str, _Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def offered(self, person: Person) -> list[Command]:
        """Return the commands that a person may use."""
        return [command for command in self._commands.values() if person.may(command.role)]

    async def call(self, call: Call, *, person: Person, owner: str) -> Element:
        """Answer a call; `owner` is the very connection that it came from.

        Raises:
            QueryError: it cannot be answered otherwise.
            StoreError: the store failed; the conversation is over.
        """
        command = self._commands.get(call.node)
        if command is None:
            raise QueryError("item-not-found", "there is no such command")
        if not person.may(command.role):
            raise QueryError("forbidden", f"this needs the role {command.role}; yours is {person.role}")
        if not call.session:
            return await self._begin(command, call, person, owner)
        # Out of the table while it is worked on: whoever says the same twice does it once.
        session = self._take(call, owner)
        try:
            return await self._go_on(session, call, person)
        except QueryError:
            self._keep(session)
            raise

    async def _begin(self, command: Command, call: Call, person: Person, owner: str) -> Element:
        if call.action is not Action.EXECUTE:
            raise bad("bad-action", "begin with 'execute'")
        if call.given is not None:
            raise bad("bad-payload", "nothing was asked yet")
        name = secrets.token_urlsafe(16)
        try:
            said = await command.step(person, ())
        except RefusedError as error:
            said = Told(notes=[Note(text=str(error), kind="error")])
        if isinstance(said, Told):
            return _end(command, name, said)
        session = _Session(id=name, command=command, person=person.jid, owner=owner, asked=said)
        return self._ask(session)

    async def _go_on(self, session: _Session, call: Call, person: Person) -> Element:
        if call.action is Action.CANCEL:
            return answer_element(node=call.node, session=session.id, status=Status.CANCELED)
        offered = _actions(session)
        action = offered[-1] if call.action is Action.EXECUTE else call.action
        if action not in offered:
            raise bad("bad-action", f"this step takes {', '.join(offered)}, cancel")
        if action is Action.PREV:
            session.asked = await self._again(session, person, session.answers[:-1])
            before = session.answers.pop()
            return self._ask(_filled(session, before))
        try:
            given = check_answer(session.asked.form, call.given or {})
        except RefusedError as error:
            raise bad("bad-payload", str(error)) from error
        try:
            said = await session.command.step(person, (*session.answers, given))
        except RefusedError as error:
            return self._ask(_filled(session, given), Note(text=str(error), kind="error"))
        if isinstance(said, Told):
            return _end(session.command, session.id, said)
        session.answers.append(given)
        session.asked = said
        return self._ask(session)

    @staticmethod
    async def _again(session: _Session, person: Person, answers: Sequence[Answer]) -> Ask:
        try:
            said = await session.command.step(person, answers)
        except RefusedError as error:
            raise bad("bad-action", f"there is no way back: {error}") from error
        if isinstance(said, Told):
            raise bad("bad-action", "there is no way back")
        return said

    def _ask(self, session: _Session, *notes: Note) -> Element:
        self._keep(session)
        form = replace(session.asked.form, to_fill_in=True)
        return answer_element(
            node=session.command.node,
            session=session.id,
            status=Status.EXECUTING,
            form=form,
            notes=notes,
            actions=_actions(session),
        )

    def _take(self, call: Call, owner: str) -> _Session:
        session = self._sessions.get(call.session)
        if session is None or session.owner != owner or session.command.node != call.node:
            # Whether somebody else has a conversation of that name is nobody's business.
            raise bad("bad-sessionid", "there is no such conversation")
        del self._sessions[call.session]
        if self._clock.monotonic() - session.used_at > QUIET:
            raise QueryError("not-allowed", "nothing was said for too long; begin again", detail="session-expired")
        return session

    def _keep(self, session: _Session) -> None:
        session.used_at = self._clock.monotonic()
        self._sessions[session.id] = session
        mine = [one for one in self._sessions.values() if one.person == session.person]
        for old in mine[:-MAX_OF_ONE]:
            del self._sessions[old.id]
        while len(self._sessions) > MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]


def _filled(session: _Session, answer: Answer) -> _Session:
    """Return the session with its question filled in as somebody answered it."""
    session.asked = replace(session.asked, form=session.asked.form.filled(answer))
    return session


def _actions(session: _Session) -> list[Action]:
    forward = Action.COMPLETE if session.asked.last else Action.NEXT
    return [Action.PREV, forward] if session.answers else [forward]


def _end(command: Command, session: str, said: Told) -> Element:
    return answer_element(
        node=command.node, session=session, status=Status.COMPLETED, form=said.form, notes=said.notes
    )
