"""Signed batches: packed, opened, and refused when anything was touched."""

from __future__ import annotations

import base64
import os
from typing import Any
from uuid import uuid4

import orjson
import pytest

from vedette.delivery.packing import PACK_BYTES, OutgoingItem, open_batch, pack, read_batch
from vedette.errors import RefusedError, SignatureError
from vedette.messages.batch import Receipt, Signed, open_signed
from vedette.messages.envelope import decode_body
from vedette.messages.item import ReceivedItem
from vedette.messages.limits import MAX_BODY
from vedette.signing import SigningKey

AGENT = "probe1@localhost"


def outgoing(seq: int, payload: bytes = b"x" * 100) -> OutgoingItem:
    data = {
        "version": "1",
        "format": "test",
        "meta": {"uuid": str(uuid4()), "ts": 1, "type": "scan", "agent": AGENT, "origin_seq": seq},
        "payload": {"raw": base64.b64encode(payload).decode()},
    }
    received = ReceivedItem(data)
    return OutgoingItem(seq=seq, uuid=received.uuid, digest=received.digest.hex(), data=orjson.dumps(data))


def body(items: list[OutgoingItem], key: SigningKey) -> Any:
    packed = pack(items, agent=AGENT, epoch="e", key=key)
    return decode_body(packed.text, packed.encoding)


def test_a_batch_arrives_as_it_was_sent() -> None:
    key = SigningKey.generate()
    items = [outgoing(seq) for seq in range(1, 6)]
    signed, raw = read_batch(body(items, key))
    batch = open_batch(signed, raw, sender=AGENT, key=key.verifying)
    assert [item.uuid for item in batch.items] == [item.uuid for item in items]
    assert (batch.manifest.first, batch.manifest.last) == (1, 5)
    assert batch.refused == ()


def test_a_batch_of_another_key_is_refused() -> None:
    signed, raw = read_batch(body([outgoing(1)], SigningKey.generate()))
    with pytest.raises(SignatureError):
        open_batch(signed, raw, sender=AGENT, key=SigningKey.generate().verifying)


def test_a_batch_that_somebody_else_sends_is_refused() -> None:
    key = SigningKey.generate()
    signed, raw = read_batch(body([outgoing(1)], key))
    with pytest.raises(RefusedError, match=r"manifest\.agent"):
        open_batch(signed, raw, sender="probe2@localhost", key=key.verifying)


def test_an_item_dropped_on_the_way_is_noticed() -> None:
    key = SigningKey.generate()
    signed, raw = read_batch(body([outgoing(1), outgoing(2)], key))
    with pytest.raises(RefusedError, match="1 came, the manifest lists 2"):
        open_batch(signed, raw[:1], sender=AGENT, key=key.verifying)


@pytest.mark.parametrize("place", ["meta", "payload"])
def test_an_item_changed_on_the_way_is_refused_alone(place: str) -> None:
    key = SigningKey.generate()
    signed, raw = read_batch(body([outgoing(1), outgoing(2)], key))
    if place == "meta":
        raw[0]["meta"]["ts"] = 2
    else:
        raw[0]["payload"]["raw"] = base64.b64encode(b"other").decode()
    batch = open_batch(signed, raw, sender=AGENT, key=key.verifying)
    assert len(batch.items) == 1
    assert batch.refused[0][1] == "digest"


def test_a_swapped_order_is_refused() -> None:
    key = SigningKey.generate()
    signed, raw = read_batch(body([outgoing(1), outgoing(2)], key))
    batch = open_batch(signed, raw[::-1], sender=AGENT, key=key.verifying)
    assert [field for _, field, _ in batch.refused] == ["meta.uuid", "meta.uuid"]


@pytest.mark.parametrize(
    "value", [None, [], {"manifest": {}}, {"manifest": {"text": "", "signature": ""}, "items": 1}]
)
def test_a_body_that_is_no_batch_is_refused(value: Any) -> None:
    with pytest.raises(RefusedError):
        read_batch(value)


def test_a_full_batch_of_random_payloads_fits_into_a_stanza() -> None:
    items: list[OutgoingItem] = []
    while sum(len(item.data) for item in items) < PACK_BYTES - 20_000:
        items.append(outgoing(len(items) + 1, payload=os.urandom(10_000)))
    assert len(pack(items, agent=AGENT, epoch="e", key=SigningKey.generate()).text) <= MAX_BODY


def test_a_receipt_is_believed_only_with_the_engines_signature() -> None:
    key = SigningKey.generate()
    receipt = Receipt(
        engine="e@localhost",
        epoch="1",
        manifest_sha256="0" * 64,
        committed=[("u", "0" * 64, 0)],
        refused=[],
        log_index=0,
        head="0" * 64,
    )
    signed = Signed.seal(receipt, key)
    assert open_signed(Receipt, signed, key.verifying) == receipt
    forged = Signed(text=signed.text.replace('"log_index":0', '"log_index":1'), signature=signed.signature)
    with pytest.raises(SignatureError):
        open_signed(Receipt, forged, key.verifying)
