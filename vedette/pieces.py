"""Long lists in pieces: as much at a time as a statement or a request takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def pieces(whole: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """Yield a sequence's members in order, at most `most` at a time."""
    for start in range(0, len(whole), most):
        yield whole[start : start + most]
