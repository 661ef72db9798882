"""What a vulnerability is, in the words of advisories."""

from __future__ import annotations

import pytest

from vedette.extraction.prose.rules.weaknesses import find_weaknesses


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A SQL injection vulnerability", ["SQL injection"]),
        (
            "Stack-based buffer overflow and heap based buffer overflows",
            ["Stack-based buffer overflow", "heap based buffer overflows"],
        ),
        ("use-after-free in Foo; a Use After Free", ["use-after-free", "Use After Free"]),
        ("Cross-site scripting (XSS) and CSRF", ["Cross-site scripting (XSS)", "CSRF"]),
        ("allows remote code execution, or RCE", ["remote code execution", "RCE"]),
        ("xss, rce and rfi in lower case say nothing", []),
        ("an overflow of visitors, the injection of capital", []),
    ],
)
def test_terms_are_found(text: str, names: list[str]) -> None:
    assert [text[one.start : one.end] for one in find_weaknesses(text)] == names
