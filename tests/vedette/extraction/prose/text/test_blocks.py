"""Blocks of plain text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.extraction.prose.text.blocks import blocks


def _kinds(text: str) -> list[tuple[str, str]]:
    return [(block.kind, text[block.start : block.end]) for block in blocks(text)]


def test_a_report_in_plain_text() -> None:
    text = """New loader seen
===============

Acme saw a campaign in which somebody used a loader that is named FOOLOADER against the well-
known hosts of others. It exploits CVE-2021-1234, and then it goes on to install what
follows on them.

Indicators of compromise:
evil[.]com
1.2.3.4
d41d8cd98f00b204e9800998ecf8427e

- first item goes here
- second item that is
  continued
1) number one

All rights reserved.
"""
    assert _kinds(text) == [
        ("heading", "New loader seen"),
        ("prose", text[text.index("Acme") : text.index("\n\nIndic")]),
        ("heading", "Indicators of compromise:"),
        ("list", "evil[.]com"),
        ("list", "1.2.3.4"),
        ("list", "d41d8cd98f00b204e9800998ecf8427e"),
        ("list", "first item goes here"),
        ("list", "second item that is\n  continued"),
        ("list", "number one"),
        ("boilerplate", "All rights reserved."),
    ]


def test_lines_that_were_not_full_are_paragraphs() -> None:
    text = "One paragraph, whole.\nAnother one that stands in a line of its own.\nAnd a third."
    assert [said for _, said in _kinds(text)] == text.split("\n")
    long = "A paragraph that was never broken goes on and on, far beyond what a terminal shows. " * 3
    assert [kind for kind, _ in _kinds(f"{long.strip()}\n{long.strip()}")] == ["prose", "prose"]


@pytest.mark.parametrize(
    "text",
    [
        "```\nrule X {\n\n  strings\n}\n```",
        '$ curl http://a.example/b\nrule Foo : bar {\n  meta:\n    author = "me"\n  condition:\n    any of them\n}',
        'alert tcp $HOME_NET any -> $EXTERNAL_NET any (msg:"x"; sid:1;)',
        "00000000  4d 5a 90 00 03 00 00 00  |MZ|..|\n00000010  4d 5a 90 00 03 00 00 00  |MZ|..|",
        '{\n  "name": "x",\n  "list": [1, 2]\n}',
        "Jan  2 10:00:00 host sshd: failed\nJan  2 10:00:01 host sshd: failed",
        "2020-01-01 10:00:00 a failed\n2020-01-01 10:00:01 b failed",
        "def f(x):\n    return g(x);",
        "PS C:\\Users> whoami",
        "<configuration>\n<a b='c'/>",
    ],
)
def test_code_is_none_of_the_prose_around_it(text: str) -> None:
    before, after = "Before it stands a sentence.", "After it stands another."
    found = _kinds(f"{before}\n\n{text}\n\n{after}")
    assert [kind for kind, _ in found] == ["prose", "code", "prose"]


@pytest.mark.parametrize(
    "text",
    [
        "| Hash | Name |\n|------|------|\n| abc  | def  |",
        "Name      Version    Fixed\nfoo       1.2        1.3",
        "Name\tVersion\nfoo\t1.2",
    ],
)
def test_tables(text: str) -> None:
    assert _kinds(text) == [("table", text)]


def test_what_only_looks_like_something_else_is_prose() -> None:
    for text in (
        "2020-01-01 10:00:00 The attacker logged in to the server.",
        "For the victims that were chosen for the following reasons, it went on.",
        "from then on, the class of attacks was known as the following:\nothers went on.",
        "It costs $ 5 | or so.",
    ):
        assert [kind for kind, _ in _kinds(text)] == ["prose"]
    # A fence that nothing closes was none.
    assert [kind for kind, _ in _kinds("```\nThis is a sentence.\n\nAnd so is this.")] == ["prose", "prose"]


def test_markdown() -> None:
    assert _kinds("# Title #1\nText is here.\n\n## Next\n* one\n* two") == [
        ("heading", "Title #1"),
        ("prose", "Text is here."),
        ("heading", "Next"),
        ("list", "one"),
        ("list", "two"),
    ]


def test_parts_and_other_ends_of_lines() -> None:
    text = "Skip this.\r\n\r\nA sentence is here.\u2028\u2028Another is here.\r\n"
    assert [text[block.start : block.end] for block in blocks(text, 12)] == [
        "A sentence is here.",
        "Another is here.",
    ]
    assert [text[block.start : block.end] for block in blocks(text, 14, 24)] == ["A sentence"]
    assert blocks("") == []
    assert blocks(" \n\t\n") == []


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    "- one",
                    "2. two",
                    "# x",
                    "```",
                    "~~~",
                    "===",
                    "---",
                    "| a | b |",
                    "a\tb",
                    "a   b",
                    "{",
                    "}",
                    "evil.com",
                ]
            ),
            st.sampled_from(["   ", "\t\tx=y;", "Text.", "> q", "1/2", "©", "A line that is long, and goes on"]),
            st.text(st.characters(), max_size=12),
        ),
        max_size=14,
    )
)
def test_blocks_are_in_order_and_leave_no_word_out(lines: list[str]) -> None:
    text = "\n".join(lines)
    at = 0
    for block in blocks(text):
        assert at <= block.start < block.end <= len(text)
        between = text[at : block.start]
        assert not any(one.isalpha() for one in between.split()) or len(between) < 60
        assert text[block.start : block.end] == text[block.start : block.end].strip("\n")
        at = block.end


@pytest.mark.parametrize(
    "unit", ["a", "a\n", "\n", "- \n", "- a\n", "|", "a\tb\n", "```\n", "=", " ", "x = ", "<a ", "a  "]
)
def test_the_time_is_linear(unit: str) -> None:
    def seconds(size: int) -> float:
        text = (unit * size)[:size]
        runs = []
        for _ in range(3):
            begun = time.process_time()
            blocks(text)
            runs.append(time.process_time() - begun)
        return min(runs)

    # Ten times the text: ten times the time, where a quadratic pattern takes a hundred times.
    assert seconds(20_000) <= 40 * seconds(2_000) + 0.2
