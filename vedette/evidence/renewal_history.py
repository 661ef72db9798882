"""The records of a whole batch from what is stored once for all of it: its token and its renewals.

A time-stamp renewal is the same for every item of a batch. A hash-tree renewal (RFC 4998 section 5.3) is not: it
covers each item's own chain. So the batch gets a tree of its own in the new digest, whose root is the one leaf
that the batch has in the renewal's tree; a record's path goes through both. In the batch's tree the hash of an
item's payload lies beside the item's leaf: whoever holds the record sees that the payload is bound by the new
digest too, not only by the SHA-256 in the statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vedette.errors import EvidenceError
from vedette.evidence.der import SEQUENCE, encode
from vedette.evidence.hashtree import HashPath, HashTree, digest_function, root_of
from vedette.evidence.record import ArchiveTimestamp, build_timestamp, hashed, join_record, renewed_hash
from vedette.evidence.statement import leaf


@dataclass(frozen=True, kw_only=True, slots=True)
class RenewalEvent:
    """One renewal, as a batch's records take part in it."""

    digest: str
    """Digest of the renewal's tree."""
    path: HashPath
    """From what the batch has in that tree to the root."""
    token: bytes
    """The token over the root."""
    payloads: Sequence[bytes] | None
    """Of a hash-tree renewal: each payload's hash, zeros where it was deleted; None: a time-stamp renewal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchEvidence:
    """What the records of one batch by one authority are made of."""

    statements: Sequence[bytes]
    """The items' statements, in order."""
    batch_statement: bytes
    """The batch's own, the last leaf of its tree."""
    token: bytes
    """The token over the batch's root."""
    events: Sequence[RenewalEvent] = ()
    """The renewals, oldest first."""


def absent(digest: str) -> bytes:
    """Return what stands for the hash of a payload that was deleted: nobody can find its preimage."""
    return bytes(digest_function(digest)(b"").digest_size)


def item_record(evidence: BatchEvidence, index: int) -> bytes:
    """Return the DER record of the item at `index` of its batch.

    Raises:
        EvidenceError: there is no such item, or what is stored does not fit together.
    """
    data = [*evidence.statements, evidence.batch_statement]
    tree = HashTree([leaf(statement) for statement in data])
    if any(event.payloads is not None for event in evidence.events):
        return _join(_chains(evidence, evidence.events)[index], evidence.events)
    first = build_timestamp(path=tree.path(index), token=evidence.token, digest="sha256")
    stamps = [build_timestamp(path=event.path, token=event.token, digest=event.digest) for event in evidence.events]
    return _join([b"".join((first, *stamps))], evidence.events)


def hashtree_leaf(evidence: BatchEvidence, *, digest: str, payloads: Sequence[bytes]) -> bytes:
    """Return what a batch has in the tree of a hash-tree renewal with `digest`: the root of its own tree.

    Raises:
        EvidenceError: there are not as many payloads' hashes as items, or a hash has the wrong size.
    """
    data = [*evidence.statements, evidence.batch_statement]
    return _renewal_tree(data, _chains(evidence, evidence.events), digest, payloads).root


def _chains(evidence: BatchEvidence, events: Sequence[RenewalEvent]) -> list[list[bytes]]:
    """Return the contents of each datum's chains; the batch's own statement is the last datum."""
    data = [*evidence.statements, evidence.batch_statement]
    tree = HashTree([leaf(statement) for statement in data])
    chains = [
        [build_timestamp(path=tree.path(place), token=evidence.token, digest="sha256")] for place in range(len(data))
    ]
    for event in events:
        if event.payloads is None:
            stamp = build_timestamp(path=event.path, token=event.token, digest=event.digest)
            for chain in chains:
                chain[-1] += stamp
        else:
            _begin_chains(data, chains, event, event.payloads)
    return chains


def _begin_chains(
    data: Sequence[bytes], chains: list[list[bytes]], event: RenewalEvent, payloads: Sequence[bytes]
) -> None:
    tree = _renewal_tree(data, chains, event.digest, payloads)
    for place, chain in enumerate(chains):
        path = join_paths(tree.path(2 * place), event.path, digest=event.digest)
        chain.append(build_timestamp(path=path, token=event.token, digest=event.digest))


def _renewal_tree(
    data: Sequence[bytes], chains: Sequence[Sequence[bytes]], digest: str, payloads: Sequence[bytes]
) -> HashTree:
    """Return the batch's tree: each item's leaf with its payload's hash beside it, the batch's own leaf last."""
    if len(payloads) != len(data) - 1:
        raise EvidenceError(f"renewal: {len(payloads)} payloads' hashes for {len(data) - 1} items")
    leaves: list[bytes] = []
    for place, (statement, chain) in enumerate(zip(data, chains, strict=True)):
        leaves.append(renewed_hash(statement, [encode(SEQUENCE, content) for content in chain], digest))
        leaves += payloads[place : place + 1]
    return HashTree(leaves, digest=digest)


def _join(contents: Sequence[bytes], events: Sequence[RenewalEvent]) -> bytes:
    digests = dict.fromkeys(["sha256", *(event.digest for event in events if event.payloads is not None)])
    return join_record(digests=tuple(digests), chains=[encode(SEQUENCE, content) for content in contents])


def join_paths(lower: HashPath, upper: HashPath, *, digest: str) -> HashPath:
    """Return the path through two trees, where the root of the lower one is a leaf of the upper one.

    Raises:
        EvidenceError: the paths are not as `HashTree.path` makes them, or do not belong together.
    """
    if not lower or not upper:
        return lower or upper
    node = root_of(lower, lower[0][0], digest)
    if len(upper[0]) != 2 or node not in upper[0]:
        raise EvidenceError("hash path: the lower tree is not a leaf of the upper one")
    sibling = upper[0][0] if upper[0][1] == node else upper[0][1]
    return (*lower, (sibling,), *upper[1:])


def encode_path(path: HashPath) -> bytes:
    """Return a path of `HashTree` as bytes: its hashes one after the other."""
    return b"".join(value for values in path for value in values)


def decode_path(data: bytes, *, digest: str) -> HashPath:
    """Return the path of `encode_path`.

    Raises:
        EvidenceError: it is no such path.
    """
    size = digest_function(digest)(b"").digest_size
    hashes = [data[start : start + size] for start in range(0, len(data), size)]
    if len(data) % size or len(hashes) == 1:
        raise EvidenceError("hash path: a stored path is damaged")
    return () if not hashes else ((hashes[0], hashes[1]), *((value,) for value in hashes[2:]))


def binds_payload(stamp: ArchiveTimestamp, payload: bytes) -> bool:
    """Tell whether the first archive time-stamp of a later chain binds a payload beside its statement."""
    return bool(stamp.path) and hashed(payload, stamp.digest) in stamp.path[0]
