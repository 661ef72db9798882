"""Conversations: in steps, back and forth, few, and never somebody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.clock import ManualClock
from vedette.errors import RefusedError
from vedette.people.adhoc import COMMANDS, Action, Ask, Call, Note, QueryError, Told, read_call
from vedette.people.conversations import MAX_OF_ONE, MAX_SESSIONS, QUIET, Conversations
from vedette.people.forms import DATA, Answer, Field, Form
from vedette.people.person import Person, PersonRole

ANNA = Person(jid="anna@here", role=PersonRole.OPERATE)


class Order:
    """Asks for a name, then for a yes, then counts."""

    node = "order"
    title = "Order"
    role = PersonRole.OPERATE

    def __init__(self) -> None:
        self.done: list[str] = []
        self.slow = asyncio.Event()
        self.slow.set()

    async def step(self, person: Person, answers: Sequence[Answer]) -> Ask | Told:
        if not answers:
            return Ask(form=Form(title="Name", fields=(Field(name="name", required=True),)))
        (name,) = answers[0]["name"]
        if name == "nobody":
            raise RefusedError("name", "nobody may order")
        if len(answers) == 1:
            return Ask(form=Form(title="Sure?"), last=True)
        await self.slow.wait()
        self.done.append(f"{person.jid} {name}")
        return Told(notes=[Note(text="ordered")])


@pytest.fixture
def order() -> Order:
    return Order()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def talk(order: Order, clock: ManualClock) -> Conversations:
    return Conversations([order], clock=clock)


async def say(talk: Conversations, action: str = "execute", session: str = "", **given: str) -> Element:
    values = {name: (value,) for name, value in given.items()} or None
    call = Call(node="order", action=Action(action), session=session, given=values)
    return await talk.call(call, person=ANNA, owner="anna@here/1")


def detail(caught: pytest.ExceptionInfo[QueryError]) -> str:
    return caught.value.detail or caught.value.condition


async def test_step_by_step_and_done_once(talk: Conversations, order: Order) -> None:
    session = (await say(talk)).get("sessionid", "")
    assert (await say(talk, session=session, name="tea")).get("status") == "executing"
    assert (await say(talk, "complete", session)).get("status") == "completed"
    assert order.done == ["anna@here tea"]
    with pytest.raises(QueryError) as caught:
        await say(talk, "complete", session)
    assert detail(caught) == "bad-sessionid"
    assert len(talk) == 0


async def test_the_same_said_twice_at_once_is_done_once(talk: Conversations, order: Order) -> None:
    session = (await say(talk)).get("sessionid", "")
    await say(talk, session=session, name="tea")
    order.slow.clear()
    first = asyncio.ensure_future(say(talk, "complete", session))
    await asyncio.sleep(0)
    with pytest.raises(QueryError) as caught:
        await say(talk, "complete", session)
    order.slow.set()
    assert (await first).get("status") == "completed"
    assert detail(caught) == "bad-sessionid"
    assert order.done == ["anna@here tea"]


async def test_what_is_refused_is_asked_again_filled_in(talk: Conversations) -> None:
    session = (await say(talk)).get("sessionid", "")
    again = await say(talk, session=session, name="nobody")
    assert again.get("status") == "executing"
    assert again.findtext(f"{{{COMMANDS}}}note") == "name: nobody may order"
    assert again.findtext(f".//{{{DATA}}}value") == "nobody"
    assert (await say(talk, session=session, name="tea")).get("status") == "executing"


async def test_back_and_on_again(talk: Conversations, order: Order) -> None:
    session = (await say(talk)).get("sessionid", "")
    await say(talk, session=session, name="tea")
    back = await say(talk, "prev", session)
    assert back.findtext(f".//{{{DATA}}}value") == "tea"
    await say(talk, "next", session, name="milk")
    await say(talk, "execute", session)
    assert order.done == ["anna@here milk"]


async def test_nobody_goes_on_with_what_another_one_began(talk: Conversations) -> None:
    session = (await say(talk)).get("sessionid", "")
    bert = Person(jid="bert@here", role=PersonRole.ADMIN)
    for person, owner in ((bert, "bert@here/1"), (ANNA, "anna@here/2")):
        with pytest.raises(QueryError) as caught:
            await talk.call(Call(node="order", session=session), person=person, owner=owner)
        assert detail(caught) == "bad-sessionid"
    assert (await say(talk, session=session, name="tea")).get("status") == "executing"


async def test_who_lost_the_role_meanwhile_is_refused(talk: Conversations, order: Order) -> None:
    session = (await say(talk)).get("sessionid", "")
    less = Person(jid=ANNA.jid, role=PersonRole.READ)
    with pytest.raises(QueryError) as caught:
        await talk.call(Call(node="order", session=session), person=less, owner="anna@here/1")
    assert detail(caught) == "forbidden"
    assert order.done == []


async def test_what_is_quiet_for_too_long_is_over(talk: Conversations, clock: ManualClock) -> None:
    session = (await say(talk)).get("sessionid", "")
    clock.advance(QUIET + 1)
    with pytest.raises(QueryError) as caught:
        await say(talk, session=session, name="tea")
    assert (caught.value.condition, caught.value.detail) == ("not-allowed", "session-expired")


async def test_conversations_are_few(talk: Conversations) -> None:
    mine = [(await say(talk)).get("sessionid", "") for _ in range(MAX_OF_ONE + 3)]
    assert len(talk) == MAX_OF_ONE
    with pytest.raises(QueryError):
        await say(talk, session=mine[0], name="tea")
    assert (await say(talk, session=mine[-1], name="tea")).get("status") == "executing"
    for number in range(MAX_SESSIONS):
        person = Person(jid=f"p{number}@here", role=PersonRole.OPERATE)
        await talk.call(Call(node="order"), person=person, owner=person.jid)
    assert len(talk) == MAX_SESSIONS


calls = st.tuples(
    st.sampled_from(list(Action)),
    st.sampled_from(["", "mine", "guess"]),
    st.none() | st.sampled_from(["tea", "nobody", ""]),
)


@given(st.lists(calls, max_size=12))
def test_whatever_is_called_is_answered_or_refused(sequence: list[tuple[Action, str, str | None]]) -> None:
    async def run() -> None:
        order = Order()
        talk, session = Conversations([order], clock=ManualClock()), ""
        for action, which, name in sequence:
            given = None if name is None else {"name": (name,)}
            called = session if which == "mine" else which
            try:
                answer = await talk.call(
                    Call(node="order", action=action, session=called, given=given), person=ANNA, owner="anna@here/1"
                )
            except QueryError:
                continue
            session = answer.get("sessionid", "")
        assert len(talk) <= MAX_OF_ONE
        assert set(order.done) <= {"anna@here tea"}

    asyncio.run(run())


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"action": "explode"}, "malformed-action"),
        ({"sessionid": "x" * 5000}, "bad-sessionid"),
        ({"node": "x" * 5000}, "item-not-found"),
        ({"{http://www.w3.org/XML/1998/namespace}lang": "no such!"}, "bad-locale"),
    ],
)
def test_what_cannot_be_a_call_is_refused(attributes: dict[str, str], expected: str) -> None:
    with pytest.raises(QueryError) as caught:
        read_call(Element(f"{{{COMMANDS}}}command", {"node": "order"} | attributes))
    assert detail(caught) == expected


def test_two_forms_at_once_are_refused() -> None:
    command = Element(f"{{{COMMANDS}}}command", {"node": "order"})
    for _ in range(2):
        SubElement(command, f"{{{DATA}}}x", {"type": "submit"})
    with pytest.raises(QueryError) as caught:
        read_call(command)
    assert detail(caught) == "bad-payload"
