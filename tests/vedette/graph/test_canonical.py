"""Canonical names: spellings of one thing are one text, and whatever comes is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.graph.canonical import FORMS, MAX_CANONICAL, canonical, is_telling, short


@pytest.mark.parametrize(
    ("form", "spellings", "expected"),
    [
        ("text", ("  Fancy\tBear ", "FANCY bear", "\uff46ancy bear"), "fancy bear"),
        ("exact", (" Ab ",), "Ab"),
        ("ip", ("10.0.0.1", "10[.]0[.]0[.]1", "::ffff:10.0.0.1"), "10.0.0.1"),
        ("ip", ("2001:DB8:0:0::1", "[2001:db8::1]"), "2001:db8::1"),
        ("ip", ("No address", "no  ADDRESS"), "no address"),
        ("range", ("10.0.0.0/24", "10.0.0.7/24", "10.0.0.0 - 10.0.0.255"), "10.0.0.0-10.0.0.255"),
        ("range", ("10.0.0.9 - 10.0.0.1",), "10.0.0.9 - 10.0.0.1"),
        ("domain", ("Example.COM.", "example[.]com"), "example.com"),
        ("domain", ("BÜCHER.example", "xn--bcher-kva.example"), "xn--bcher-kva.example"),
        ("hash", ("D4:1D:8C:D9:8F:00:B2:04:E9:80:09:98:EC:F8:42:7E", "d41d8cd98f00b204e9800998ecf8427e"),
         "d41d8cd98f00b204e9800998ecf8427e"),
        ("cve", ("cve-2026-1", "CAN-2026-0001", " CVE-2026-00001 "), "CVE-2026-0001"),
        ("cpe", ("cpe:/a:adobe:flash_player:9.0", "cpe:2.3:a:Adobe:flash_player:9.0:*:*:*:*:*:*:*",
                 "cpe:a:adobe:flash_player:9.0:::"), "cpe:2.3:a:adobe:flash_player:9.0:*:*:*:*:*:*:*"),
        ("url", ("hxxp://EXAMPLE[.]com:80", "http://example.com/"), "http://example.com/"),
        ("url", ("http://[2001:DB8::1]:8080/A",), "http://[2001:db8::1]:8080/A"),
        ("url", ("https://User@Example.com/A?b#c",), "https://User@example.com/A?b#c"),
        ("email", ("Ann@Example.COM", "ann[@]example.com"), "ann@example.com"),
        ("asn", ("AS64500", "64500", "asn 64500", "AS0.64500"), "AS64500"),
        ("asn", ("AS1.10", "1.10", "65546"), "AS65546"),
        ("number", ("080", "80"), "80"),
        ("socket", ("10.0.0.1:080", "10.0.0.1:80"), "10.0.0.1:80"),
        ("socket", ("[2001:DB8::1]:443",), "[2001:db8::1]:443"),
    ],
)  # fmt: skip
def test_spellings_of_one_thing_are_one(form: str, spellings: tuple[str, ...], expected: str) -> None:
    assert {canonical(form, spelling) for spelling in spellings} == {expected}


@given(form=st.sampled_from(sorted(FORMS)), name=st.text(max_size=60))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_whatever_comes_has_a_form_that_is_its_own(form: str, name: str) -> None:
    found = canonical(form, name)

    assert len(found) <= MAX_CANONICAL
    assert canonical(form, found) == found


def test_long_names_stay_different() -> None:
    one, other = "a" * 5000 + "b", "a" * 5000 + "c"

    assert canonical("text", one) != canonical("text", other)
    assert len(short(one, 100)) == 100


@pytest.mark.parametrize(
    ("form", "name", "telling"),
    [
        ("text", "zeus", True),
        ("text", "stucco:campaign-1dcba70d-7b12-4b8e-8b5a-2b8b2e6ecd0d", False),
        ("text", "1dcba70d-7b12-4b8e-8b5a-2b8b2e6ecd0d", False),
        ("cve", "CVE-2026-0001", True),
        ("cve", "bid-77", False),
    ],
)
def test_ids_and_second_names_tell_nothing(form: str, name: str, telling: bool) -> None:
    assert is_telling(form, name) is telling
