"""Values read the same everywhere, and no text can disguise itself."""

from __future__ import annotations

import pytest

from vedette.clock import MICROSECONDS
from web import formats

SECOND = MICROSECONDS
DAY = 86_400 * SECOND


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 漢字", "plain ünïcode 漢字"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("a\x00b\x1bc\x7fd\x85e", "a[U+0000]b[U+001B]c[U+007F]d[U+0085]e"),
        ("invoice\u202egpj.exe", "invoice[U+202E]gpj.exe"),
        ("a\u2028b\u200bc\ufeffd\u00ade", "a[U+2028]b[U+200B]c[U+FEFF]d[U+00AD]e"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ("lone \ud800", "lone [U+D800]"),
        ("A" * 1_000, "A" * 1_000),
        ("A" * 3_500, "A" * 1_000 + "… (2,500 more characters)"),
    ],
)
def test_hidden_characters_are_written_out_and_long_texts_cut(text: str, shown: str) -> None:
    assert formats.visible(text) == shown


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_795_305_600_999_999, "2026-11-22T00:00:00Z"),
        (-SECOND, "1969-12-31T23:59:59Z"),
        (10**18, "outside the calendar (1,000,000,000,000,000,000 µs)"),
        (10**30, "outside the calendar (more than 64 bits µs)"),
    ],
)
def test_times_are_utc_and_impossible_ones_are_named(at: int, shown: str) -> None:
    assert formats.instant(at) == shown


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        (0, "just now"),
        (999_999, "just now"),
        (3 * SECOND, "3 s ago"),
        (192 * SECOND, "3 min 12 s ago"),
        (2 * 3600 * SECOND, "2 h 0 min ago"),
        (1_500 * DAY, "1,500 d 0 h ago"),
        (-5 * SECOND, "in 5 s"),
    ],
)
def test_relative_times_use_the_two_largest_units(before: int, shown: str) -> None:
    assert formats.ago(10 * DAY, 10 * DAY + before) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (4182, "4.1 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (5 * 1024**3, "5.0 GiB"),
        (2**60, "1,024.0 PiB"),
        (-2048, "-2.0 KiB"),
        (10**400, "more than 64 bits"),
    ],
)
def test_sizes_are_humanised(number: int, shown: str) -> None:
    assert formats.size(number) == shown


def test_counts_have_their_thousands_apart() -> None:
    assert formats.count(1_234_567) == "1,234,567"
    assert formats.count(10**5000) == "more than 64 bits"


@pytest.mark.parametrize(("text", "number"), [("12", 12), ("-3", -3), ("1.5", None), ("", None), ("9" * 5000, None)])
def test_a_cell_that_holds_no_number_is_shown_as_text(text: str, number: int | None) -> None:
    assert formats.whole(text) == number


def test_fingerprints_are_grouped_and_shortened() -> None:
    digest = "0123456789abcdef" * 4
    assert formats.fingerprint(digest).startswith("0123 4567 89ab cdef ")
    assert formats.short_fingerprint(digest) == "0123 4567 … cdef"
    assert formats.short_fingerprint("short") == "short"


def test_names_are_cut_with_an_ellipsis() -> None:
    assert formats.brief("abcdef", 6) == "abcdef"
    assert formats.brief("abcdefg", 6) == "abcde…"


def test_a_share_is_whole_or_nothing_only_where_it_is() -> None:
    shares = (0.0, 0.00001, 0.005, 0.5, 0.9999999, 1.0)
    assert [formats.percent(share) for share in shares] == ["0 %", "0.1 %", "0.5 %", "50 %", "99.9 %", "100 %"]
