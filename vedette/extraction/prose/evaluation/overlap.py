"""How much of what is measured was seen in training: sentences that are the same or nearly so, and names.

A figure on sentences that were learned by heart says nothing. Two sentences are nearly the same where they share six
of ten of their trigrams of words (Jaccard, as of Broder 1997's shingles); shorter ones than five words are left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from vedette.extraction.prose.bio import runs
from vedette.extraction.prose.evaluation.measures import Measure
from vedette.extraction.prose.evaluation.scoring import ALL
from vedette.extraction.prose.text.tokens import tokens
from vedette.extraction.prose.training.sets import lines

SETS: Final = ("cyner", "annoctr", "kev_auto", "attack_distant", "attack_re", "attack_ttp", "tram")
SHORTEST: Final = 5
NEARLY: Final = 0.6
MOST: Final = 500
"""Sentences that share a trigram of words; one that more share says nothing."""

Words = tuple[str, ...]


def measure_overlap(data: Path) -> list[Measure]:
    """Return for each data set the shares of its dev sentences, and of its names, that its train has, too.

    Args:
        data: folder with `ner/`.
    """
    found: list[Measure] = []
    for name in SETS:
        train, dev = (list(lines(data / "ner" / name / f"{split}.jsonl")) for split in ("train", "dev"))
        found += sentence_overlap(name, [_words(one) for one in train], [_words(one) for one in dev])
        if "tags" in dev[0]:
            known, asked = set(_names(train)), _names(dev)
            share = sum(one in known for one in asked) / max(len(asked), 1)
            found.append(Measure(part=name, of=ALL, figure="known-names", value=share, count=len(dev)))
    return found


def sentence_overlap(name: str, train: Sequence[Words], dev: Sequence[Words]) -> list[Measure]:
    """Return the shares of dev sentences that train has: the same, and nearly the same ones.

    Args:
        name: of the data set.
        train: what was learned, as words in lower case.
        dev: what is measured.
    """
    seen = set(train)
    shingles: defaultdict[Words, list[int]] = defaultdict(list)
    sets = [_shingles(words) for words in train]
    for place, some in enumerate(sets):
        for one in some:
            shingles[one].append(place)
    long = [words for words in dev if len(words) >= SHORTEST]
    same = sum(words in seen for words in long)
    near = sum(_is_near(_shingles(words), shingles, sets) for words in long)
    return [
        Measure(part=name, of=ALL, figure=figure, value=count / max(len(long), 1), count=len(dev))
        for figure, count in (("same", same), ("nearly-same", near))
    ]


def _is_near(one: set[Words], shingles: dict[Words, list[int]], sets: Sequence[set[Words]]) -> bool:
    shared: Counter[int] = Counter()
    for shingle in one:
        places = shingles.get(shingle, [])
        if len(places) <= MOST:
            shared.update(places)
    return any(len(one & sets[place]) >= NEARLY * len(one | sets[place]) for place, _ in shared.most_common(20))


def _shingles(words: Words) -> set[Words]:
    return {words[at : at + 3] for at in range(len(words) - 2)}


def _words(line: dict[str, Any]) -> Words:
    words = line.get("tokens")
    if words is None:
        text = line["text"]
        words = [text[start:end] for start, end in tokens(text, 0, len(text))]
    return tuple(word.lower() for word in words)


def _names(sentences: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (label, " ".join(one["tokens"][start:end]).lower())
        for one in sentences
        for label, start, end in runs(one["tags"])
    ]
