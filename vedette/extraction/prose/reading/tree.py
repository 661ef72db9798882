"""A parse from scores: for each word its head, so that all hang together on one root.

Most of what a good parser's best heads say is a tree already. Where it is none, the maximum spanning tree is found by
the algorithm of Chu and Liu (1965) and Edmonds (1967); a price on the root's edges, higher than all scores together,
makes it the best of the trees with one root (Stanojević and Cohen 2021, section 3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Nodes = NDArray[np.int64]

_HIGHEST = 1e4
"""A score's size at most; a model's are near 0, but for what it masks."""

_PRICE = 1e8
"""Of an edge from the root."""

_FAR = -1e12
"""Score of what cannot be: a word that is its own head."""


def heads(scores: NDArray[np.float32]) -> list[int]:
    """Return each word's head in the best tree with one root: 0 is the root, n the n-th word.

    Args:
        scores: of head j for word i, [M, M + 1]; column 0 is the root.
    """
    words = len(scores)
    grid = np.zeros((words + 1, words + 1))
    bounded = np.nan_to_num(scores[:, : words + 1].astype(np.float64), nan=-_HIGHEST)
    grid[1:] = np.clip(bounded, -_HIGHEST, _HIGHEST)
    np.fill_diagonal(grid, _FAR)
    best: Nodes = grid.argmax(1)
    best[0] = 0
    if (best[1:] == 0).sum() != 1 or _cycle(best):
        grid[1:, 0] -= _PRICE
        best = _spanning(grid)
    found: list[int] = best[1:].tolist()
    return found


def _spanning(grid: Scores) -> Nodes:
    """Return each node's head in the maximum spanning tree; node 0 is the root, and its own head.

    A cycle of best heads becomes one node of a smaller problem, whose answer says where the cycle is opened.
    """
    best: Nodes = grid.argmax(1)
    best[0] = 0
    cycle = _cycle(best)
    if not cycle:
        return best
    inside = set(cycle)
    rest = [node for node in range(len(grid)) if node not in inside]
    enters = grid[cycle][:, rest] - grid[cycle, best[cycle]][:, None]
    leaves = grid[rest][:, cycle]
    smaller = np.full((len(rest) + 1, len(rest) + 1), _FAR)
    smaller[:-1, :-1] = grid[rest][:, rest]
    smaller[-1, :-1] = enters.max(0)
    smaller[:-1, -1] = leaves.max(1)
    answer = _spanning(smaller)
    from_cycle = np.array(cycle)[leaves.argmax(1)]
    for place, node in enumerate(rest):
        best[node] = from_cycle[place] if answer[place] == len(rest) else rest[answer[place]]
    entered = answer[-1]
    best[cycle[enters[:, entered].argmax()]] = rest[entered]
    return best


def _cycle(best: Nodes) -> list[int]:
    """Return the nodes of a cycle of heads; empty: there is none."""
    seen = [0] * len(best)
    following: list[int] = best.tolist()
    for begin in range(1, len(following)):
        node = begin
        while node and not seen[node]:
            seen[node] = begin
            node = following[node]
        if node and seen[node] == begin:
            cycle = [node]
            while following[cycle[-1]] != node:
                cycle.append(following[cycle[-1]])
            return cycle
    return []
