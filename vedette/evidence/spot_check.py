"""One item verified by itself and quickly: payload -> statement -> leaf -> root -> token.

Of the item's batch only the block of leaves around it and the upper nodes of the tree are needed. Nodes are
witnesses: whatever they are, hashing them must lead to the root that a token from a trusted authority is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vedette.errors import EvidenceError
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.hashtree import HashTree, root_of
from vedette.evidence.record import verify_record
from vedette.evidence.renewal_history import join_paths
from vedette.evidence.statement import leaf
from vedette.evidence.sweep_checks import LogPlace, StoredItem, check_item
from vedette.evidence.token import VerifiedToken, verify_token

_HEIGHT = 5

BLOCK = 2**_HEIGHT
"""Leaves in a block: as it is a power of two, a block's root is a node of the batch's tree."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredStamp:
    """A token over the batch's root, as it is stored."""

    tsa: str
    """Name of the authority."""
    token: bytes
    """DER of the TimeStampToken."""
    certificates: Sequence[bytes]
    """DER certificates that may help to build its chain."""
    record: bytes | None = None
    """The item's evidence record, where it was renewed: the token alone may prove nothing any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpotFacts:
    """What is stored of one item and of its batch around it."""

    item: StoredItem
    """The item."""
    log: LogPlace
    """Its log."""
    place: int
    """Its place in the batch, from 0."""
    block: Sequence[bytes]
    """Leaves of the block that it is in, in order."""
    top: Sequence[bytes]
    """One node for each block of the batch, in order."""
    stamps: Sequence[StoredStamp]
    """The tokens that count."""


def top_of(tree: HashTree) -> bytes:
    """Return the upper nodes of a batch's tree as they are stored: one hash for each block, in order."""
    return b"".join(tree.level(_HEIGHT))


def spot_check(facts: SpotFacts, *, roots: Mapping[str, TrustRoots], now: int) -> str:
    """Return what is wrong with an item's proof, empty where a token of a configured authority proves it.

    Args:
        facts: what is stored.
        roots: roots of each configured authority by its name.
        now: microseconds since 1970.
    """
    findings = check_item(facts.item, facts.log)
    if findings:
        return findings[0].text
    try:
        root = root_from(facts)
    except EvidenceError as error:
        return str(error)
    flaw = "no token counts"
    for stamp in facts.stamps:
        try:
            check_stamp(stamp, facts, root, roots.get(stamp.tsa), now)
        except EvidenceError as error:
            flaw = f"token of {stamp.tsa}: {error}"
        else:
            return ""
    return flaw


def root_from(facts: SpotFacts) -> bytes:
    """Return the root of the batch, from the item's leaf upwards.

    Raises:
        EvidenceError: the leaf does not lead there.
    """
    number, within = divmod(facts.place, BLOCK)
    item_leaf = leaf(facts.item.statement)
    lower, upper = HashTree(facts.block), HashTree(facts.top)
    if facts.block[within : within + 1] != [item_leaf] or facts.top[number : number + 1] != [lower.root]:
        raise EvidenceError("the item's leaf does not lead to the root of its batch")
    path = join_paths(lower.path(within), upper.path(number), digest="sha256")
    return root_of(path, item_leaf, "sha256")


def check_stamp(
    stamp: StoredStamp, facts: SpotFacts, root: bytes, roots: TrustRoots | None, now: int
) -> VerifiedToken:
    """Return a token that proves when the root was there, verified.

    Raises:
        EvidenceError: it does not prove it; says why.
    """
    if roots is None:
        raise EvidenceError("the authority is not configured here, so nothing says what its tokens are worth")
    pool = tuple(stamp.certificates)
    verified = verify_token(
        stamp.token, imprint=root, digest_algorithm="sha256", roots=roots, untrusted=pool, now=now
    )
    if stamp.record is not None:
        verify_record(stamp.record, facts.item.statement, roots=roots, untrusted=pool, strict=True, now=now)
    return verified
