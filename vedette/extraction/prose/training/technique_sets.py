"""Sentences and the ATT&CK technique that each describes, or none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vedette.extraction.prose.technique_ids import current
from vedette.extraction.prose.text.tokens import tokens
from vedette.extraction.prose.training.sets import NOTHING, tagged, techniques

SETS: Final = ("attack_ttp", "tram")

DOINGS: Final = frozenset({"TECHNIQUE", "TACTIC", "CLICommand/CodeSnippet", "MALWARE", "TOOL"})
"""AnnoCTR's labels of what may belong to a technique: a sentence without any of them describes none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """A sentence, and the technique that it describes."""

    words: list[str]
    technique: str
    """Its id as it is today; empty: none."""


def described(data: Path, name: str, split: str = "dev") -> list[Described]:
    """Return the sentences of a data set, cut into words as a document's are."""
    return [
        Described(words=_words(text), technique=current(technique))
        for text, technique in techniques(data, name, split)
    ]


def plain(data: Path, split: str = "dev") -> list[Described]:
    """Return sentences of reports that describe no technique."""
    return [
        Described(words=one.words, technique="")
        for one in tagged(data, "annoctr", split)
        if not any(tag != NOTHING and tag[2:] in DOINGS for tag in one.tags)
    ]


def _words(text: str) -> list[str]:
    return [text[start:end] for start, end in tokens(text, 0, len(text))]
