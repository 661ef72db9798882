"""Envelopes: what comes out is what went in, for one item, sender and receiver only."""

from __future__ import annotations

import base64
import os
import struct
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.canonical import canonical_json
from vedette.clock import ManualClock
from vedette.delivery.packing import PACK_BYTES, OutgoingItem, open_batch, pack, read_batch
from vedette.errors import RefusedError
from vedette.messages.batch import Signed
from vedette.messages.envelope import decode_body
from vedette.messages.item import ReceivedItem
from vedette.messages.limits import MAX_BODY, MAX_META, MAX_PAYLOAD
from vedette.messages.queue import HandOut, hand_out_body, open_hand_out
from vedette.sealing.envelope import (
    MARK,
    Binding,
    is_marked,
    new_mark,
    open_item,
    opened,
    padded_length,
    seal_item,
)
from vedette.sealing.keys import SUITE, SealingKeys
from vedette.signing import SigningKey

AGENT, ENGINE, CONSUMER = "probe1@localhost", "engine@localhost", "rt@localhost"
SECRET = b"port 22 is open"


def made(payload: bytes | None = SECRET, **meta: Any) -> dict[str, Any]:
    fields = {"uuid": str(uuid4()), "ts": 1, "type": "scan", "target": "192.0.2.7", MARK: new_mark(), **meta}
    content = {"document": "ab" * 32} if payload is None else {"raw": base64.b64encode(payload).decode()}
    return {"version": "1", "format": "test", "meta": fields, "payload": content}


def bound(item: dict[str, Any], **changes: Any) -> Binding:
    received = ReceivedItem(item)
    fields: dict[str, Any] = {"use": "delivery", "sender": AGENT, "receiver": ENGINE}
    return Binding(**(fields | {"uuid": received.uuid, "digest": received.digest.hex()} | changes))


def sealed(item: dict[str, Any], keys: SealingKeys, binding: Binding | None = None) -> dict[str, Any]:
    binding = binding or bound(item)
    return seal_item(item, binding, key=keys.current.content_key(info=binding.parties))


def outgoing(item: dict[str, Any], seq: int, keys: SealingKeys) -> OutgoingItem:
    binding = bound(item)
    data = canonical_json(sealed(item, keys))
    return OutgoingItem(seq=seq, uuid=binding.uuid, digest=binding.digest, data=data)


def sent(items: list[OutgoingItem], key: SigningKey) -> tuple[Signed, list[dict[str, Any]]]:
    packed = pack(items, agent=AGENT, epoch="e", key=key)
    assert len(packed.text) <= MAX_BODY
    return read_batch(decode_body(packed.text, packed.encoding))


@pytest.mark.parametrize(
    "payload", [SECRET, b"", None, bytes(range(256)) * 1000], ids=["short", "empty", "document", "long"]
)
def test_an_item_comes_out_as_it_went_in(payload: bytes | None) -> None:
    keys = SealingKeys(clock=ManualClock())
    item = made(payload, note="ä", nested={"a": [1, None, 2.5]}) | {"extra": {"kept": True}}
    envelope = sealed(item, keys)
    assert open_item(envelope, bound(item), keys=keys) == item


def test_nothing_of_it_is_to_be_seen() -> None:
    keys = SealingKeys(clock=ManualClock())
    item = made()
    text = canonical_json(sealed(item, keys))
    box = base64.b64decode(sealed(item, keys)["sealed"]["box"])
    for secret in (SECRET, base64.b64encode(SECRET), b"192.0.2.7", item["meta"]["uuid"].encode()):
        assert secret not in text
        assert secret not in box


@pytest.mark.parametrize(
    "change",
    [
        {"use": "queue"},
        {"sender": "probe2@localhost"},
        {"receiver": "engine2@localhost"},
        {"uuid": str(uuid4())},
        {"digest": "00" * 32},
    ],
)
def test_an_envelope_opens_nowhere_else(change: dict[str, Any]) -> None:
    keys = SealingKeys(clock=ManualClock())
    item = made()
    envelope = sealed(item, keys)
    with pytest.raises(RefusedError, match="does not open"):
        open_item(envelope, replace(bound(item), **change), keys=keys)


@pytest.mark.parametrize(
    "envelope",
    [
        {"sealed": None},
        {"sealed": "x"},
        {"sealed": {"key": "00" * 8}},
        {"sealed": {"key": "00" * 8, "box": "AAAA"}},
        {"sealed": {"key": "../../../etc", "wrapped": "AAAA", "box": "AAAA"}},
        {"sealed": {"key": "00" * 8, "wrapped": "not base64!", "box": "AAAA"}},
        {"sealed": {"key": "00" * 8, "wrapped": "AAAA", "box": "AAAA"}},
        {"sealed": {"key": "00" * 8, "wrapped": "A" * 2000, "box": "AAAA"}},
        {"sealed": {"key": "00" * 8, "wrapped": "AAAA", "box": "A" * (MAX_BODY + 1)}},
        {"sealed": {"key": "00" * 8, "wrapped": "AAAA", "box": "AAAA", "more": 1}},
    ],
)
def test_what_is_no_envelope_is_refused(envelope: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="sealed"):
        opened(envelope, bound(made()), keys=SealingKeys(clock=ManualClock()))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1234567",
        struct.pack(">II", 5, 0) + b"[]",
        struct.pack(">II", 2, 2**32 - 1) + b"{}",
        struct.pack(">II", 2, 0) + b"[]",
        struct.pack(">II", 2, 0) + b"{}",
        struct.pack(">II", 14, 0) + b'{"payload": 1}',
        struct.pack(">II", 2, 0) + b"\xff\xff",
    ],
)
def test_a_box_that_holds_no_item_is_refused(content: bytes) -> None:
    keys = SealingKeys(clock=ManualClock())
    binding = bound(made())
    key = keys.current.content_key(info=binding.parties)
    texts = [base64.b64encode(data).decode() for data in (key.wrapped, key.encrypt(content, bound=binding.whole))]
    envelope = {"sealed": {"key": key.key_id, "wrapped": texts[0], "box": texts[1]}}
    with pytest.raises(RefusedError):
        open_item(envelope, binding, keys=keys)


def test_without_keys_nothing_is_opened_and_what_is_no_envelope_passes() -> None:
    item = made()
    assert opened(item, bound(item), keys=None) is item
    with pytest.raises(RefusedError, match="nothing is opened here"):
        opened({"sealed": {}}, bound(item), keys=None)


def test_the_digest_of_the_same_content_is_another_each_time() -> None:
    """What is in manifests and receipts cannot be found by trying payloads."""
    item = made()
    again = item | {"meta": item["meta"] | {MARK: new_mark()}}
    assert ReceivedItem(item).digest != ReceivedItem(again).digest


@pytest.mark.parametrize("mark", ["", "00" * 15, "0" * 31 + "G", True, 1])
def test_a_mark_is_32_hexadecimal_digits(mark: Any) -> None:
    with pytest.raises(RefusedError, match="sealed"):
        ReceivedItem(made(sealed=mark))


def test_only_the_meta_marks_an_item() -> None:
    assert is_marked(canonical_json(made()))
    assert not is_marked(canonical_json(made(sealed=None, headers={"sealed": "x"}, title='"sealed":"')))


@given(st.integers(min_value=0, max_value=2**32))
def test_padding_costs_little_and_leaves_few_lengths(length: int) -> None:
    padded = padded_length(length)
    assert length <= padded <= length * 1.12 + 1
    assert padded_length(padded) == padded


def test_payloads_of_nearly_the_same_size_look_alike() -> None:
    keys = SealingKeys(clock=ManualClock())
    lengths = {len(sealed(made(b"x" * size), keys)["sealed"]["box"]) for size in range(4000, 4100)}
    assert len(lengths) <= 3


# In batches ------------------------------------------------------------------------------


def test_a_batch_of_sealed_and_open_items_arrives() -> None:
    keys, key = SealingKeys(clock=ManualClock()), SigningKey.generate()
    secret, plain = made(), made(sealed=None)
    unsealed = OutgoingItem(seq=2, uuid=bound(plain).uuid, digest=bound(plain).digest, data=canonical_json(plain))
    signed, raw = sent([outgoing(secret, 1, keys), unsealed], key)
    batch = open_batch(signed, raw, sender=AGENT, key=key.verifying, receiver=ENGINE, sealing=keys)
    assert [item.data for item in batch.items] == [secret, plain]
    assert batch.sealed == {secret["meta"]["uuid"]}
    assert batch.refused == ()


def test_an_envelope_in_another_items_place_is_refused_and_the_others_are_taken() -> None:
    keys, key = SealingKeys(clock=ManualClock()), SigningKey.generate()
    items = [made() for _ in range(3)]
    signed, raw = sent([outgoing(item, seq, keys) for seq, item in enumerate(items)], key)
    raw[1] = raw[0]
    batch = open_batch(signed, raw, sender=AGENT, key=key.verifying, receiver=ENGINE, sealing=keys)
    assert [item.uuid for item in batch.items] == [items[0]["meta"]["uuid"], items[2]["meta"]["uuid"]]
    ((uuid, field, reason),) = batch.refused
    assert (uuid, field) == (items[1]["meta"]["uuid"], "sealed.box")
    assert "another item" in reason


def test_an_item_under_another_items_key_is_refused() -> None:
    keys, item = SealingKeys(clock=ManualClock()), made()
    one, other = sealed(item, keys)["sealed"], sealed(item, keys)["sealed"]
    with pytest.raises(RefusedError, match=r"sealed\.box: does not open"):
        open_item({"sealed": one | {"wrapped": other["wrapped"]}}, bound(item), keys=keys)


def test_a_content_key_of_another_length_is_refused() -> None:
    keys, item = SealingKeys(clock=ManualClock()), made()
    private, _ = keys._keys[keys.current.id]
    wrapped = SUITE.encrypt(bytes(16), private.public_key(), bound(item).parties)
    envelope = {"sealed": sealed(item, keys)["sealed"] | {"wrapped": base64.b64encode(wrapped).decode()}}
    with pytest.raises(RefusedError, match="not a key of 32"):
        open_item(envelope, bound(item), keys=keys)


def test_another_content_than_the_signed_one_is_refused() -> None:
    """Who has the engine's public key can seal, but not sign."""
    keys, key = SealingKeys(clock=ManualClock()), SigningKey.generate()
    item = made()
    signed, _ = sent([outgoing(item, 1, keys)], key)
    forged = sealed(item | {"payload": {"raw": "AAAA"}}, keys, bound(item))
    batch = open_batch(signed, [forged], sender=AGENT, key=key.verifying, receiver=ENGINE, sealing=keys)
    assert [field for _, field, _ in batch.refused] == ["digest"]


def test_the_largest_item_fits_into_a_message() -> None:
    keys, key = SealingKeys(clock=ManualClock()), SigningKey.generate()
    item = made(os.urandom(MAX_PAYLOAD), stderr=os.urandom(MAX_META // 2 - 200).hex())
    signed, raw = sent([outgoing(item, 1, keys)], key)
    batch = open_batch(signed, raw, sender=AGENT, key=key.verifying, receiver=ENGINE, sealing=keys)
    assert [one.data for one in batch.items] == [item]


def test_a_full_batch_of_items_that_do_not_compress_fits_into_a_message() -> None:
    keys, key = SealingKeys(clock=ManualClock()), SigningKey.generate()
    items: list[dict[str, Any]] = []
    size = 0
    while len(items) < 300 and size < PACK_BYTES:
        items.append(made(os.urandom(540)))
        size += len(canonical_json(items[-1]))
    sent([outgoing(item, seq, keys) for seq, item in enumerate(items)], key)


# In queues -------------------------------------------------------------------------------


def handed_out(item: dict[str, Any], key: SigningKey, sealing: SealingKeys | None) -> dict[str, Any]:
    binding = bound(item)
    hand_out = HandOut(
        engine=ENGINE,
        queue="rt",
        consumer=CONSUMER,
        conversation="c",
        items=[(7, binding.uuid, binding.digest, 1, 5)],
    )
    return hand_out_body(hand_out, [item], key=key, sealing=None if sealing is None else sealing.current)


def taken(body: dict[str, Any], key: SigningKey, sealing: SealingKeys | None) -> tuple[list[Any], list[Any]]:
    opened = open_hand_out(
        body,
        engine=ENGINE,
        queue="rt",
        consumer=CONSUMER,
        conversation="c",
        key=key.verifying,
        sealing=sealing,
    )
    return [one.item.data for one in opened.items], list(opened.failures)


def test_a_marked_item_is_handed_out_sealed_and_another_is_not() -> None:
    keys, key = SealingKeys(clock=ManualClock()), SigningKey.generate()
    secret, plain = made(), made(sealed=None)
    body = handed_out(secret, key, keys)
    assert b"192.0.2.7" not in canonical_json(body)
    assert taken(body, key, keys) == ([secret], [])
    assert handed_out(plain, key, keys)["items"] == [plain]


def test_a_consumer_without_a_key_gets_nothing_to_read() -> None:
    keys, key = SealingKeys(clock=ManualClock()), SigningKey.generate()
    body = handed_out(made(), key, None)
    assert b"192.0.2.7" not in canonical_json(body)
    assert [ids for ids, _ in taken(body, key, keys)[1]] == [7]
    assert [ids for ids, _ in taken(body, key, None)[1]] == [7]


def test_what_a_consumer_says_of_a_sealed_item_does_not_quote_it() -> None:
    keys, key = SealingKeys(clock=ManualClock()), SigningKey.generate()
    item = made(sha256="00" * 32) | {"version": "1"}
    binding = Binding(use="queue", sender=ENGINE, receiver=CONSUMER, uuid=item["meta"]["uuid"], digest="00" * 32)
    hand_out = HandOut(
        engine=ENGINE,
        queue="rt",
        consumer=CONSUMER,
        conversation="c",
        items=[(7, binding.uuid, binding.digest, 1, 5)],
    )
    body = hand_out_body(hand_out, [item], key=key, sealing=keys.current)
    ((_, reason),) = taken(body, key, keys)[1]
    assert reason.startswith("meta.sha256: the item is sealed")
