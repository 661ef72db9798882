"""What becomes of a broker's message, property by property, and what is refused with which reason."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.canonical import sha256_hex
from vedette.errors import RefusedError
from vedette.gateway.incoming import Taken, document_id, has_content, is_digest, take
from vedette.gateway.message import MALFORMED, BrokerMessage, fingerprint
from vedette.messages.item import ReceivedItem
from vedette.messages.limits import MAX_PAYLOAD
from vedette.signing import SigningKey

NOW = 1_795_305_600_123_456
MESSAGE = BrokerMessage(exchange="stucco", routing_key="stucco.in.structured.nmap", body=b"seen")


def taken(message: BrokerMessage = MESSAGE, *, at: int = NOW, **changes: Any) -> Taken:
    return take(replace(message, **changes), at=at, limit=1_000_000)


def meta_of(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = taken(**changes).drawn.item["meta"]
    return found


def test_a_bare_message_is_a_document_collected_now() -> None:
    item = taken().drawn.item
    assert item["payload"] == {"raw": base64.b64encode(b"seen").decode()}
    assert item["meta"] | {"uuid": ""} == {
        "uuid": "",
        "ts": NOW // 1_000_000,
        "type": "document",
        "source": "stucco.in.structured.nmap",
        "collected_at": NOW,
        "content_type": "application/octet-stream",
        "sha256": sha256_hex(b"seen"),
        "size": 4,
        "taken_at": NOW,
        "amqp": {"exchange": "stucco"},
    }


def test_properties_are_mapped_and_stucco_s_headers_stand_in_for_them() -> None:
    by_property = meta_of(content_type="text/csv", content_encoding="gzip", priority=4, timestamp=1_700_000_000)
    by_header = meta_of(headers={"ContentType": "text/csv", "ContentEncoding": "gzip", "Priority": "4"})
    for meta in (by_property, by_header):
        assert (meta["content_type"], meta["content_encoding"], meta["priority"]) == ("text/csv", "gzip", 4)
    assert (by_property["ts"], by_property["collected_at"]) == (1_700_000_000, 1_700_000_000_000_000)
    assert by_property["taken_at"] == NOW


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, True),
        ({"HasContent": True}, True),
        ({"HasContent": "False"}, False),
        ({"hascontent": " true "}, True),
        ({"contentIncl": b"false"}, False),
        ({"HasContent": 0}, False),
        ({"Other": "x"}, True),
    ],
)
def test_has_content_is_boolean_or_text(headers: dict[str, Any], expected: bool) -> None:
    assert has_content(headers) is expected


@pytest.mark.parametrize("value", ["", "maybe", None, [], {"a": 1}, "true\x00"])
def test_has_content_that_means_nothing_is_refused(value: Any) -> None:
    with pytest.raises(RefusedError, match="HasContent"):
        has_content({"HasContent": value})


def test_a_message_without_content_names_a_document() -> None:
    digest = "ab" * 32
    message = replace(MESSAGE, body=f" {digest}\n".encode())
    assert document_id(message) == digest
    assert is_digest(digest)
    assert not is_digest("report.pdf")
    drawn = take(message, at=NOW, limit=1_000, document=digest).drawn
    assert drawn.item["payload"] == {"document": digest}
    assert (drawn.data, drawn.item["meta"].get("size")) == (None, None)
    for body in (b"", b"x" * 600, b"\xff\xfe", b"two\nlines"):
        with pytest.raises(RefusedError, match="not the id of a document"):
            document_id(replace(MESSAGE, body=body))


def test_a_large_message_goes_to_the_document_service_and_a_larger_one_nowhere() -> None:
    body = b"x" * (MAX_PAYLOAD + 1)
    drawn = taken(body=body).drawn
    assert drawn.item["payload"] == {"document": sha256_hex(body)}
    assert drawn.data == body
    with pytest.raises(RefusedError, match="body: is 1000001 bytes; this gateway takes 1000000"):
        taken(body=b"x" * 1_000_001)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"routing_key": "stucco.in.odd.nmap"}, "routing_key: is not <prefix>"),
        ({"routing_key": "stucco.in.structured.#"}, "routing_key: is a pattern"),
        ({"routing_key": "stucco.in.structured.n\ufffd"}, "routing_key: is not UTF-8"),
        ({"headers": {MALFORMED: "cannot be decoded: ValueError"}}, "properties: cannot be decoded"),
        ({"timestamp": -1}, "timestamp: -1 is out of range"),
        ({"timestamp": 1 << 60}, "timestamp: .* out of range"),
    ],
)
def test_what_cannot_be_taken_says_why(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        taken(**changes)


def test_with_an_id_equal_messages_are_the_same_and_without_they_are_two() -> None:
    with_id = replace(MESSAGE, message_id="1")
    assert taken(with_id).uuid == taken(with_id, at=NOW + 1, redelivered=True).uuid
    assert taken(with_id).uuid != taken(with_id, body=b"other").uuid
    assert taken().uuid != taken(at=NOW + 1).uuid
    # What the broker adds from delivery to delivery makes no difference.
    assert fingerprint(MESSAGE) == fingerprint(replace(MESSAGE, redelivered=True, headers={"x-delivery-count": 2}))
    assert fingerprint(MESSAGE) != fingerprint(replace(MESSAGE, headers={"colour": "red"}))


def test_the_uuid_of_a_sealed_message_cannot_be_found_by_trying_contents() -> None:
    with_id = replace(MESSAGE, message_id="1")
    one, other = SigningKey.generate(), SigningKey.generate()
    sealed = [take(with_id, at=NOW, limit=100, sealing=key) for key in (one, one, other)]
    assert sealed[0].uuid == sealed[1].uuid
    assert len({sealed[0].uuid, sealed[2].uuid, taken(with_id).uuid}) == 3
    assert len(sealed[0].drawn.item["meta"]["sealed"]) == 32


def test_headers_are_kept_within_bounds_and_what_is_left_out_is_counted() -> None:
    kept = meta_of(headers={"a": "x", "b": [1], "c": 1 << 60, "d": False})["amqp"]
    assert (kept["headers"], kept["headers_left_out"]) == ({"a": "x", "d": False}, 2)
    assert meta_of(headers={"a": "x" * 9_000})["amqp"] == {"exchange": "stucco", "headers_left_out": 1}


_VALUES = st.one_of(
    st.text(max_size=20), st.binary(max_size=20), st.integers(), st.booleans(), st.none(), st.floats()
)


@given(
    body=st.binary(max_size=64),
    key=st.one_of(st.text(max_size=64), st.just(MESSAGE.routing_key)),
    headers=st.dictionaries(st.text(max_size=12), _VALUES, max_size=4),
    text=st.text(max_size=40),
    timestamp=st.none() | st.integers(min_value=-(2**63), max_value=2**63),
    priority=st.none() | st.integers(min_value=0, max_value=255),
)
def test_whatever_comes_is_a_good_item_or_refused(
    body: bytes, key: str, headers: dict[str, Any], text: str, timestamp: int | None, priority: int | None
) -> None:
    message = BrokerMessage(
        exchange="e",
        routing_key=key,
        body=body,
        headers=headers,
        content_type=text,
        content_encoding=text,
        message_id=text,
        app_id=text,
        timestamp=timestamp,
        priority=priority,
    )
    try:
        found = take(message, at=NOW, limit=1_000)
    except RefusedError:
        return
    assert ReceivedItem(found.drawn.item).payload == body
