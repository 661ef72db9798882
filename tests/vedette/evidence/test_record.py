"""Evidence records: the shared cases, our own through renewals, and mutations, none of which is accepted."""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.vedette.evidence.sample import NOW, OPENSSL, START, Authority, make_statement, mutated
from vedette.canonical import sha256
from vedette.clock import MICROSECONDS, SystemClock
from vedette.errors import EvidenceError
from vedette.evidence import der
from vedette.evidence.bundle_contents import certificates_to_pem
from vedette.evidence.certificates import TrustRoots, parse_certificate
from vedette.evidence.hashtree import HashTree
from vedette.evidence.record import build_record, hashed, read_record, verify_record
from vedette.evidence.renewal import (
    hashtree_renewal_leaf,
    renew_hashtree,
    renew_timestamp,
    timestamp_renewal_leaf,
)
from vedette.evidence.statement import leaf
from vedette.evidence.token import VerifiedToken, read_token

CASES = Path(__file__).parents[4] / "shared" / "cases" / "evidence" / "records"
YEAR = 365 * 86_400 * MICROSECONDS


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path / "authority")


class OpensslWithSigners:
    """Verifies tokens with openssl, trusting the signers' own certificates.

    The cases come without their root, so the path from signer to root is the one thing not judged here.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(
        self,
        token: bytes,
        *,
        imprint: bytes,
        digest_algorithm: str,
        roots: TrustRoots,
        untrusted: Sequence[bytes] = (),
        now: int | None = None,
    ) -> VerifiedToken:
        signers, file = self.folder / "signers.pem", self.folder / "token.der"
        file.write_bytes(token)
        info = read_token(token).info
        arguments = ["-digest", imprint.hex(), "-in", str(file), "-token_in", "-CAfile", str(signers)]
        moment = str(info.gen_time // MICROSECONDS)
        run = subprocess.run(
            [OPENSSL, "ts", "-verify", *arguments, "-partial_chain", "-attime", moment], capture_output=True
        )
        if run.returncode or info.digest_algorithm != digest_algorithm:
            raise EvidenceError(run.stderr.decode())
        signer = parse_certificate(read_token(token).certificates[0])
        return VerifiedToken(
            token=token,
            gen_time=info.gen_time,
            accuracy=None,
            policy=info.policy,
            serial=info.serial,
            digest_algorithm=digest_algorithm,
            imprint=imprint,
            nonce=info.nonce,
            tsa=signer.name,
            chain=(signer.der,),
            not_after=signer.not_after,
        )


def case_names() -> list[str]:
    return sorted(path.name for path in CASES.iterdir() if path.is_dir()) if CASES.is_dir() else []


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The signers of the good cases, whose certificates are trusted by themselves."""
    folder = tmp_path_factory.mktemp("signers")
    found: list[bytes] = []
    for name in ("ok-hash-renewed", "ok-single"):
        for chain in read_record((CASES / name / "record.er").read_bytes()).chains:
            found.extend(read_token(stamp.token).certificates[0] for stamp in chain)
    (folder / "signers.pem").write_bytes(certificates_to_pem(tuple(dict.fromkeys(found))))
    return folder


@pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared")
@pytest.mark.parametrize("name", case_names())
def test_the_shared_cases_are_classified_right(name: str, signers: Path) -> None:
    expected = {case["name"]: case["expected"] for case in json.loads((CASES / "cases.json").read_text())}[name]
    record, data = (CASES / name / "record.er").read_bytes(), (CASES / name / "data.bin").read_bytes()
    verifier, now = OpensslWithSigners(signers), SystemClock().now()
    try:
        verify_record(record, data, roots=TrustRoots(()), strict=False, now=now, verifier=verifier)
        found = "valid"
    except EvidenceError:
        found = "invalid"
    assert found == expected
    with pytest.raises(EvidenceError, match="statement"):
        verify_record(record, data, roots=TrustRoots(()), strict=True, now=now, verifier=verifier)


def batch(authority: Authority, count: int = 7) -> tuple[list[bytes], list[bytes]]:
    """Return the statements of a batch and the record of each."""
    statements = [make_statement(payload=b"%d" % number, log_index=number) for number in range(count)]
    tree = HashTree([leaf(statement) for statement in statements])
    token = authority.stamp(tree.root)
    return statements, [build_record(path=tree.path(index), token=token) for index in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_record_of_a_batch_verifies(authority: Authority, count: int) -> None:
    for statement, record in zip(*batch(authority, count), strict=True):
        verified = verify_record(record, statement, roots=authority.roots, strict=True, now=NOW)
        assert (verified.gen_time, verified.chains, verified.expired) == (START, 1, False)
        assert read_record(record).digests == ("sha256",)


def test_a_record_adds_little_to_its_token(authority: Authority) -> None:
    tree = HashTree([sha256(b"%d" % number) for number in range(1000)])
    token = authority.stamp(tree.root)
    assert len(build_record(path=tree.path(999), token=token)) <= len(token) + 700


def test_another_statement_another_root_and_the_future_are_refused(authority: Authority, tmp_path: Path) -> None:
    statements, records = batch(authority)
    stranger = Authority.make(tmp_path / "stranger")
    for data, roots, now in (
        (statements[2], authority.roots, NOW),
        (statements[0], stranger.roots, NOW),
        (statements[0], authority.roots, START - YEAR),
    ):
        with pytest.raises(EvidenceError):
            verify_record(records[0], data, roots=roots, strict=True, now=now)


def test_inner_nodes_do_not_pass_as_data_when_strict(authority: Authority) -> None:
    """RFC 4998 has no domain separation: two joined leaves hash to an inner node of the tree."""
    leaves = [sha256(b"%d" % number) for number in range(4)]
    tree = HashTree(leaves)
    data = b"".join(sorted(leaves[:2]))
    path = (tuple(sorted((sha256(data), *tree.path(0)[1]))), *tree.path(0)[2:])
    record = build_record(path=path, token=authority.stamp(tree.root))
    verify_record(record, data, roots=authority.roots, strict=False, now=NOW)
    with pytest.raises(EvidenceError, match="statement"):
        verify_record(record, data, roots=authority.roots, strict=True, now=NOW)


def generations(authority: Authority, folder: Path) -> tuple[bytes, bytes, list[Authority], int]:
    """Return a statement and its record after two generations of authorities and a new digest, and when."""
    statements, records = batch(authority)
    second = Authority.make(folder / "second", now=START + 9 * YEAR)
    tree = HashTree([timestamp_renewal_leaf(records[0]), sha256(b"another token")])
    record = renew_timestamp(records[0], path=tree.path(0), token=second.stamp(tree.root))
    third = Authority.make(folder / "third", now=START + 18 * YEAR)
    new_leaf = hashtree_renewal_leaf(record, statements[0], digest="sha512")
    tree = HashTree([hashed(b"other", "sha512"), new_leaf, hashed(b"more", "sha512")], digest="sha512")
    token = third.stamp(tree.root, digest="sha512")
    record = renew_hashtree(record, path=tree.path(1), token=token, digest="sha512")
    return statements[0], record, [authority, second, third], START + 19 * YEAR


def roots_of(authorities: Sequence[Authority]) -> TrustRoots:
    return TrustRoots(tuple(root for authority in authorities for root in authority.roots.certificates))


def test_a_record_outlives_two_authorities_and_a_digest(authority: Authority, tmp_path: Path) -> None:
    statement, record, authorities, now = generations(authority, tmp_path)
    verified = verify_record(record, statement, roots=roots_of(authorities), strict=True, now=now)
    assert (verified.gen_time, len(verified.tokens), verified.chains) == (START, 3, 2)
    assert read_record(record).digests == ("sha256", "sha512")
    assert not verified.expired


def test_an_unknown_generation_and_a_later_one_without_the_first_are_refused(
    authority: Authority, tmp_path: Path
) -> None:
    statement, record, authorities, now = generations(authority, tmp_path)
    for missing in range(3):
        known = [each for number, each in enumerate(authorities) if number != missing]
        with pytest.raises(EvidenceError, match="trust"):
            verify_record(record, statement, roots=roots_of(known), strict=True, now=now)


def test_a_record_that_was_not_renewed_in_time_is_refused_when_renewed_later(
    authority: Authority, tmp_path: Path
) -> None:
    statements, records = batch(authority, 1)
    late = Authority.make(tmp_path / "late", now=START + 12 * YEAR)
    record = renew_timestamp(records[0], path=(), token=late.stamp(timestamp_renewal_leaf(records[0])))
    with pytest.raises(EvidenceError, match="had expired"):
        verify_record(record, statements[0], roots=roots_of([authority, late]), strict=True, now=START + 13 * YEAR)
    early = Authority.make(tmp_path / "early", now=START - YEAR)
    record = renew_timestamp(records[0], path=(), token=early.stamp(timestamp_renewal_leaf(records[0])))
    with pytest.raises(EvidenceError, match="before the time-stamp"):
        verify_record(record, statements[0], roots=roots_of([authority, early]), strict=True, now=NOW)
    assert verify_record(records[0], statements[0], roots=authority.roots, strict=True, now=START + 13 * YEAR).expired


def test_a_renewal_keeps_to_one_digest_a_chain(authority: Authority) -> None:
    _, records = batch(authority, 1)
    with pytest.raises(EvidenceError, match="uses sha256 already"):
        renew_hashtree(records[0], path=(), token=b"", digest="sha256")


def test_a_record_without_digest_takes_the_one_of_the_token(authority: Authority) -> None:
    data = make_statement(payload=b"x")
    token = authority.stamp(leaf(data))
    record = with_parts(authority, stamps=der.sequence(der.sequence(token)))
    verify_record(
        with_parts(authority, stamps=der.sequence(token)), data, roots=authority.roots, strict=True, now=NOW
    )
    with pytest.raises(EvidenceError):
        read_record(record)


SHA256_ID = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))


def with_parts(
    authority: Authority,
    *,
    version: bytes = b"\x02\x01\x01",
    digests: bytes = SHA256_ID,
    extra: bytes = b"",
    stamps: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    chains = der.sequence(der.sequence(stamps)) if stamps else der.sequence()
    return der.sequence(version, der.sequence(digests), extra, chains) + tail


def test_what_is_not_a_strict_record_is_refused(authority: Authority) -> None:
    token = authority.stamp(sha256(b"x"))
    good = der.sequence(token)
    records = [
        b"",
        b"\x30\x80\x00\x00",
        with_parts(authority),
        with_parts(authority, stamps=good, tail=b"\x00"),
        with_parts(authority, stamps=good, version=b"\x02\x01\x02"),
        with_parts(authority, stamps=good, version=b"\x02\x02\x00\x01"),
        with_parts(authority, stamps=good, digests=b""),
        with_parts(authority, stamps=good, digests=der.sequence(der.oid("1.3.14.3.2.26"))),
        with_parts(authority, stamps=good, digests=der.sequence(der.oid("2.16.840.1.101.3.4.2.1"), b"\x05\x01\x00")),
        with_parts(authority, stamps=good, extra=der.encode(0xA1, b"")),
        with_parts(authority, stamps=der.sequence(der.encode(0xA2), token)),
        with_parts(authority, stamps=der.sequence(der.encode(0xA2, der.sequence()), token)),
        with_parts(authority, stamps=der.sequence(der.encode(0xA1, b""), token)),
        with_parts(authority, stamps=der.sequence(token, token)),
        with_parts(authority, stamps=der.sequence()),
        b"\x30" * (4 * 1024 * 1024 + 1),
    ]
    for record in records:
        with pytest.raises(EvidenceError):
            verify_record(record, b"x", roots=authority.roots, strict=False, now=NOW)


def accepted_mutations(authority: Authority, folder: Path, rounds: int) -> list[bytes]:
    """Return mutations of records, simple and renewed, that verify: there must be none."""
    statements, records = batch(authority)
    renewed_statement, renewed, authorities, now = generations(authority, folder)
    chance = random.Random(4998)
    subjects = [(statements[3], records[3]), (renewed_statement, renewed)]
    roots = roots_of(authorities)
    accepted = []
    for number in range(rounds):
        statement, record = subjects[number % 2]
        changed = mutated(record, chance)
        if changed == record:
            continue
        try:
            verify_record(changed, statement, roots=roots, strict=True, now=now)
        except EvidenceError:
            continue
        accepted.append(changed)
    return accepted


def test_no_mutation_of_a_record_is_accepted(authority: Authority, tmp_path: Path) -> None:
    assert accepted_mutations(authority, tmp_path, 300) == []


@pytest.mark.long
def test_no_mutation_of_a_record_is_accepted_in_thousands(authority: Authority, tmp_path: Path) -> None:
    assert accepted_mutations(authority, tmp_path, 10_000) == []


def test_openssl_reads_the_record_as_der(authority: Authority, tmp_path: Path) -> None:
    _, records = batch(authority)
    file = tmp_path / "record.er"
    file.write_bytes(records[0])
    run = subprocess.run([OPENSSL, "asn1parse", "-inform", "DER", "-in", str(file)], capture_output=True, check=True)
    assert len(re.findall(rb"id-smime-ct-TSTInfo", run.stdout)) >= 1
