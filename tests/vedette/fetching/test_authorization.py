"""Keys in headers, and out of what servers say."""

from __future__ import annotations

import base64

import pytest

from vedette.fetching.authorization import authorization, key_of, without_key

KEYS = ["Zx0kQ2vE7tYp1sW9rB4nM6aL", "anna:pass/word-9"]


@pytest.mark.parametrize("key", KEYS)
def test_a_header_shows_its_key(key: str) -> None:
    (header,) = authorization(key).values()
    assert key_of(header) == key


@pytest.mark.parametrize("key", KEYS)
def test_what_a_server_repeats_has_no_key(key: str) -> None:
    encoded = base64.b64encode(key.encode()).decode()
    forms = [key, encoded, key.rpartition(":")[2], encoded.replace("/", "\\/"), key.replace("/", "\\/")]
    for form in forms:
        assert without_key(f"refused: {form}, sorry", key) == "refused: …, sorry"
    for size in range(6, len(key)):
        assert key[:size] not in without_key(f"refused: {key[:size]}", key)


def test_what_has_no_key_stays() -> None:
    assert without_key("refused: password", "") == "refused: password"
    assert without_key("a user was refused", "a:b") == "a user was refused"
