"""Questions that wait for answers: who is asked answers, in time, and only so many wait at once."""

from __future__ import annotations

import asyncio

import pytest
from spade.message import Message

from agents import questions
from agents.questions import OpenQuestions


def message(
    *, sender: str = "me@fleet.example", to: str = "engine@fleet.example", conversation: str = "c1"
) -> Message:
    return Message(sender=sender, to=to, metadata={"conversation-id": conversation})


async def test_only_who_was_asked_answers() -> None:
    sent = list[Message]()
    asking = OpenQuestions(send=lambda one: sent.append(one) is None)
    task = asyncio.create_task(asking.ask(message(), time_limit=60))
    while not sent:
        await asyncio.sleep(0)

    assert asking.answered_by(message(sender="engine@fleet.example/r", conversation="c2")) is None
    assert asking.answered_by(message(sender="mallory@fleet.example/r")) is None
    assert asking.answered_by(message(sender="engine@fleet.example/r")) is not None

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asking.answered_by(message(sender="engine@fleet.example/r")) is None


async def test_what_cannot_be_sent_and_what_nobody_answers_is_no_answer() -> None:
    assert await OpenQuestions(send=lambda _: False).ask(message(), time_limit=60) is None

    asking = OpenQuestions(send=lambda _: True)
    assert await asking.ask(message(), time_limit=0) is None
    assert asking.answered_by(message(sender="engine@fleet.example/r")) is None


async def test_only_so_many_wait_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "OPEN_QUESTIONS", 1)
    sent = list[Message]()
    asking = OpenQuestions(send=lambda one: sent.append(one) is None)
    task = asyncio.create_task(asking.ask(message(), time_limit=60))
    while not sent:
        await asyncio.sleep(0)

    assert await asking.ask(message(conversation="c2"), time_limit=60) is None
    assert len(sent) == 1

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
