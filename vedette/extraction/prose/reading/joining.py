"""What windows of one sentence say, joined again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vedette.extraction.prose.ports import SentenceReading, Span
from vedette.extraction.prose.reading.techniques import MOST

LOOSE = "parataxis"
"""What the root of a later window is to the root of the first (UD: side by side, without a word that joins)."""


def joined(parts: Sequence[SentenceReading]) -> SentenceReading:
    """Return the reading of a sentence from its windows', in order: one tree, and each technique at its surest."""
    if len(parts) == 1:
        return parts[0]
    spans: list[Span] = []
    pos: list[str] = []
    heads: list[int] = []
    relations: list[str] = []
    sure: dict[str, float] = {}
    for part in parts:
        before = len(pos)
        spans += [replace(one, start=one.start + before, end=one.end + before) for one in part.spans]
        pos += part.pos
        root = heads.index(0) + 1 if heads else 0
        heads += [head + before if head else root for head in part.heads]
        relations += [
            name if head or not before else LOOSE for name, head in zip(part.relations, part.heads, strict=True)
        ]
        for technique, probability in part.techniques:
            sure[technique] = max(probability, sure.get(technique, 0.0))
    techniques = sorted(sure.items(), key=lambda one: (-one[1], one[0]))[:MOST]
    return SentenceReading(spans=spans, pos=pos, heads=heads, relations=relations, techniques=techniques)
