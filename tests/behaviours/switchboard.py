"""A switchboard: what behaviours talk through, without a server behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from spade.message import Message

from behaviours.exchange import Incoming
from behaviours.supervised import SupervisedBehaviour
from tests.timing import PATIENCE
from vedette.messages.envelope import Action, Performative, encode_body


def incoming(performative: Performative, action: Action, value: Any, *, sender: str = "peer@localhost") -> Incoming:
    """Return a message that has arrived."""
    text, encoding = encode_body(value)
    return Incoming(
        sender=sender,
        full_sender=f"{sender}/session",
        performative=performative,
        action=action,
        conversation="c",
        text=text,
        encoding=encoding,
    )


class Switchboard:
    """Implements the port `Exchange`: keeps what is sent, answers questions as the test says."""

    def __init__(self, answer: Callable[[Message], Incoming | None] = lambda _: None) -> None:
        self.online = True
        self.session = 1
        self.sent: list[Message] = []
        self.asked: list[Message] = []
        self.shown: list[str] = []
        self.answer = answer

    def send(self, message: Message) -> bool:
        if self.online:
            self.sent.append(message)
        return self.online

    def show_presence_to(self, jid: str) -> None:
        self.shown.append(jid)

    async def ask(self, message: Message, *, time_limit: float) -> Incoming | None:
        self.asked.append(message)
        await asyncio.sleep(0)
        return self.answer(message)


@asynccontextmanager
async def started(behaviour: SupervisedBehaviour) -> AsyncIterator[None]:
    """Run a behaviour, which is killed at the end."""
    behaviour.start()
    try:
        yield
    finally:
        behaviour.kill()
        await asyncio.wait_for(behaviour.ended(), PATIENCE)
