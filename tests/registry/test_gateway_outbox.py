"""What a gateway remembers of messages: a redelivery is the item that it was, at whatever moment things ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from registry import gateway_work
from registry.gateway_outbox import GatewayOutbox
from registry.gateway_work import Session
from registry.outbox import OutboxFullError
from vedette.clock import ManualClock
from vedette.gateway.incoming import Taken, take
from vedette.gateway.message import BrokerMessage
from vedette.messages.batch import Signed

MESSAGE = BrokerMessage(exchange="stucco", routing_key="stucco.in.structured.nmap", body=b"equal")
RECEIPT = Signed(text='{"engine":"e@d"}', signature="s")


class Told:
    """Numbers moments, as the gateway does."""

    def __init__(self) -> None:
        self.at = 1_795_305_600_000_000

    def take(self, *, again: bool = False, message_id: str = "", body: bytes = b"equal") -> Taken:
        self.at += 1
        came = replace(MESSAGE, redelivered=again, message_id=message_id, body=body)
        return take(came, at=self.at, limit=10_000_000)


@pytest.fixture
def told() -> Told:
    return Told()


def made(path: Path, *, limit: int = 100) -> GatewayOutbox:
    return GatewayOutbox(path, agent="g@d", clock=ManualClock(), limit_items=limit, limit_bytes=10_000_000)


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[GatewayOutbox]:
    box = made(tmp_path / "g.db")
    await box.open()
    yield box
    await box.close()


def session(number: int, *, only_again: bool = True) -> Session:
    return Session(number=number, only_again=only_again)


async def test_equal_messages_without_an_id_answer_for_one_redelivery_each(outbox: GatewayOutbox, told: Told) -> None:
    first = await outbox.take([told.take(), told.take()], session(1))
    assert [one.new for one in first] == [True, True]
    # Delivered again: the first two are those, a third one was never taken.
    again = await outbox.take([told.take(again=True) for _ in range(3)], session(2))
    assert [one.uuid for one in again[:2]] == [one.uuid for one in first]
    assert [(one.new, one.state) for one in again] == [(False, "waiting"), (False, "waiting"), (True, "waiting")]
    # In a third connection all three come.
    third = await outbox.take([told.take(again=True) for _ in range(3)], session(3))
    assert {one.uuid for one in third} == {one.uuid for one in again}
    assert (await outbox.status()).items == 3
    assert await outbox.last_session() == 3


async def test_what_the_engine_has_is_done_when_its_acknowledgement_was_lost(
    outbox: GatewayOutbox, told: Told
) -> None:
    (first,) = await outbox.take([told.take()], session(1))
    await outbox.confirm(RECEIPT, [first.uuid])
    (again,) = await outbox.take([told.take(again=True)], session(2))
    assert (again.uuid, again.state) == (first.uuid, "done")
    assert (await outbox.status()).items == 0


async def test_after_a_new_message_only_what_still_waits_can_come_again(outbox: GatewayOutbox, told: Told) -> None:
    (settled,) = await outbox.take([told.take()], session(1))
    await outbox.confirm(RECEIPT, [settled.uuid])
    waiting = (await outbox.take([told.take()], session(1)))[0]
    kept = await outbox.take([told.take(body=b"new"), told.take(again=True), told.take(again=True)], session(2))
    assert kept[1].uuid == waiting.uuid
    # Not the one that was settled long before: another consumer's, say.
    assert kept[2].new


async def test_with_an_id_it_is_the_same_also_in_one_connection(outbox: GatewayOutbox, told: Told) -> None:
    kept = await outbox.take([told.take(message_id="1"), told.take(message_id="1")], session(1))
    assert [one.new for one in kept] == [True, False]
    assert kept[0].uuid == kept[1].uuid
    (other,) = await outbox.take([told.take(message_id="1", body=b"other")], session(1))
    assert other.new


async def test_what_was_given_up_says_so_when_it_comes_again(outbox: GatewayOutbox, told: Told) -> None:
    given_up: list[tuple[str, str, str]] = []
    outbox.given_up = lambda *said: given_up.append(said)
    (first,) = await outbox.take([told.take()], session(1))
    for _ in range(5):
        await outbox.refuse(first.uuid, "meta", "is odd\nindeed")
    assert given_up == [(first.uuid, "meta", "is odd\nindeed")]
    (again,) = await outbox.take([told.take(again=True)], session(2))
    assert (again.state, again.field, again.reason) == ("dead", "meta", "is odd\nindeed")
    await outbox.discard(first.uuid, "sent on")
    (last,) = await outbox.take([told.take(again=True)], session(3))
    assert last.state == "done"


async def test_a_full_outbox_takes_all_or_nothing_and_remembers_nothing(tmp_path: Path, told: Told) -> None:
    box = made(tmp_path / "full.db", limit=1)
    await box.open()
    two = [told.take(message_id="1"), told.take(message_id="2")]
    with pytest.raises(OutboxFullError):
        await box.take(two, session(1))
    assert (await box.take(two[:1], session(1)))[0].new
    await box.close()


async def test_a_large_message_is_in_the_spool_before_it_is_an_item(outbox: GatewayOutbox, told: Told) -> None:
    large = told.take(body=b"x" * 300_000, message_id="1")
    await outbox.take([large, told.take(body=b"x" * 300_000, message_id="1")], session(1))
    document = large.drawn.item["payload"]["document"]
    with outbox.spool.open_file(document) as file:
        assert file.read() == b"x" * 300_000
    assert (await outbox.status()).items == 1


async def test_the_memory_is_bounded_and_survives(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_work, "KEPT", 3)
    box = made(tmp_path / "g.db")
    await box.open()
    kept = await box.take([told.take(message_id=str(number)) for number in range(6)], session(1))
    await box.confirm(RECEIPT, [one.uuid for one in kept[:2]])
    await box.take([told.take(message_id="new")], session(1))
    await box.close()
    again = made(tmp_path / "g.db")
    await again.open()
    # What waits is never forgotten, what is done is, the oldest first.
    states = await again.take([told.take(message_id=str(number), again=True) for number in range(6)], session(2))
    assert [one.new for one in states] == [True, True, False, False, False, False]
    await again.close()
