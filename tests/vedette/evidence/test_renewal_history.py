"""The records of a batch, renewed in every order, verify; paths survive being stored and joined."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.vedette.evidence.sample import NOW, Authority, make_statement
from vedette.canonical import sha256
from vedette.errors import EvidenceError
from vedette.evidence.hashtree import HashTree, root_of
from vedette.evidence.record import hashed, read_record, verify_record
from vedette.evidence.renewal_history import (
    BatchEvidence,
    RenewalEvent,
    absent,
    binds_payload,
    decode_path,
    encode_path,
    hashtree_leaf,
    item_record,
    join_paths,
)
from vedette.evidence.statement import batch_statement, leaf


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority") / "a")


def evidence(authority: Authority, count: int) -> BatchEvidence:
    statements = [make_statement(payload=b"%d" % index, log_index=index) for index in range(count)]
    batch = batch_statement(
        engine="aggregation@localhost",
        epoch="e1",
        number=1,
        count=count,
        first_log_index=0,
        last_log_index=count - 1,
        previous_root="",
    )
    root = HashTree([leaf(data) for data in (*statements, batch)]).root
    return BatchEvidence(statements=statements, batch_statement=batch, token=authority.stamp(root))


def renewed(authority: Authority, held: BatchEvidence, digest: str, *, others: int) -> BatchEvidence:
    """With one more renewal: of the hash tree where the digest is new, else of the time-stamp."""
    last = held.events[-1] if held.events else None
    payloads = None
    if digest == (last.digest if last else "sha256"):
        own = hashed(last.token if last else held.token, digest)
    else:
        payloads = [hashed(b"%d" % index, digest) for index in range(len(held.statements))]
        own = hashtree_leaf(held, digest=digest, payloads=payloads)
    tree = HashTree([own, *(hashed(b"%d" % other, digest) for other in range(others))], digest=digest)
    token = authority.stamp(tree.root, digest=digest)
    event = RenewalEvent(digest=digest, path=tree.path(0), token=token, payloads=payloads)
    return replace(held, events=(*held.events, event))


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("others", [0, 1, 6])
@pytest.mark.parametrize(
    "digests", [(), ("sha256",), ("sha512",), ("sha256", "sha512", "sha512"), ("sha512", "sha384", "sha384")]
)
def test_every_record_of_a_batch_verifies_after_any_renewals(
    authority: Authority, count: int, others: int, digests: tuple[str, ...]
) -> None:
    held = evidence(authority, count)
    for digest in digests:
        held = renewed(authority, held, digest, others=others)

    for index, statement in enumerate(held.statements):
        record = item_record(held, index)
        verified = verify_record(record, statement, roots=authority.roots, strict=True, now=NOW)
        assert len(verified.tokens) == 1 + len(digests)
        for chain in read_record(record).chains[1:]:
            assert binds_payload(chain[0], b"%d" % index)
            assert not binds_payload(chain[0], b"another")


def test_a_record_is_of_its_own_statement_only(authority: Authority) -> None:
    held = renewed(authority, evidence(authority, 3), "sha512", others=2)
    with pytest.raises(EvidenceError):
        verify_record(item_record(held, 0), held.statements[1], roots=authority.roots, strict=True, now=NOW)


def test_each_payload_has_its_hash_and_deleted_ones_none(authority: Authority) -> None:
    held = evidence(authority, 2)
    with pytest.raises(EvidenceError, match="1 payloads' hashes for 2 items"):
        hashtree_leaf(held, digest="sha512", payloads=[absent("sha512")])
    with pytest.raises(EvidenceError, match="64 bytes"):
        hashtree_leaf(held, digest="sha512", payloads=[absent("sha512"), absent("sha256")])


def test_a_path_through_two_trees_is_the_path_of_one() -> None:
    chance = random.Random(4)
    for _ in range(50):
        lower = HashTree([sha256(chance.randbytes(8)) for _ in range(chance.randint(1, 9))])
        upper = HashTree([lower.root, *(sha256(chance.randbytes(8)) for _ in range(chance.randrange(9)))])
        own = chance.randrange(len(lower._levels[0]))
        path = join_paths(lower.path(own), upper.path(0), digest="sha256")
        assert root_of(path, lower._levels[0][own], "sha256") == upper.root
        assert decode_path(encode_path(path), digest="sha256") == path
    with pytest.raises(EvidenceError, match="not a leaf"):
        join_paths(lower.path(0) or ((bytes(32), bytes(32)),), ((bytes(32), bytes(32)),), digest="sha256")


@pytest.mark.parametrize("data", [bytes(32), bytes(65)])
def test_a_damaged_path_is_refused(data: bytes) -> None:
    with pytest.raises(EvidenceError, match="damaged"):
        decode_path(data, digest="sha256")
