"""The reader takes DER and nothing else; what the writer makes is read back."""

from __future__ import annotations

import pytest
from asn1crypto import core
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.errors import EvidenceError
from vedette.evidence import der
from vedette.evidence.der import EncodingError, Reader

NOT_DER = {
    "indefinite length": "30800000",
    "length in more bytes than it needs": "04820001aa",
    "long form for a short length": "048101aa",
    "longer than its holder": "0402aa",
    "cut off in its length": "0482",
    "long tag": "1f8101aa",
    "nothing": "",
    "only a tag": "04",
    "reserved length": "04ff",
}


@pytest.mark.parametrize("name", NOT_DER)
def test_what_is_not_der_is_refused(name: str) -> None:
    with pytest.raises(EncodingError):
        Reader(bytes.fromhex(NOT_DER[name])).element("value")


@pytest.mark.parametrize("content", ["", "0001", "007f", "ff80", "ffff"])
def test_a_padded_integer_is_refused(content: str) -> None:
    with pytest.raises(EncodingError):
        der.to_integer(bytes.fromhex(content), "value")


@pytest.mark.parametrize("content", ["", "80", "8001", "2a80", "2a8001", "2a86"])
def test_a_padded_object_identifier_is_refused(content: str) -> None:
    with pytest.raises(EncodingError):
        der.to_oid(bytes.fromhex(content))


@pytest.mark.parametrize("text", ["", "1", "3.1", "1.40", "1.2.x", "1.-2"])
def test_what_is_no_object_identifier_is_not_encoded(text: str) -> None:
    with pytest.raises(EncodingError):
        der.oid(text)


def test_values_nested_without_end_are_refused() -> None:
    data = b""
    for _ in range(200):
        data = der.sequence(data)
    with pytest.raises(EncodingError, match="nested too deep"):
        der.check_nested(data, "value")


@settings(deadline=None)
@given(st.integers())
def test_integers_are_written_as_others_write_them(value: int) -> None:
    encoded = der.integer(value)
    assert encoded == core.Integer(value).dump()
    assert Reader(encoded).integer("value") == value


@settings(deadline=None)
@given(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 2**128), max_size=3))
def test_object_identifiers_are_written_as_others_write_them(first: int, second: int, more: list[int]) -> None:
    text = ".".join(map(str, (first, second, *more)))
    encoded = der.oid(text)
    assert encoded == core.ObjectIdentifier(text).dump()
    assert Reader(encoded).oid("value") == text


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_strings_of_any_length_are_read_back(content: bytes) -> None:
    encoded = der.sequence(der.octet_string(content), der.octet_string(b""))
    reader = der.read_whole(encoded, der.SEQUENCE, "value")
    assert (reader.octets("first"), reader.octets("second")) == (content, b"")
    reader.finish("value")


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        der.check_nested(data, "value")
    except EvidenceError:
        return
    assert b"".join(element.raw for element in Reader(data).elements("value")) == data
