"""Parts of speech and parse, on a treebank with its own words.

UPOS, UAS and LAS as in the CoNLL 2018 shared task (Zeman et al. 2018, section 5): every word counts, signs too. There
only the universal part of a relation is compared (`obl`, not `obl:agent`); `las` here compares all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from vedette.extraction.prose.evaluation.measures import Measure
from vedette.extraction.prose.evaluation.scoring import ALL
from vedette.extraction.prose.evaluation.tagging import is_picked
from vedette.extraction.prose.ports import SentenceReading
from vedette.extraction.prose.training.sets import Parsed, parsed

PART = "ud-ewt"
TARGETS = {"upos": 0.96, "las": 0.84}


class Parser(Protocol):
    """What parses sentences."""

    def read(self, sentences: Sequence[Sequence[str]]) -> list[SentenceReading]:
        """Return what is said of each sentence."""


def measure_parses(reader: Parser, data: Path, *, share: float = 1.0) -> list[Measure]:
    """Return the shares of words that are tagged and attached as in UD English-EWT.

    Args:
        reader: what is measured.
        data: folder with `ud/`.
        share: of the sentences that are read, 0 to 1.
    """
    sentences = [one for one in parsed(data, "dev") if is_picked(one.words, share)]
    readings = reader.read([one.words for one in sentences])
    shares, words = parse_shares(sentences, readings)
    return [
        Measure(part=PART, of=ALL, figure=name, value=value, count=words, target=TARGETS.get(name))
        for name, value in shares.items()
    ]


def parse_shares(wanted: Sequence[Parsed], given: Sequence[SentenceReading]) -> tuple[dict[str, float], int]:
    """Return the shares by name, and of how many words.

    Raises:
        ValueError: a reading is not of the same words.
    """
    counts = dict.fromkeys(("upos", "uas", "las", "las-universal"), 0)
    words = 0
    for one, reading in zip(wanted, given, strict=True):
        words += len(one.words)
        rows = zip(one.upos, one.heads, one.deprel, reading.pos, reading.heads, reading.relations, strict=True)
        for upos, head, relation, said_upos, said_head, said_relation in rows:
            attached = head == said_head
            counts["upos"] += upos == said_upos
            counts["uas"] += attached
            counts["las"] += attached and relation == said_relation
            counts["las-universal"] += attached and relation.partition(":")[0] == said_relation.partition(":")[0]
    return {name: count / max(words, 1) for name, count in counts.items()}, words
