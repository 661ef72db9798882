"""What a client wants, from headers of any kind: right where they are right, harmless where they are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.api.negotiation import Offer, choose, essence_of, has_tag, takes_gzip

OFFERS = (
    Offer(name="own", type="text/html"),
    Offer(name="text", type="text/plain"),
    Offer(name="json", type="a/json"),
)


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        ("*/*", "own"),
        ("text/plain", "text"),
        ("TEXT/PLAIN ; q=1.0", "text"),
        ("text/*, a/json;q=0.9", "own"),
        ("text/*;q=0.2, a/json;q=0.9", "json"),
        ("text/html;q=0, */*", "text"),
        ("text/html;level=1;q=0.1, text/plain;q=0.2", "text"),
        ("*/*;q=0.1, text/plain", "text"),
        ("", None),
        ("image/png", None),
        ("*/*;q=0", None),
        ("text/html;q=2", "own"),
        (",,;;q=,=", None),
    ],
)
def test_the_best_is_chosen(accept: str, name: str | None) -> None:
    chosen = choose(accept, OFFERS)
    assert (chosen.name if chosen is not None else None) == name


def test_what_is_only_for_wildcards_gives_way_to_who_is_meant() -> None:
    offers = (Offer(name="own", type="a/json", only_by_wildcard=True), Offer(name="envelope", type="a/json"))
    assert [getattr(choose(accept, offers), "name", None) for accept in ("*/*", "a/json", "a/*;q=0.5, a/json")] == [
        "own",
        "envelope",
        "envelope",
    ]


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip", True),
        ("GZIP;q=0.001", True),
        ("x-gzip", True),
        ("*", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("br, deflate", False),
        ("*;q=0", False),
    ],
)
def test_gzip_is_taken_only_where_it_is_wanted(header: str, takes: bool) -> None:
    assert takes_gzip(header) is takes


@pytest.mark.parametrize(
    ("header", "has"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ("*", True),
        (" * ", True),
        ("", False),
        ("a", False),
        ('"b"', False),
        ('"a', False),
        ('"xa"', False),
    ],
)
def test_a_tag_is_found_in_a_list(header: str, has: bool) -> None:
    assert has_tag(header, '"a"') is has


@given(st.text(max_size=200))
def test_no_header_breaks_it(text: str) -> None:
    choose(text, OFFERS)
    takes_gzip(text)
    has_tag(text, '"a"')
    essence_of(text)
