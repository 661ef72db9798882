"""How well entities are found, strictly: an entity counts where its label and both of its ends are right.

The same as seqeval's mode `strict` with the scheme IOB2, without what that brings along: an entity begins with `B-`,
and an `I-` that does not go on with one of its label is nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from vedette.extraction.prose.bio import runs

ALL = "all"
"""In place of a label: all of them together (micro)."""

Found = tuple[str, Hashable]
"""A label, and what it stands at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """Precision and recall of one label."""

    right: int
    given: int
    """How many were said to be there."""
    wanted: int
    """How many are there."""

    @property
    def precision(self) -> float:
        """Share of what was given that is right; 0 where nothing was."""
        return self.right / self.given if self.given else 0.0

    @property
    def recall(self) -> float:
        """Share of what is wanted that was given; 0 where nothing is."""
        return self.right / self.wanted if self.wanted else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        both = self.given + self.wanted
        return 2 * self.right / both if both else 0.0


def tag_scores(wanted: Sequence[Sequence[str]], given: Sequence[Sequence[str]]) -> dict[str, Score]:
    """Return the score of each label by name, and of all together first.

    Args:
        wanted: the data's BIO tags, one a word.
        given: the model's.

    Raises:
        ValueError: they are not of the same sentences.
    """
    return scores(_placed(wanted), _placed(given, beside=wanted))


def scores(wanted: Iterable[Found], given: Iterable[Found]) -> dict[str, Score]:
    """Return the score of each label by name, and of all together first."""
    there, said = set(wanted), set(given)
    right, many, told = (Counter(label for label, _ in some) for some in (there & said, there, said))
    found = {ALL: Score(right=len(there & said), given=len(said), wanted=len(there))}
    for label in sorted(many | told):
        found[label] = Score(right=right[label], given=told[label], wanted=many[label])
    return found


def _placed(sentences: Sequence[Sequence[str]], *, beside: Sequence[Sequence[str]] | None = None) -> Iterator[Found]:
    if beside is not None and [len(tags) for tags in sentences] != [len(tags) for tags in beside]:
        raise ValueError("the tags are not those of the same words")
    for number, tags in enumerate(sentences):
        for label, start, end in runs(tags):
            yield label, (number, start, end)
