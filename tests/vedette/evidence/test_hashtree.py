"""The hash tree: every leaf's path leads to the root, in the form that all verifiers read alike."""

from __future__ import annotations

import hashlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.timing import bound
from vedette.canonical import sha256
from vedette.errors import EvidenceError
from vedette.evidence.hashtree import HashTree, root_of

LEAVES = st.lists(st.binary(min_size=1, max_size=3).map(sha256), min_size=1, max_size=70)


@settings(max_examples=100, deadline=None)
@given(LEAVES)
def test_every_path_leads_to_the_root_in_canonical_form(leaves: list[bytes]) -> None:
    tree = HashTree(leaves)
    for index, leaf in enumerate(leaves):
        path = tree.path(index)
        assert root_of(path, leaf, "sha256") == tree.root
        assert [len(values) for values in path] == [2, *[1] * (len(path) - 1)][: len(path)]
        assert not path or list(path[0]) == sorted(path[0])


def test_a_tree_of_one_is_its_leaf_without_a_path() -> None:
    tree = HashTree([sha256(b"a")])
    assert (tree.root, tree.path(0)) == (sha256(b"a"), ())


def test_nodes_are_hashed_in_binary_ascending_order() -> None:
    low, high = b"\x00" * 32, b"\xff" * 32
    assert HashTree([high, low]).root == HashTree([low, high]).root == sha256(low + high)


def test_an_odd_node_goes_up_unhashed() -> None:
    a, b, c = (sha256(name) for name in (b"a", b"b", b"c"))
    tree = HashTree([a, b, c])
    assert tree.root == sha256(b"".join(sorted((sha256(b"".join(sorted((a, b)))), c))))
    assert len(tree.path(2)) == 1


@pytest.mark.parametrize("digest", ["sha384", "sha512"])
def test_other_digests(digest: str) -> None:
    leaves = [hashlib.new(digest, bytes([number])).digest() for number in range(9)]
    tree = HashTree(leaves, digest=digest)
    assert all(root_of(tree.path(index), leaf, digest) == tree.root for index, leaf in enumerate(leaves))


def test_what_cannot_be_a_tree_is_refused() -> None:
    for leaves, digest in (
        ([], "sha256"),
        ([b"short"], "sha256"),
        ([sha256(b"a")], "sha512"),
        ([sha256(b"a")], "sha1"),
    ):
        with pytest.raises(EvidenceError):
            HashTree(leaves, digest=digest)
    for index in (-1, 1):
        with pytest.raises(EvidenceError):
            HashTree([sha256(b"a")]).path(index)


def test_a_path_that_does_not_hold_the_leaf_or_is_ambiguous_is_refused() -> None:
    a, b, c = (sha256(name) for name in (b"a", b"b", b"c"))
    for path in (((a, b),), ((c,),), ((c,), (a,)), ((c, b), ()), ((c, b), (b"short",)), ((),)):
        with pytest.raises(EvidenceError):
            root_of(path, c, "sha256")
    with pytest.raises(EvidenceError):
        root_of((), b"short", "sha256")


def test_a_list_may_hold_more_hashes_as_other_software_writes_it() -> None:
    hashes = [sha256(bytes([number])) for number in range(5)]
    first = sha256(b"".join(sorted(hashes[:3])))
    assert root_of((hashes[:3], hashes[3:]), hashes[1], "sha256") == sha256(b"".join(sorted((first, *hashes[3:]))))


def test_building_is_fast() -> None:
    """200,000 leaves a second are asked for; a quarter of that still passes on a busy machine."""
    leaves = [sha256(number.to_bytes(4)) for number in range(20_000)]
    start = time.process_time()
    HashTree(leaves)
    assert time.process_time() - start < bound(0.4)
