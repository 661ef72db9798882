"""The messages that a gateway publishes: items, findings, and what it could not take."""

from __future__ import annotations

import base64
from typing import Any

import orjson

from vedette.gateway.message import BrokerMessage
from vedette.gateway.outgoing import comes_from_a_broker, dead_message, finding_message, item_message
from vedette.messages.item import ReceivedItem
from vedette.messages.queue import QueuedItem

UUID = "00000000-0000-4000-8000-000000000001"


def queued(payload: dict[str, Any] | None = None, **meta: Any) -> QueuedItem:
    data = {
        "version": "1",
        "format": "test",
        "meta": {"uuid": UUID, "ts": 1_700_000_000, "type": "scan", **meta},
        "payload": payload or {"raw": base64.b64encode(b"x").decode()},
    }
    return QueuedItem(id=1, attempts=1, received_at=5, item=ReceivedItem(data))


def test_an_item_is_published_whole_under_its_own_key() -> None:
    message = item_message(queued(source="vedette.in.structured.nmap", agent="a@b", priority=9))
    assert (message.routing_key, message.message_id, message.priority) == ("vedette.in.structured.nmap", UUID, 9)
    assert orjson.loads(message.body)["meta"]["agent"] == "a@b"
    assert message.headers["HasContent"] is True


def test_what_amqp_cannot_carry_is_put_otherwise() -> None:
    assert item_message(queued()).routing_key == "vedette.item"
    # 200 characters, but 400 bytes.
    assert item_message(queued(source="vedette.in.structured." + "é" * 200)).routing_key == "vedette.item"
    strange = item_message(queued({"document": "ab" * 32}, priority=300, ts=-5))
    assert (strange.priority, strange.timestamp, strange.headers["HasContent"]) == (None, 0, False)


def test_items_from_a_broker_are_known() -> None:
    assert comes_from_a_broker(queued(amqp={}))
    assert not comes_from_a_broker(queued())


def test_a_finding_is_published_by_kind_and_severity() -> None:
    finding = {"id": 7, "kind": "first seen", "severity": "info", "found_at": 1_700_000_000_000_000, "text": "new"}
    message = finding_message(finding)
    assert (message.routing_key, message.message_id) == ("vedette.finding.first-seen.info", "finding-7")
    assert (message.timestamp, orjson.loads(message.body)) == (1_700_000_000, finding)


def test_a_dead_letter_is_what_came_and_says_why() -> None:
    came = BrokerMessage(
        exchange="stucco",
        routing_key="a.b",
        body=b"x",
        headers={"own": "1", "odd": None},
        timestamp=-1,
        message_id="m",
    )
    letter = dead_message(came, field="body", reason="r" * 2_000)
    assert (letter.routing_key, letter.body, letter.message_id, letter.timestamp) == ("a.b", b"x", "m", None)
    assert letter.headers == {
        "own": "1",
        "x-vedette-reason": "r" * 1_000,
        "x-vedette-field": "body",
        "x-vedette-exchange": "stucco",
    }
    long = BrokerMessage(exchange="e", routing_key="\ufffd" * 100, body=b"")
    assert dead_message(long, field="f", reason="r").routing_key == "vedette.dead"
