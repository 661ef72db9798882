"""BIO tags (IOB2): `B-X` on the first word of an X, `I-X` on the others of it, `O` on what is nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def runs(tags: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield the entities of a sentence: label, first word, and the one behind the last.

    An `I-` that does not go on with one of its label is nothing, as for seqeval's mode `strict`.
    """
    label, begin = "", 0
    for place, tag in enumerate([*tags, "O"]):
        if label and tag == f"I-{label}":
            continue
        if label:
            yield label, begin, place
        label, begin = tag[2:] if tag.startswith("B-") else "", place


def run(label: str, words: int) -> list[str]:
    """Return the tags of an entity of so many words, at least one."""
    return [f"B-{label}", *([f"I-{label}"] * (words - 1))]
