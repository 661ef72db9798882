"""Bodies: encoded, decoded, bounded on the way in."""

from __future__ import annotations

import base64

import pytest
import zstandard

from vedette.errors import RefusedError
from vedette.messages.envelope import ENCODING, decode_body, encode_body
from vedette.messages.limits import MAX_BODY, MAX_DECODED_BODY


@pytest.mark.parametrize("value", [{}, {"a": "b"}, {"long": "x" * 5000, "n": [1, None, True]}])
def test_a_body_comes_back_as_it_was(value: object) -> None:
    assert decode_body(*encode_body(value)) == value


def test_a_large_body_is_compressed() -> None:
    text, encoding = encode_body({"a": "x" * 10_000})
    assert encoding == ENCODING
    assert len(text) < 1000


def _packed(data: bytes) -> str:
    return base64.b64encode(zstandard.compress(data)).decode()


@pytest.mark.parametrize(
    ("text", "encoding", "reason"),
    [
        ("x" * (MAX_BODY + 1), None, "the limit is"),
        ("{", None, "not JSON"),
        ("{}", "gzip", "not known"),
        ("!", ENCODING, "wrong base64"),
        (base64.b64encode(b"plain").decode(), ENCODING, "wrong zstd"),
        (_packed(bytes(MAX_DECODED_BODY + 1)), ENCODING, "unpacks to"),
        (_packed(b'{"cut": 1}')[:16], ENCODING, "wrong"),
    ],
)
def test_a_wrong_body_is_refused(text: str, encoding: str | None, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        decode_body(text, encoding)


def test_a_frame_without_a_size_is_refused() -> None:
    frame = zstandard.ZstdCompressor(write_content_size=False).compress(b"{}" * 100)
    with pytest.raises(RefusedError):
        decode_body(base64.b64encode(frame).decode(), ENCODING)
