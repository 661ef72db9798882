"""The hash tree of RFC 4998 section 4.2, and the reduced form in which one leaf's path is kept.

The hashes of one parent are joined in binary ascending order, so a path needs no left and right. Nodes are
binary and an odd one is promoted to the next level: then each path has the one form that all known
verifiers read alike (first list: the leaf and its sibling; each later list: one hash).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from vedette.errors import EvidenceError

if TYPE_CHECKING:
    from hashlib import _Hash

HashPath = tuple[tuple[bytes, ...], ...]
"""A reducedHashtree (RFC 4998 section 4.1): lists of hashes, from the leaf up."""

DIGESTS: dict[str, Callable[[bytes], _Hash]] = {
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}
"""The digest algorithms that records may use, by name."""


def digest_function(name: str) -> Callable[[bytes], _Hash]:
    """Return the hash constructor of a digest's name.

    Raises:
        EvidenceError: the digest is not one that records may use.
    """
    function = DIGESTS.get(name)
    if function is None:
        raise EvidenceError(f"digest {name!r} is not accepted; use one of {', '.join(DIGESTS)}")
    return function


class HashTree:
    """The tree over the leaves of one batch, in the order given; equal leaves are allowed."""

    def __init__(self, leaves: Sequence[bytes], *, digest: str = "sha256") -> None:
        """Build the tree.

        Raises:
            EvidenceError: no leaves, a leaf that is not as long as the digest, or an unknown digest.
        """
        function = digest_function(digest)
        size = function(b"").digest_size
        if not leaves:
            raise EvidenceError("hash tree: needs at least one leaf")
        if any(len(leaf) != size for leaf in leaves):
            raise EvidenceError(f"hash tree: every leaf must be {size} bytes, the size of {digest}")
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            self._levels.append(_parents(self._levels[-1], function))
        self.root: bytes = self._levels[-1][0]
        """The hash that is time-stamped; the leaf itself in a batch of one."""

    def level(self, height: int) -> list[bytes]:
        """Return the nodes at a height above the leaves, in order; the root where the tree is not so high."""
        return list(self._levels[min(height, len(self._levels) - 1)])

    def path(self, index: int) -> HashPath:
        """Return the reducedHashtree lists of the leaf at `index`; () in a batch of one.

        Raises:
            EvidenceError: there is no such leaf.
        """
        if not 0 <= index < len(self._levels[0]):
            raise EvidenceError(f"hash tree: has no leaf {index}")
        leaf = self._levels[0][index]
        siblings = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                siblings.append((level[sibling],))
            index >>= 1
        if not siblings:
            return ()
        first = siblings[0][0]
        pair = (leaf, first) if leaf <= first else (first, leaf)
        return (pair, *siblings[1:])


def _parents(nodes: list[bytes], function: Callable[[bytes], _Hash]) -> list[bytes]:
    """Return the level above; the last node of an odd level goes up as it is."""
    pairs = zip(nodes[::2], nodes[1::2], strict=False)
    parents = [function(a + b if a <= b else b + a).digest() for a, b in pairs]
    if len(nodes) % 2:
        parents.append(nodes[-1])
    return parents


def root_of(path: Sequence[Sequence[bytes]], leaf_hash: bytes, digest: str) -> bytes:
    """Return the root that a path leads to (RFC 4998 section 4.3); the leaf itself for an empty path.

    Raises:
        EvidenceError: the leaf is not in the first list, a list is empty or a hash has the wrong size.
    """
    function = digest_function(digest)
    size = function(b"").digest_size
    if len(leaf_hash) != size or any(len(value) != size for values in path for value in values):
        raise EvidenceError(f"hash path: every hash must be {size} bytes, the size of {digest}")
    if not path:
        return leaf_hash
    if leaf_hash not in path[0]:
        raise EvidenceError("hash path: the hash of the data is not in the first list")
    # A first list of one is hashed by some verifiers and taken as it is by others: no proof can rest on it.
    if len(path[0]) < 2 or not all(path):
        raise EvidenceError("hash path: the first list needs two hashes, every later one at least one")
    node = function(b"".join(sorted(path[0]))).digest()
    for values in path[1:]:
        node = function(b"".join(sorted((node, *values)))).digest()
    return node
