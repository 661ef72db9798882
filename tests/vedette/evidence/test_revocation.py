"""Revocation lists: compromise voids a time-stamp, an orderly end does not (RFC 3161 section 4)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from tests.vedette.evidence.forge import Chain, Issued
from tests.vedette.evidence.responding import REVOKED, UNKNOWN, Answer, answer
from tests.vedette.evidence.sample import NOW, START, Authority, make_contents
from vedette.clock import MICROSECONDS, to_datetime
from vedette.evidence.bundle import build_bundle
from vedette.evidence.verification import Verdict, verify_bundle

BEFORE, AFTER = START - 60 * MICROSECONDS, START + 60 * MICROSECONDS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authority") / "a"


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority.make(folder)


def revocation_list(
    authority: Authority, folder: Path, *, at: int | None = None, reason: x509.ReasonFlags | None = None
) -> bytes:
    root = x509.load_der_x509_certificate(authority.roots.certificates[0])
    key = load_pem_private_key((folder / "root.key").read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root.subject)
        .last_update(to_datetime(START))
        .next_update(to_datetime(START + 86_400 * MICROSECONDS))
    )
    if at is not None:
        signer = x509.load_der_x509_certificate(authority.identity.certificate)
        entry = x509.RevokedCertificateBuilder().serial_number(signer.serial_number).revocation_date(to_datetime(at))
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def verdict(authority: Authority, crls: dict[str, bytes]) -> Verdict:
    data = build_bundle(replace(make_contents(authority), crls=crls))
    return verify_bundle(data, roots=authority.roots, now=NOW)


@pytest.mark.parametrize(
    ("at", "reason", "good"),
    [
        (None, None, True),
        (AFTER, x509.ReasonFlags.cessation_of_operation, True),
        (AFTER, x509.ReasonFlags.superseded, True),
        (BEFORE, x509.ReasonFlags.superseded, False),
        (AFTER, x509.ReasonFlags.key_compromise, False),
        (AFTER, x509.ReasonFlags.ca_compromise, False),
        (AFTER, None, False),
    ],
)
def test_only_compromise_no_reason_or_an_earlier_end_voids(
    authority: Authority, folder: Path, at: int | None, reason: x509.ReasonFlags | None, good: bool
) -> None:
    found = verdict(authority, {"local.crl": revocation_list(authority, folder, at=at, reason=reason)})
    assert found.ok is good, found.reasons
    assert good or "void" in found.reasons[0]


def test_a_list_of_a_stranger_or_an_altered_one_is_refused(
    authority: Authority, folder: Path, tmp_path: Path
) -> None:
    stranger = Authority.make(tmp_path / "stranger")
    good = revocation_list(authority, folder)
    altered = good[:-1] + bytes([good[-1] ^ 1])
    for data in (revocation_list(stranger, tmp_path / "stranger"), altered, good + b"\x00", b"", b"no list"):
        found = verdict(authority, {"local.crl": data})
        assert [check.name for check in found.checks if not check.ok] == ["revocation"]


def chain_of(authority: Authority, folder: Path) -> Chain:
    """The authority's certificates with their keys."""
    issued = []
    for name, data in (("tsa", authority.identity.certificate), ("root", authority.roots.certificates[0])):
        key = load_pem_private_key((folder / f"{name}.key").read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        issued.append(Issued(certificate=x509.load_der_x509_certificate(data), key=key))
    return Chain(issued=tuple(issued))


@pytest.mark.parametrize(
    ("at", "reason", "good"),
    [
        (None, None, True),
        (AFTER, x509.ReasonFlags.cessation_of_operation, True),
        (BEFORE, x509.ReasonFlags.superseded, False),
        (AFTER, x509.ReasonFlags.key_compromise, False),
        (AFTER, None, False),
    ],
)
def test_a_responders_answer_counts_as_a_list_does(
    authority: Authority, folder: Path, at: int | None, reason: x509.ReasonFlags | None, good: bool
) -> None:
    wanted = Answer(made=to_datetime(START))
    if at is not None:
        wanted = wanted.but(status=REVOKED, revoked=to_datetime(at), reason=reason)
    data = answer(chain_of(authority, folder), wanted)
    found = verdict(authority, {"a.ocsp": data, "b.crl": revocation_list(authority, folder)})
    assert found.ok is good, found.reasons
    assert good or "void" in found.reasons[0]
    if good:
        (text,) = (check.text for check in found.checks if check.name == "revocation")
        assert text == "1 revocation lists and 1 answers of responders, none voids a time-stamp"


def test_an_answer_of_a_stranger_an_altered_one_or_one_under_another_name_is_refused(
    authority: Authority, folder: Path, tmp_path: Path
) -> None:
    stranger = Authority.make(tmp_path / "stranger")
    wanted = Answer(made=to_datetime(START))
    good = answer(chain_of(authority, folder), wanted)
    altered = good[:-1] + bytes([good[-1] ^ 1])
    other = answer(chain_of(stranger, tmp_path / "stranger"), wanted)
    for name, data in (("a.ocsp", other), ("a.ocsp", altered), ("a.ocsp", b""), ("a.crl", good), ("aocsp", good)):
        found = verdict(authority, {name: data})
        assert [check.name for check in found.checks if not check.ok] == ["revocation"], name


def test_a_certificate_that_its_responder_does_not_know_is_shown(authority: Authority, folder: Path) -> None:
    data = answer(chain_of(authority, folder), Answer(made=to_datetime(START), status=UNKNOWN))
    found = verdict(authority, {"a.ocsp": data})
    assert found.ok
    assert any("UNKNOWN: a responder says that it does not know" in check.text for check in found.checks)
