"""Entities: each data set read in its own labels, and in ours."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from vedette.extraction.prose.evaluation.measures import Measure
from vedette.extraction.prose.evaluation.scoring import ALL, Score, tag_scores
from vedette.extraction.prose.labels import LabelSet
from vedette.extraction.prose.tagging import LabelReader, tags_of
from vedette.extraction.prose.training.sets import MEANINGS, NOTHING, Tagged, tagged

OURS: Final[LabelSet] = "vedette"
"""Our own labels: what documents are read in, the model, indicators and rules together."""

TARGETS: Final[Mapping[tuple[str, str], float]] = {
    ("cyner", ALL): 0.74,
    ("annoctr", ALL): 0.60,
    ("annoctr in our labels", "MALWARE"): 0.75,
    ("annoctr in our labels", "GROUP"): 0.75,
    ("attack_distant in our labels", "MALWARE"): 0.75,
    ("attack_distant in our labels", "THREAT_ACTOR"): 0.75,
    ("kev_auto", "VENDOR"): 0.90,
    ("kev_auto", "SOFTWARE"): 0.90,
    ("kev_auto", "VERSION"): 0.90,
}
"""F1 that is to be reached on `dev`."""

IN_THEIRS: Final[Mapping[str, Mapping[str, str]]] = {
    "cyner": {
        "MALWARE": "Malware",
        "SOFTWARE": "System",
        "OS": "System",
        "ORG": "Organization",
        "VENDOR": "Organization",
        "VULNERABILITY": "Vulnerability",
        "VULN_ID": "Vulnerability",
    },
    "annoctr": {
        "MALWARE": "MALWARE",
        "THREAT_ACTOR": "GROUP",
        "TOOL": "TOOL",
        "ORG": "ORG",
        "VENDOR": "ORG",
        "LOC": "LOC",
        "SECTOR": "SECTOR",
        "ATTACK_PATTERN": "TECHNIQUE",
    },
    "kev_auto": {
        "VENDOR": "VENDOR",
        "SOFTWARE": "SOFTWARE",
        "OS": "SOFTWARE",
        "VERSION": "VERSION",
        "VULNERABILITY": "VULNERABILITY",
        "VULN_ID": "VULNERABILITY_ID",
        "FILE": "FILE",
        "FUNCTION": "FUNCTION",
    },
    "attack_distant": {name: name for name in ("MALWARE", "THREAT_ACTOR", "TOOL", "CAMPAIGN")},
}
"""By data set, what our labels are in it. What it does not look for is left out of both sides."""

_SHOWN: Final[Mapping[str, LabelSet]] = {"cyner": "cyner", "annoctr": "annoctr", "kev_auto": "kev"}
"""By data set, the labels that `vedette annotate --tokens` shows."""


def measure_tags(reader: LabelReader, data: Path, *, share: float = 1.0) -> list[Measure]:
    """Return precision, recall and F1 of each label of each data set.

    Args:
        reader: what is measured.
        data: folder with `ner/`.
        share: of the sentences that are read, 0 to 1.
    """
    found: list[Measure] = []
    for name in IN_THEIRS:
        sentences = [one for one in tagged(data, name, "dev") if is_picked(one.words, share)]
        found += _own(reader, name, sentences)
        found += _ours(reader, name, sentences)
    return found


def is_picked(words: Sequence[str], share: float) -> bool:
    """Tell whether a sentence belongs to the share of all that is read: always the same ones."""
    return zlib.crc32(" ".join(words).encode()) < share * 2**32


def score_measures(part: str, scored: Mapping[str, Score], *, targets: Mapping[str, float]) -> list[Measure]:
    """Return the three figures of each label.

    Args:
        part: what was read.
        scored: by label.
        targets: by label, what F1 should be.
    """
    return [
        Measure(part=part, of=label, figure=figure, value=value, count=score.wanted, target=target)
        for label, score in scored.items()
        for figure, value, target in (
            ("precision", score.precision, None),
            ("recall", score.recall, None),
            ("f1", score.f1, targets.get(label) if score.wanted else None),
        )
    ]


def _own(reader: LabelReader, name: str, sentences: Sequence[Tagged]) -> list[Measure]:
    labels = _SHOWN.get(name)
    words = [one.words for one in sentences]
    given = tags_of(words, labels, reader=reader) if labels else reader.in_labels(words, MEANINGS[name].head)
    return score_measures(name, tag_scores([one.tags for one in sentences], given), targets=_targets(name))


def _ours(reader: LabelReader, name: str, sentences: Sequence[Tagged]) -> list[Measure]:
    theirs = IN_THEIRS[name]
    comparable = {label: label for label in theirs.values()}
    given = tags_of([one.words for one in sentences], OURS, reader=reader)
    scored = tag_scores(
        [_renamed(one.tags, comparable) for one in sentences], [_renamed(tags, theirs) for tags in given]
    )
    part = f"{name} in our labels"
    return score_measures(part, scored, targets=_targets(part))


def _targets(part: str) -> dict[str, float]:
    return {label: target for (one, label), target in TARGETS.items() if one == part}


def _renamed(tags: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """Return tags with other names of labels; labels that have none become nothing."""
    return [f"{tag[:2]}{names[tag[2:]]}" if tag[2:] in names else NOTHING for tag in tags]
