"""All tasks' examples as batches of one task each: what goes into the network, and what should come out."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from vedette.extraction.prose.features import Features, Featurizer

IGNORED = -100
"""A target that no loss counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One window and its targets: numbers, or one number a word by the target's name."""

    words: Sequence[str]
    roles: Sequence[int] | None = None
    targets: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Task:
    """Examples of one kind."""

    name: str
    examples: Sequence[Example]
    share: float
    """How often an example comes in an epoch; 1: once."""
    changed: Callable[[int], Example] | None = None
    """Gives an example by its place, changed by chance (names swapped); None: as it is."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Examples of one task."""

    task: str
    given: dict[str, Tensor]
    """Inputs of the network, by name."""
    is_word: Tensor
    """Which of the words are there, [B, M]."""
    targets: dict[str, Tensor]


class Batches:
    """Draws batches, alike for the same seed."""

    def __init__(self, *, featurizer: Featurizer, tasks: Sequence[Task], pieces: int, hide_names: float) -> None:
        """Describe it.

        Args:
            featurizer: makes features.
            tasks: what is learned.
            pieces: of a batch, padding counted.
            hide_names: share of the examples in which the known names are not told.
        """
        self._featurizer = featurizer
        self._tasks = tasks
        self._pieces = pieces
        self._hide_names = hide_names
        self._lengths = {task.name: [len(featurizer.of(one.words).pieces) for one in task.examples] for task in tasks}

    def epoch(self, number: int, *, seed: int) -> list[tuple[Task, list[int]]]:
        """Return the batches of an epoch, as a task and places of its examples."""
        dice = random.Random(f"{seed}/{number}")  # noqa: S311 (no secret)
        batches = []
        for task in self._tasks:
            places = list(range(len(task.examples)))
            picked = places * int(task.share) + dice.sample(places, int(len(places) * (task.share % 1)))
            dice.shuffle(picked)
            lengths = self._lengths[task.name]
            for start in range(0, len(picked), 2000):
                chunk = sorted(picked[start : start + 2000], key=lengths.__getitem__)
                batches += [(task, part) for part in self._parts(chunk, lengths)]
        dice.shuffle(batches)
        return batches

    def _parts(self, chunk: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
        part: list[int] = []
        for place in chunk:
            if part and (len(part) + 1) * max(lengths[place], lengths[part[-1]]) > self._pieces:
                yield part
                part = []
            part.append(place)
        if part:
            yield part

    def make(self, task: Task, places: Sequence[int], *, dice: random.Random | None = None) -> Batch:
        """Return a batch; with `dice`, as it is for training."""
        change = task.changed if dice is not None else None
        examples = [change(place) if change else task.examples[place] for place in places]
        features = [self._featurizer.of(one.words, one.roles) for one in examples]
        if dice is not None:
            for one in features:
                if dice.random() < self._hide_names:
                    one.names[:] = [0] * len(one.names)
        given, is_word = padded(features)
        targets = {
            name: _targets([one.targets[name] for one in examples], is_word.size(1)) for name in examples[0].targets
        }
        return Batch(task=task.name, given=given, is_word=is_word, targets=targets)


def padded(features: Sequence[Features]) -> tuple[dict[str, Tensor], Tensor]:
    """Return the network's inputs for some windows, and which of the words are there."""
    count = len(features)
    longest = max(len(one.pieces) for one in features)
    most = max(len(one.first) for one in features)
    given = {
        name: torch.zeros(count, longest, dtype=torch.long) for name in ("pieces", "mask", "shapes", "names", "roles")
    }
    first = torch.zeros(count, most, dtype=torch.long)
    for row, one in enumerate(features):
        size = len(one.pieces)
        given["mask"][row, :size] = 1
        for name in ("pieces", "shapes", "names", "roles"):
            given[name][row, :size] = torch.tensor(getattr(one, name))
        first[row, : len(one.first)] = torch.tensor(one.first)
    given["first"] = first
    return given, first > 0


def _targets(values: Sequence[Any], words: int) -> Tensor:
    if isinstance(values[0], int):
        return torch.tensor(values)
    made = torch.full((len(values), words), IGNORED, dtype=torch.long)
    for row, one in enumerate(values):
        made[row, : len(one)] = torch.tensor(one)
    return made
