"""Verdicts on bundles: good only when anchored outside, and never for a bundle that was touched."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.vedette.evidence.sample import (
    NOW,
    START,
    Authority,
    make_contents,
    make_statement,
    mutated,
    with_second,
)
from vedette.canonical import sha256
from vedette.clock import MICROSECONDS
from vedette.evidence.bundle import BundleContents, build_bundle
from vedette.evidence.bundle_zip import read_zip, write_zip
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.hashtree import HashTree, root_of
from vedette.evidence.record import build_record, read_record
from vedette.evidence.renewal import renew_timestamp, timestamp_renewal_leaf
from vedette.evidence.statement import batch_statement, leaf
from vedette.evidence.verification import RememberedTokens, Verdict, verdict_line, verify_bundle
from vedette.signing import SigningKey

KEY = SigningKey.generate()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority") / "a")


@pytest.fixture(scope="module")
def contents(authority: Authority) -> BundleContents:
    return make_contents(authority, key=KEY)


def verdict(contents: BundleContents, authority: Authority, **changes: Any) -> Verdict:
    return verify_bundle(build_bundle(replace(contents, **changes)), roots=authority.roots, now=NOW)


def failed(found: Verdict) -> set[str]:
    return {check.name for check in found.checks if not check.ok}


def test_a_good_bundle_is_verified(contents: BundleContents, authority: Authority) -> None:
    found = verdict(contents, authority)
    assert found.ok, found.reasons
    assert (found.gen_time, found.anchored) == (START, True)
    assert "existed at 2026-09-21T14:13:20" in verdict_line(found)
    assert any("SELF-ASSERTED" in check.text for check in found.checks)
    assert any("own claim" in check.text for check in found.checks)


def test_without_roots_it_is_merely_consistent(contents: BundleContents) -> None:
    found = verify_bundle(build_bundle(contents), roots=None, now=NOW)
    assert (found.ok, found.anchored, found.gen_time, failed(found)) == (False, False, None, {"anchor"})
    assert "consistent" in verdict_line(found)


def test_a_stranger_s_roots_do_not_anchor_it(contents: BundleContents, tmp_path: Path) -> None:
    stranger = Authority.make(tmp_path / "stranger")
    found = verify_bundle(build_bundle(contents), roots=stranger.roots, now=NOW)
    assert (found.ok, failed(found)) == (False, {"anchor"})
    found = verify_bundle(build_bundle(replace(contents, chain=())), roots=stranger.roots, now=NOW)
    assert failed(found) == {"anchor", "time-stamp of local"}


def test_the_agent_s_key_known_from_elsewhere_decides(contents: BundleContents, authority: Authority) -> None:
    data = build_bundle(contents)
    known = verify_bundle(data, roots=authority.roots, now=NOW, agent_key=KEY.verifying)
    assert (known.ok, any("key that was given" in check.text for check in known.checks)) == (True, True)
    other = SigningKey.generate().verifying
    assert failed(verify_bundle(data, roots=authority.roots, now=NOW, agent_key=other)) == {"signature"}
    unsigned = build_bundle(make_contents(authority))
    assert verify_bundle(unsigned, roots=authority.roots, now=NOW).ok
    assert failed(verify_bundle(unsigned, roots=authority.roots, now=NOW, agent_key=other)) == {"signature"}


def test_one_anchored_authority_of_two_is_enough_and_the_other_is_named(
    contents: BundleContents, authority: Authority, tmp_path: Path
) -> None:
    second = Authority.make(tmp_path / "second", now=START + 2 * MICROSECONDS)
    root = root_of(contents.path, leaf(contents.statement), "sha256")
    data = build_bundle(with_second(contents, second, root, name="freetsa"))
    one = verify_bundle(data, roots=second.roots, now=NOW)
    assert (one.ok, one.gen_time) == (True, START + 2 * MICROSECONDS)
    assert any("NOT anchored" in check.text and check.name == "time-stamp of local" for check in one.checks)
    both = TrustRoots((*authority.roots.certificates, *second.roots.certificates))
    assert verify_bundle(data, roots=both, now=NOW).gen_time == START


def test_a_consistent_lie_fails_where_it_lies(contents: BundleContents, authority: Authority) -> None:
    """Each of these is a well-formed bundle with right sums; only the evidence contradicts it."""
    token = contents.tokens[0]
    other = make_contents(authority, key=KEY, payload=b"other")
    stranger = SigningKey.generate()
    lies: list[tuple[str, dict[str, Any]]] = [
        ("payload", {"payload": b"other"}),
        ("signature", {"manifest": other.manifest}),
        ("signature", {"agent_key_pem": stranger.verifying.pem}),
        ("signature", {"manifest": None, "agent_key_pem": None}),
        ("batch", {"batch_path": contents.batch_path[:-1]}),
        ("time-stamp of local", {"tokens": [replace(token, token=other.tokens[0].token)]}),
        (
            "time-stamp of local",
            {"tokens": [replace(token, record=build_record(path=other.path, token=other.tokens[0].token))]},
        ),
    ]
    for name, changes in lies:
        found = verdict(contents, authority, **changes)
        assert (found.ok, name in failed(found)) == (False, True), (name, found.reasons)


@pytest.mark.parametrize(
    "change",
    [
        {"engine": "other@localhost"},
        {"epoch": "e2"},
        {"first_log_index": 8, "last_log_index": 9},
        {"last_log_index": 6, "first_log_index": 6},
        {"count": 99},
        {"count": 0},
    ],
)
def test_a_batch_statement_that_does_not_fit_the_item_is_refused(
    authority: Authority, change: dict[str, Any]
) -> None:
    base = make_contents(authority)
    fields: dict[str, Any] = {
        "engine": "aggregation@localhost",
        "epoch": "e1",
        "number": 3,
        "count": 1,
        "first_log_index": 7,
        "last_log_index": 7,
        "previous_root": "",
    }
    batch = batch_statement(**{**fields, **change})
    tree = HashTree([leaf(base.statement), leaf(batch)])
    token = replace(base.tokens[0], token=authority.stamp(tree.root))
    changed = replace(base, batch_statement=batch, path=tree.path(0), batch_path=tree.path(1), tokens=[token])
    found = verify_bundle(build_bundle(changed), roots=authority.roots, now=NOW)
    assert failed(found) == {"batch"}


def test_an_inner_node_cannot_stand_in_for_a_statement(authority: Authority) -> None:
    base = make_contents(authority)
    files = read_zip(build_bundle(base))
    files["statement.json"] = sha256(b"a") + sha256(b"b")
    found = verify_bundle(write_zip(files), roots=authority.roots, now=NOW)
    assert failed(found) == {"files"}


def test_a_statement_whose_uuid_is_not_its_meta_s_is_refused(authority: Authority) -> None:
    statement = make_statement(payload=b"x", meta={"uuid": "another"})
    base = make_contents(authority, payload=b"x")
    tree = HashTree([leaf(statement), leaf(base.batch_statement)])
    token = replace(base.tokens[0], token=authority.stamp(tree.root))
    changed = replace(base, statement=statement, path=tree.path(0), batch_path=tree.path(1), tokens=[token])
    assert failed(verify_bundle(build_bundle(changed), roots=authority.roots, now=NOW)) == {"statement"}


def test_a_renewed_record_verifies_in_a_bundle(
    contents: BundleContents, authority: Authority, tmp_path: Path
) -> None:
    later = START + 9 * 365 * 86_400 * MICROSECONDS
    second = Authority.make(tmp_path / "second", now=later)
    token = contents.tokens[0]
    record = build_record(path=contents.path, token=token.token)
    renewed = renew_timestamp(record, path=(), token=second.stamp(timestamp_renewal_leaf(record)))
    roots = TrustRoots((*authority.roots.certificates, *second.roots.certificates))
    data = build_bundle(replace(contents, tokens=[replace(token, record=renewed)]))
    found = verify_bundle(data, roots=roots, now=later + MICROSECONDS)
    assert found.ok, found.reasons
    assert any("renewals: 1" in check.text for check in found.checks)
    late = verify_bundle(build_bundle(contents), roots=roots, now=later * 2)
    assert any("should have been renewed" in check.text for check in late.checks)
    assert len(read_record(renewed).chains[0]) == 2


def test_a_touched_file_with_right_sums_is_noticed_even_in_the_report(
    contents: BundleContents, authority: Authority
) -> None:
    """The report is no evidence, but who reads it beside a good verdict must not be lied to."""
    files = read_zip(build_bundle(contents))
    for name in ("report.html", "VERIFY.txt", "verify.sh", "chain.pem", "path.txt", "bundle.json", "record-local.er"):
        touched = {**files, name: files[name] + b"\n"}
        sums = b"".join(
            f"{sha256(data).hex()}  {each}\n".encode() for each, data in touched.items() if each != "SHA256SUMS"
        )
        found = verify_bundle(write_zip({**touched, "SHA256SUMS": sums}), roots=authority.roots, now=NOW)
        assert not found.ok, name


def test_files_left_out_added_or_reordered_are_noticed(contents: BundleContents, authority: Authority) -> None:
    files = read_zip(build_bundle(contents))
    variants = [{key: value for key, value in files.items() if key != name} for name in files]
    variants += [
        {**files, "extra.txt": b"x"},
        dict(reversed(files.items())),
        {"SHA256SUMS": b"", "statement.json": b""},
    ]
    for variant in variants:
        found = verify_bundle(write_zip(variant), roots=authority.roots, now=NOW)
        assert failed(found) == {"files"}


def accepted_mutations(data: bytes, authority: Authority, rounds: int) -> list[bytes]:
    chance = random.Random(3161)
    verifier = RememberedTokens()
    changed = [mutated(data, chance) for _ in range(rounds)]
    return [
        each
        for each in changed
        if each != data and verify_bundle(each, roots=authority.roots, now=NOW, verifier=verifier).ok
    ]


def accepted_forgeries(data: bytes, authority: Authority, rounds: int) -> list[str]:
    """Mutate one file within the zip and repair zip and sums, so that only the evidence can tell."""
    chance = random.Random(4998)
    files = read_zip(data)
    accepted = []
    for _ in range(rounds):
        name = chance.choice([name for name in files if name != "SHA256SUMS"])
        forged = {**files, name: mutated(files[name], chance)}
        forged["SHA256SUMS"] = b"".join(
            f"{sha256(each).hex()}  {key}\n".encode() for key, each in forged.items() if key != "SHA256SUMS"
        )
        if forged[name] != files[name] and verify_bundle(write_zip(forged), roots=authority.roots, now=NOW).ok:
            accepted.append(name)
    return accepted


def test_no_mutation_of_a_bundle_is_accepted(contents: BundleContents, authority: Authority) -> None:
    data = build_bundle(contents)
    assert accepted_mutations(data, authority, 300) == []
    assert accepted_forgeries(data, authority, 300) == []


@pytest.mark.long
def test_no_mutation_of_a_bundle_is_accepted_in_thousands(contents: BundleContents, authority: Authority) -> None:
    data = build_bundle(contents)
    assert accepted_mutations(data, authority, 10_000) == []
    assert accepted_forgeries(data, authority, 10_000) == []
