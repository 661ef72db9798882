"""Time grows with a text's length, whatever it says: twice the text takes about twice as long."""

from __future__ import annotations

import time

import pytest

from vedette.extraction.prose.indicators.finding import find

HOSTILE = (
    *(
        "a",
        "a.",
        "a-",
        ".",
        "a:",
        ":",
        "::a",
        "a1b2",
        "/",
        "\\",
        "a\\",
        "C:\\a b c ",
        "@",
        "a@",
        "a@a.",
        "[.]",
        "a[.]",
        "(",
    ),
    *(
        "http://",
        "http://((",
        "http://a,",
        "x://",
        "hxxp[:]",
        "1.",
        "1.1.1.1 ",
        "version ",
        "\\\\a\\",
        "HKLM\\a b c ",
        "/etc",
    ),
    *(
        "%aa%\\",
        "\u200b",
        "2001::",
        "CVE-2021-",
        "a.co ",
        "a.b.Then ",
        '"C:\\a ',
        "[tt]",
        ")].,",
        "a\\b\\c.exe ",
        "-_",
        "<a>",
    ),
    *("1B", "bc1q", "AS1", "a\u3002", "www.", "v1.2.3.4, ", "[ dot ", "section 1.2.3.4 ", "\n", "\ud800"),
)
SIZE = 24_000
SHORT = 0.2
"""Seconds that are no harm, and too few to compare: what is quadratic takes longer at this size."""


def _seconds(text: str) -> float:
    start = time.process_time()
    find(text)
    return time.process_time() - start


def _is_linear(unit: str, size: int) -> bool:
    """Tell whether four times the text takes about four times as long: what is quadratic takes 16 times."""
    large, small = (unit * (count // len(unit)) for count in (size, size // 4))
    return any(
        (many := _seconds(large)) < SHORT or many < 10 * min(_seconds(small) for _ in range(3)) for _ in range(5)
    )


def test_time_grows_with_the_text() -> None:
    find("evil.com")
    assert [unit for unit in HOSTILE if not _is_linear(unit, SIZE)] == []


@pytest.mark.long
@pytest.mark.parametrize("unit", HOSTILE)
def test_time_grows_with_a_long_text(unit: str) -> None:
    find("evil.com")
    assert [lead for lead in ("", "http://a", "C:\\", "a@") if not _is_linear(lead + unit, 200_000)] == []
