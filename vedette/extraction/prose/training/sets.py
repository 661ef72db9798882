"""The labelled text that the model learns from, and what each data set's tags mean in our labels.

A data set labels only some of what there is: what it does not look for is not "nothing" there. So each tag of each
set stands for a set of our own tags, and our head learns from the sum of their probabilities.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vedette.extraction.prose.features import MAX_WORDS
from vedette.extraction.prose.labels import NAMED
from vedette.extraction.prose.technique_ids import current

OURS: Final = NAMED
"""What the head of our own labels knows."""

NOTHING: Final = "O"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tagged:
    """Words with a BIO tag each."""

    words: list[str]
    tags: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """What a data set's labels are in ours."""

    head: str
    """The head that speaks the data set's own labels; empty: it has none."""
    means: dict[str, tuple[str, ...]]
    """By its label what it may be in ours; `O`: it may be nothing."""
    overlooks: tuple[str, ...]
    """What it does not label, so that its `O` may be that."""


_CODE = ("FILE", "FUNCTION", "PARAMETER")
_PRODUCT = ("VENDOR", "SOFTWARE", "OS", "VERSION", "UPDATE")

MEANINGS: Final[dict[str, Meaning]] = {
    "cyner": Meaning(
        head="cyner",
        means={
            "Malware": ("MALWARE",),
            "Indicator": (NOTHING, *_CODE),
            "System": ("SOFTWARE", "OS", "TOOL"),
            "Organization": ("ORG", "VENDOR"),
            "Vulnerability": ("VULNERABILITY", "VULN_ID"),
        },
        overlooks=(
            "THREAT_ACTOR",
            "CAMPAIGN",
            "LOC",
            "SECTOR",
            "VERSION",
            "UPDATE",
            "TOOL",
            "ATTACK_PATTERN",
            "FUNCTION",
            "PARAMETER",
        ),
    ),
    "annoctr": Meaning(
        head="annoctr",
        means={
            "ORG": ("ORG", "VENDOR"),
            "LOC": ("LOC",),
            "MALWARE": ("MALWARE",),
            "GROUP": ("THREAT_ACTOR",),
            "TOOL": ("TOOL",),
            "SECTOR": ("SECTOR",),
            "TECHNIQUE": ("ATTACK_PATTERN",),
            "TACTIC": (NOTHING, "ATTACK_PATTERN"),
            "CON": (NOTHING, "ATTACK_PATTERN", "VULNERABILITY", "SOFTWARE"),
            "DATE": (NOTHING,),
            "CLICommand/CodeSnippet": (NOTHING, *_CODE),
        },
        overlooks=("SOFTWARE", "OS", "VERSION", "UPDATE", "VULNERABILITY", "VULN_ID", "CAMPAIGN", *_CODE),
    ),
    "kev_auto": Meaning(
        head="kev",
        means={
            "VENDOR": ("VENDOR",),
            "SOFTWARE": ("SOFTWARE", "OS"),
            "VERSION": ("VERSION",),
            "VULNERABILITY": ("VULNERABILITY",),
            "VULNERABILITY_ID": ("VULN_ID",),
            "FILE": ("FILE",),
            "FUNCTION": ("FUNCTION",),
        },
        overlooks=("MALWARE", "TOOL", "ORG", "SECTOR", "LOC", "UPDATE", "PARAMETER", "OS", "VULNERABILITY"),
    ),
    "attack_distant": Meaning(
        head="attack",
        means={name: (name,) for name in ("MALWARE", "THREAT_ACTOR", "TOOL", "CAMPAIGN", "ATTACK_PATTERN")},
        overlooks=(*_PRODUCT, "VULNERABILITY", "VULN_ID", "ATTACK_PATTERN", *_CODE, "ORG", "SECTOR", "LOC"),
    ),
    "wnut17": Meaning(
        head="",
        means={
            "corporation": ("ORG", "VENDOR"),
            "group": (NOTHING, "ORG"),
            "location": ("LOC",),
            "product": (NOTHING, "SOFTWARE", "OS"),
            "creative-work": (NOTHING, "SOFTWARE"),
            "person": (NOTHING,),
        },
        overlooks=("SECTOR", "VERSION", "UPDATE", *_CODE),
    ),
    "wikigold": Meaning(
        head="",
        means={
            "ORG": ("ORG", "VENDOR"),
            "LOC": ("LOC",),
            "PER": (NOTHING,),
            "MISC": (NOTHING, "SOFTWARE", "OS"),
        },
        overlooks=("SECTOR", "VERSION", "UPDATE", *_CODE),
    ),
    "written": Meaning(head="", means={name: (name,) for name in OURS}, overlooks=()),
}
"""By data set; `written` are the sentences that `written.py` makes, which label all of ours."""


def lines(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file of JSON."""
    with file.open(encoding="utf-8") as opened:
        for line in opened:
            yield json.loads(line)


def tagged(folder: Path, name: str, split: str) -> list[Tagged]:
    """Return a data set's sentences whole."""
    found = lines(folder / "ner" / name / f"{split}.jsonl")
    return [Tagged(words=one["tokens"], tags=one["tags"]) for one in found if one["tokens"]]


def windows(sentences: Sequence[Tagged]) -> list[Tagged]:
    """Return sentences cut into what the model reads at once."""
    return [
        Tagged(words=one.words[at : at + MAX_WORDS], tags=_begun(one.tags[at : at + MAX_WORDS]))
        for one in sentences
        for at in range(0, len(one.words), MAX_WORDS)
    ]


def _begun(tags: list[str]) -> list[str]:
    """Return tags of which the first does not go on with what was cut off."""
    return [f"B-{tags[0][2:]}", *tags[1:]] if tags[0].startswith("I-") else tags


def bio(kinds: Sequence[str]) -> list[str]:
    """Return the BIO tags of some kinds, `O` first."""
    return [NOTHING, *(f"{prefix}-{kind}" for kind in kinds for prefix in "BI")]


def kinds_of(sentences: Sequence[Tagged]) -> list[str]:
    """Return the labels that occur, sorted."""
    return sorted({tag[2:] for one in sentences for tag in one.tags if tag != NOTHING})


def allowed(meaning: Meaning, tag: str) -> list[str]:
    """Return what a data set's tag may be in our tags."""
    if tag == NOTHING:
        return [NOTHING, *(f"{prefix}-{kind}" for kind in meaning.overlooks for prefix in "BI")]
    may_be = meaning.means[tag[2:]]
    return [NOTHING if kind == NOTHING else f"{tag[:2]}{kind}" for kind in may_be]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """A sentence of a treebank."""

    words: list[str]
    upos: list[str]
    heads: list[int]
    deprel: list[str]


def parsed(folder: Path, split: str) -> list[Parsed]:
    """Return the sentences of UD English-EWT; words of several tokens and empty nodes left out."""
    found: list[Parsed] = []
    now = Parsed(words=[], upos=[], heads=[], deprel=[])
    with (folder / "ud" / f"en_ewt-ud-{split}.conllu").open(encoding="utf-8") as opened:
        for line in opened:
            cells = line.rstrip("\n").split("\t")
            if len(cells) == 1 and not cells[0] and now.words:
                found.append(now)
                now = Parsed(words=[], upos=[], heads=[], deprel=[])
            if len(cells) < 8 or not cells[0].isdigit():
                continue
            now.words.append(cells[1])
            now.upos.append(cells[3])
            now.heads.append(int(cells[6]))
            now.deprel.append(cells[7])
    return [*found, now] if now.words else found


@dataclass(frozen=True, kw_only=True, slots=True)
class RelatedPair:
    """A pair of entities in a sentence, and what they have to do with each other."""

    words: list[str]
    head: tuple[int, int]
    head_label: str
    tail: tuple[int, int]
    tail_label: str
    relation: str


def related(folder: Path, split: str) -> list[RelatedPair]:
    """Return the pairs of attack_re."""
    return [
        RelatedPair(
            words=one["tokens"],
            head=(one["head"]["start"], one["head"]["end"]),
            head_label=one["head"]["type"],
            tail=(one["tail"]["start"], one["tail"]["end"]),
            tail_label=one["tail"]["type"],
            relation=one["relation"],
        )
        for one in lines(folder / "ner" / "attack_re" / f"{split}.jsonl")
    ]


def techniques(folder: Path, name: str, split: str) -> list[tuple[str, str]]:
    """Return sentences and the technique each describes, by its id of today: of `attack_ttp` or `tram`."""
    return [(one["text"], current(one["technique"])) for one in lines(folder / "ner" / name / f"{split}.jsonl")]
