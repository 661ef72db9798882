"""Sentences: where those of a block begin and end, and the words in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from vedette.extraction.prose.text.blocks import Block
from vedette.extraction.prose.text.tokens import Place, tokens

MAX_WORDS: Final = 400
"""Tokens of a sentence; a longer one is cut."""

_STOPS = frozenset(".!?…\u3002\uff01\uff1f")
_ENDS_SURELY = frozenset("?\u3002\uff01\uff1f")
_GOES_ON = frozenset(".,;:)]}!?")
_CLOSERS = frozenset("\"'\u2019”»)]}")
_STARTING = """
a an the this that these those it its he she they we you i in on at by for from with after before during since
while when where if as although though however moreover furthermore additionally also but and or so then thus
there here our their his her some many most all both each several another other once according because
"""
_LEADING_ON = """
mr mrs ms dr prof rev gen sen rep gov capt lt col sgt maj cmdr st messrs vs v e.g i.e eg ie cf ca approx viz
incl excl tel ft mt
"""
# What a sentence hardly goes on with behind an abbreviation that often ends one ("by Acme Inc. The attackers …").
_STARTERS = frozenset(_STARTING.split())
# Abbreviations that a name or a number follows, and so hardly ever a new sentence.
_LEADING = frozenset(_LEADING_ON.split())
# Names that end with an exclamation mark.
_EXCLAIMED = frozenset({"joomla", "yahoo"})
_BETWEEN = re.compile(r"\t|\||[ \u00a0]{3,}+")
_LINE = re.compile(r"[^\n\r\u2028\u2029]+")


class SentenceSpan(NamedTuple):
    """A sentence."""

    start: int
    """Where it begins: with its first token."""
    end: int
    """Behind its last token."""
    tokens: list[Place]
    """Where each token begins and ends; at least one."""


def sentences(text: str, block: Block, whole: Sequence[Place] = ()) -> list[SentenceSpan]:
    """Return the sentences of a block in order: of a table its cells, of code its lines.

    Args:
        text: the text that the block is of.
        block: what is cut.
        whole: places of what is one token each, of the whole text, in order, not overlapping.
    """
    if block.kind in {"table", "code"}:
        parts = _cells(text, block) if block.kind == "table" else _lines(text, block)
        found = [tokens(text, start, end, whole) for start, end in parts]
    else:
        found = list(_split(text, tokens(text, block.start, block.end, whole)))
    return [SentenceSpan(part[0][0], part[-1][1], part) for one in found for part in _bounded(one)]


def _bounded(found: list[Place]) -> Iterator[list[Place]]:
    for at in range(0, len(found), MAX_WORDS):
        yield found[at : at + MAX_WORDS]


def _lines(text: str, block: Block) -> Iterator[Place]:
    for line in _LINE.finditer(text, block.start, block.end):
        yield line.span()


def _cells(text: str, block: Block) -> Iterator[Place]:
    for start, end in _lines(text, block):
        at = start
        for gap in _BETWEEN.finditer(text, start, end):
            yield at, gap.start()
            at = gap.end()
        yield at, end


def _split(text: str, found: list[Place]) -> Iterator[list[Place]]:
    """Yield the tokens of each sentence."""
    begin = 0
    at = 0
    while at < len(found):
        if _may_end(text, found[at]):
            last = _behind_closers(text, found, at)
            if last + 1 < len(found) and _ends(text, found, at, last):
                yield found[begin : last + 1]
                begin = last + 1
            at = last
        at += 1
    if begin < len(found):
        yield found[begin:]


def _may_end(text: str, token: Place) -> bool:
    return text[token[1] - 1] in _STOPS


def _behind_closers(text: str, found: list[Place], at: int) -> int:
    """Return the last of the quotation marks and brackets that close behind a token without a space."""
    while at + 1 < len(found) and found[at + 1][0] == found[at][1] and text[found[at + 1][0]] in _CLOSERS:
        if found[at + 1][1] - found[at + 1][0] > 1:
            break
        at += 1
    return at


def _ends(text: str, found: list[Place], at: int, last: int) -> bool:
    """Tell whether a sentence ends with a stop and its closers; something follows."""
    word = text[found[at][0] : found[at][1]]
    follows = found[last + 1]
    if follows[0] == found[last][1]:
        return False
    next_word = text[follows[0] : follows[1]]
    if len(word) > 1 and word[-1] == "." and word[-2] != ".":
        return next_word[0].isupper() and (last > at or _ends_shortened(word[:-1].lower(), next_word.lower()))
    if next_word[0] in _GOES_ON:
        return False
    if word == "!" and _is_exclaimed(text, found, at):
        return next_word.lower() in _STARTERS
    return word == "." or word[-1] in _ENDS_SURELY or not next_word[0].islower()


def _is_exclaimed(text: str, found: list[Place], at: int) -> bool:
    """Tell whether an exclamation mark is the end of a name."""
    if at == 0 or found[at - 1][1] != found[at][0]:
        return False
    return text[found[at - 1][0] : found[at - 1][1]].lower() in _EXCLAIMED


def _ends_shortened(word: str, next_word: str) -> bool:
    """Tell whether a sentence ends with a word that has a full stop of its own, both words in lower case."""
    return word not in _LEADING and (word in {"etc", "ect"} or next_word in _STARTERS)
