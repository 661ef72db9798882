"""Sentences of a block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vedette.extraction.prose.annotated import BlockKind
from vedette.extraction.prose.text.blocks import Block
from vedette.extraction.prose.text.sentences import MAX_WORDS, SentenceSpan, sentences
from vedette.extraction.prose.text.tokens import Place

_TREEBANK = Path(__file__).resolve().parents[6] / "shared" / "data" / "ud" / "en_ewt-ud-dev.conllu"


def _cut(text: str, kind: BlockKind = "prose") -> list[str]:
    return [text[one.start : one.end] for one in sentences(text, Block(0, len(text), kind))]


@pytest.mark.parametrize(
    "expected",
    [
        ["It drops a.exe.", "Then it runs."],
        ["It was seen by Acme Inc.", "The attackers left."],
        ["It was seen by Acme Inc. and Mr. Doe, e.g. in the U.S. in May."],
        ["He said “market.”", "She (of Acme) left!", "Why?"],
        ["It affects 2.4.1.", "iOS is not affected.", "Version 3.0 is."],
        ["It used tools (PsExec, Mimikatz, etc.)", "Others followed."],
        ["See Fig. 3 and No. 5 vs. No. 6."],
        ["Wait ... for it.", "Yahoo! is a company."],
        ["The Yahoo! YUI library is hit in Joomla! 2.5.", "They run Joomla!", "The others left!", "Nobody came."],
        ["See https://acme.example/a.", "More is at update.py."],
        ["Heading without a stop"],
        ["First\nline and the\nsecond.", "Third."],
    ],
)
def test_sentences_end_where_they_do(expected: list[str]) -> None:
    assert _cut(" ".join(expected)) == expected


def test_tables_give_their_cells_and_code_its_lines() -> None:
    assert _cut("Name\tHash\nfoo. Bar.\tabc", "table") == ["Name", "Hash", "foo. Bar.", "abc"]
    assert _cut("| Name | Fixed in |\n|------|----|\n| foo  | 1.2 |", "table")[:2] == ["Name", "Fixed in"]
    assert _cut("Name      Version\nfoo bar   1.2", "table") == ["Name", "Version", "foo bar", "1.2"]
    assert _cut("if a. B:\n\n  c = 1\r\nd", "code") == ["if a. B:", "c = 1", "d"]


def test_sentences_have_a_longest() -> None:
    text = "word " * (2 * MAX_WORDS + 1)
    assert [len(one.tokens) for one in sentences(text, Block(0, len(text), "prose"))] == [MAX_WORDS, MAX_WORDS, 1]


def test_a_block_is_read_and_nothing_around_it() -> None:
    text = "Before. In it. And so. After."
    found = sentences(text, Block(8, 22, "prose"), [(0, 6), (11, 13), (23, 28)])
    assert found == [
        SentenceSpan(8, 14, [(8, 10), (11, 13), (13, 14)]),
        SentenceSpan(15, 22, [(15, 18), (19, 21), (21, 22)]),
    ]
    assert sentences("   ", Block(0, 3, "prose")) == []


@pytest.mark.skipif(not _TREEBANK.is_file(), reason="../shared/data/ud is absent")
def test_agrees_with_a_treebank() -> None:
    agreed, either, ends_agreed, ends_either = 0, 0, 0, 0
    for text, gold, gold_ends in _paragraphs():
        found = sentences(text, Block(0, len(text), "prose"))
        places = {place for one in found for place in one.tokens}
        ends = {one.end for one in found}
        agreed, either = agreed + len(places & gold), either + len(places) + len(gold)
        ends_agreed, ends_either = ends_agreed + len(ends & gold_ends), ends_either + len(ends) + len(gold_ends)
    # F1 of all of it is 98.5 and 87; most of the rest are hyphens, which the treebank cuts and the NER sets keep, and
    # sentences that only the lines of a mail divided.
    assert 2 * agreed / either >= 0.975
    assert 2 * ends_agreed / ends_either >= 0.8


def _paragraphs() -> list[tuple[str, set[Place], set[int]]]:
    """Return the first paragraphs' text, and where in it the words and the sentences' ends are."""
    found: list[tuple[str, set[Place], set[int]]] = []
    for sentence in _TREEBANK.read_text(encoding="utf-8").split("\n\n")[:600]:
        text, places, ends = "", set[Place](), set[int]()
        if found and "# newpar" not in sentence and "# newdoc" not in sentence:
            text, places, ends = found.pop()
        for word, is_spaced in _words([line.split("\t") for line in sentence.splitlines() if line[:1].isdigit()]):
            places.add((len(text), len(text) + len(word)))
            text += word + " " * is_spaced
        found.append((text, places, ends | {len(text.rstrip())}))
    return found


def _words(rows: list[list[str]]) -> Iterator[tuple[str, bool]]:
    """Yield the words of a sentence, and whether space follows; several that are written as one are that one."""
    behind = 0
    for row in rows:
        if "-" in row[0]:
            behind = int(row[0].split("-")[1])
            first = int(row[0].split("-")[0])
            parts = [other[1] for other in rows if other[0].isdigit() and first <= int(other[0]) <= behind]
            if "".join(parts) != row[1]:
                parts = [row[1]]
            yield from ((part, False) for part in parts[:-1])
            yield parts[-1], "SpaceAfter=No" not in row[9]
        elif row[0].isdigit() and int(row[0]) > behind:
            yield row[1], "SpaceAfter=No" not in row[9]
