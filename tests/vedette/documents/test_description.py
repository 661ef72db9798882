"""What is said of documents, their names and their quotas: bounded, and never taken for something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.documents.description import (
    MAX_NAME,
    description_of,
    is_name,
    other_fields,
    read_description,
    stucco_fields,
)
from vedette.documents.quota import QuotaExceededError, Quotas
from vedette.errors import RefusedError


@given(st.text(max_size=140))
def test_a_name_is_one_harmless_part_of_a_path(text: str) -> None:
    if is_name(text):
        assert text.isascii()
        assert len(text) <= MAX_NAME
        assert not set("/\\%?#&;\"'<> \0\n") & set(text)
        assert text not in (".", "..")
        assert len(text) <= 40 or not all(char in "0123456789abcdefABCDEF" for char in text)


@pytest.mark.parametrize(
    ("text", "good"), [("d41d8cd98f00b204e9800998ecf8427e", True), ("a" * 64, False), ("", False)]
)
def test_a_short_digest_is_a_name_and_a_wrong_long_one_is_not(text: str, good: bool) -> None:
    assert is_name(text) is good


def test_what_is_said_comes_back_and_the_qualified_name_wins() -> None:
    text = description_of([("dc:title", "b"), ("title", "a"), ("dcterms:modified", "2026"), ("x", "1"), ("x", "2")])
    said = read_description(text)
    assert stucco_fields(said) == {"title": "b", "modification-date": "2026"}
    assert other_fields(said) == {"x": "2"}


def test_what_is_for_the_service_is_not_kept() -> None:
    assert description_of([("token", "vdt_x"), ("extract", "true"), ("reason", "r")]) == "{}"


@pytest.mark.parametrize("pair", [("a", "\ud800"), ("a", "\u202e"), ("1", "x"), ("a", "x" * 1025)])
def test_what_cannot_be_kept_is_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(RefusedError):
        description_of([pair])


def test_a_quota_is_what_fits_to_the_byte() -> None:
    quotas = Quotas(usual=10, own={"big": 20, "none": 0})
    quotas.check("small", used=4, more=6)
    quotas.check("big", used=10, more=10)
    Quotas().check("anybody", used=2**60, more=2**60)
    for holder, more in (("small", 7), ("none", 1)):
        with pytest.raises(QuotaExceededError, match=holder):
            quotas.check(holder, used=4, more=more)
