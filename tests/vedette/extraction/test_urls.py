"""URLs and hosts, defanged or not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vedette.extraction.stated import kinds, reasons, relations
from vedette.extraction.building import Building
from vedette.extraction.urls import NOWHERE, UrlError, place_host, place_url, read_url, refang


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("hxxp://evil[.]example/a", "http://evil.example/a"),
        ("hXXps://evil(.)example(dot)org", "https://evil.example.org"),
        ("h**p[://]evil{.}example", "http://evil.example"),
        ("fxp://evil[.example", "ftp://evil.example"),
        ("someone[@]evil[dot]example", "someone@evil.example"),
        ("192[.]0[.]2[.]7[:]8080", "192.0.2.7:8080"),
        ("http://[2001:db8::1]:80/[x]", "http://[2001:db8::1]:80/[x]"),
        ("foxhxxp.example", "foxhxxp.example"),
    ],
)
def test_what_was_made_harmless_is_read(text: str, plain: str) -> None:
    assert refang(text) == plain


@pytest.mark.parametrize(
    ("text", "host", "is_address", "port"),
    [
        ("http://Evil.Example/a", "evil.example", False, 80),
        ("https://evil.example:8443/", "evil.example", False, 8443),
        ("evil.example/a/b?c", "evil.example", False, 80),
        ("192.0.2.7/~x/y", "192.0.2.7", True, 80),
        ("hxxp://192[.]0[.]2[.]7:4455/i", "192.0.2.7", True, 4455),
        ("https://[2001:DB8::0:1]/x", "2001:db8::1", True, 443),
        ("http://evil_host.example./", "evil_host.example", False, 80),
        ("http://bücher.example/", "bücher.example", False, 80),
        ("gopher://evil.example/", "evil.example", False, None),
    ],
)
def test_a_url_says_where_it_leads_to(text: str, host: str, is_address: bool, port: int | None) -> None:
    url = read_url(text)

    assert (url.host, url.is_address, url.port) == (host, is_address, port)


@pytest.mark.parametrize(
    "text", ["", "http://", "http://a b/", "http://a..b/", "http://[::1", "http://x.example:99999/", "///", "<html>"]
)
def test_what_is_no_url_is_said_once(text: str) -> None:
    with pytest.raises(UrlError, match="no URL"):
        read_url(text)
    building = Building()

    assert place_url(building, text) == NOWHERE
    assert len(reasons(building.done())) == 1


def test_a_url_is_placed_with_its_host() -> None:
    building = Building()

    placed = place_url(building, "http://evil.example/a", status="online")
    other = place_url(building, "http://192.0.2.7/a")

    found = building.done()
    assert (placed.is_address, other.is_address) == (False, True)
    assert found.vertices[placed.uri].properties["status"] == "online"
    assert relations(found) == {
        ("http://evil.example/a", "Sub-Observable", "evil.example"),
        ("http://192.0.2.7/a", "Sub-Observable", "192.0.2.7"),
    }


def test_a_host_is_an_address_a_domain_or_a_name_of_one_word() -> None:
    building = Building()
    for text in ("2001:db8::1", "[2001:DB8::2]", "a.example.", "printer", "*.b.example", "two words", ""):
        place_host(building, text)

    found = building.done()
    assert kinds(found) == {
        "2001:db8::1": "Address",
        "2001:db8::2": "Address",
        "a.example": "Domain Name",
        "printer": "Hostname",
        "*.b.example": "Domain Name",
    }
    assert len(reasons(found)) == 2


@settings(max_examples=60)
@given(st.text(max_size=60) | st.from_regex(r"(?s)h(tt|xx)ps?://.{0,40}", fullmatch=True))
def test_any_text_is_a_url_or_none(text: str) -> None:
    try:
        url = read_url(text)
    except UrlError:
        return
    assert url.host
    assert url.text == url.text.strip()
