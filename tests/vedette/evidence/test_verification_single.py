"""Records and tokens by themselves, as other software makes them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.vedette.evidence.sample import NOW, START, Authority, make_statement
from vedette.evidence.exchange import build_query, granted, read_query
from vedette.evidence.hashtree import HashTree
from vedette.evidence.record import build_record
from vedette.evidence.statement import leaf
from vedette.evidence.verification_single import Terms, kind_of, verify_single


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority") / "a")


def test_a_record_a_response_and_a_token_are_told_apart_and_verified(authority: Authority) -> None:
    data = b"any data"
    tree = HashTree([hashlib.sha256(data).digest(), hashlib.sha256(b"other").digest()])
    token = authority.stamp(hashlib.sha512(data).digest(), digest="sha512")
    evidence = {
        "record": build_record(path=tree.path(0), token=authority.stamp(tree.root)),
        "response": granted(token),
        "token": token,
    }
    terms = Terms(roots=authority.roots, now=NOW)
    for kind, each in evidence.items():
        assert kind_of(each) == kind
        found = verify_single(each, data, terms=terms)
        assert (found.ok, found.gen_time) == (True, START), found.reasons
        assert not verify_single(each, b"other data", terms=terms).ok
        strict = verify_single(each, data, terms=Terms(roots=authority.roots, now=NOW, strict=True))
        assert (strict.ok, "statement" in strict.reasons[0]) == (False, True)


def test_strict_accepts_a_statement(authority: Authority) -> None:
    data = make_statement(payload=b"x")
    terms = Terms(roots=authority.roots, now=NOW, strict=True)
    for each in (authority.stamp(leaf(data)), build_record(path=(), token=authority.stamp(leaf(data)))):
        assert verify_single(each, data, terms=terms).ok


def test_a_query_must_be_answered(authority: Authority) -> None:
    digest = hashlib.sha256(b"data").digest()
    asked, another = (build_query(digest, digest_algorithm="sha256", nonce=nonce) for nonce in (1, 2))
    response = granted(authority.issuer.issue(read_query(asked)))
    assert verify_single(response, b"data", terms=Terms(roots=authority.roots, now=NOW, query=asked)).ok
    for query in (another, b"garbage"):
        assert not verify_single(response, b"data", terms=Terms(roots=authority.roots, now=NOW, query=query)).ok
    token = authority.stamp(digest)
    for evidence in (token, build_record(path=(), token=token)):
        found = verify_single(evidence, b"data", terms=Terms(roots=authority.roots, now=NOW, query=asked))
        assert (found.ok, "query" in found.reasons[0]) == (False, True)


def test_a_stranger_and_garbage_are_refused(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority.make(tmp_path / "stranger")
    token = authority.stamp(hashlib.sha256(b"data").digest())
    assert not verify_single(token, b"data", terms=Terms(roots=stranger.roots, now=NOW)).ok
    for garbage in (b"", b"PK\x03\x04", b"\x30\x02\x05\x00", b"<html>", b"\x30\x84\xff\xff\xff\xff"):
        found = verify_single(garbage, b"data", terms=Terms(roots=authority.roots, now=NOW))
        assert (found.ok, found.anchored) == (False, False)
