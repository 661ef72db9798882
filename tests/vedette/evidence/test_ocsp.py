"""Given a responder's answer, when it is read, then only what its issuer lets say counts (RFC 6960)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.vedette.evidence.forge import MIDDLE, ROOT, UNIT, Chain, chain, issue
from tests.vedette.evidence.responding import (
    RESPONDER,
    REVOKED,
    UNKNOWN,
    Answer,
    access,
    answer,
    asked_chain,
    delegate,
    nonce_of,
)
from tests.vedette.evidence.sample import mutated
from vedette.clock import MICROSECONDS, from_datetime
from vedette.errors import EvidenceError
from vedette.evidence.ocsp import (
    MAX_AGE,
    NONCE_BYTES,
    check_current,
    ocsp_questions,
    ocsp_request,
    read_answer,
)

URL = "http://ocsp.example/"
NOW = datetime.fromisoformat("2026-06-01T12:00:00+00:00")
START = NOW - timedelta(days=10)
DAY = timedelta(days=1)
WELL = Answer(made=NOW)


@pytest.fixture(scope="module")
def asked() -> Chain:
    return asked_chain(URL, start=START, middle=True)


def ders(of: Chain) -> tuple[bytes, ...]:
    return tuple(issued.der for issued in of.issued)


def test_each_certificate_below_the_root_is_asked_about_at_its_own_responder(asked: Chain) -> None:
    questions = ocsp_questions(ders(asked))
    assert [(one.url, one.certificate, one.issuer) for one in questions] == [
        (URL, asked.issued[0].der, asked.issued[1].der),
        (URL, asked.issued[1].der, asked.issued[2].der),
    ]
    request = ocsp.load_der_ocsp_request(ocsp_request(questions[0], nonce=b"n" * NONCE_BYTES))
    assert request.serial_number == asked.signer.certificate.serial_number
    assert nonce_of(request.public_bytes(Encoding.DER)) == b"n" * NONCE_BYTES


@pytest.mark.parametrize(
    ("urls", "found"),
    [
        (("ldap://x/", "http://a.example/", "http://b.example/"), ["http://a.example/"]),
        (("ldap://x/",), []),
        (("http://a.example/\x00",), []),
        (("http://a.example/" + "x" * 3_000,), []),
    ],
    ids=["first", "ldap", "nul", "long"],
)
def test_only_one_web_address_a_certificate_is_asked(urls: tuple[str, ...], found: list[str]) -> None:
    made = chain(UNIT.but(extra=((access(*urls), False),)), ROOT)
    assert [question.url for question in ocsp_questions(ders(made))] == found


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("by_key", [False, True])
@pytest.mark.parametrize("digest", [hashes.SHA1, hashes.SHA256], ids=["sha1", "sha256"])
def test_an_issuers_answer_is_read(
    asked: Chain, place: int, by_key: bool, digest: type[hashes.HashAlgorithm]
) -> None:
    data = answer(asked, WELL.but(place=place, by_key=by_key, digest=digest))
    finding = read_answer(data, ders(asked))
    assert (finding.revocations, finding.unknown) == ((), ())
    assert finding.this_update == from_datetime(NOW)
    assert finding.next_update == from_datetime(NOW + timedelta(days=7))


@pytest.mark.parametrize(
    ("reason", "harmless", "text"),
    [
        (x509.ReasonFlags.key_compromise, False, "keyCompromise"),
        (x509.ReasonFlags.ca_compromise, False, "cACompromise"),
        (x509.ReasonFlags.superseded, True, "superseded"),
        (x509.ReasonFlags.cessation_of_operation, True, "cessationOfOperation"),
        (None, False, "no stated reason"),
    ],
)
def test_a_revocation_says_when_and_why(
    asked: Chain, reason: x509.ReasonFlags | None, harmless: bool, text: str
) -> None:
    data = answer(asked, WELL.but(status=REVOKED, revoked=NOW - DAY, reason=reason))
    (revocation,) = read_answer(data, ders(asked)).revocations
    assert (revocation.name, revocation.harmless, revocation.reason) == ("CN=Unit", harmless, text)
    assert revocation.at == from_datetime(NOW - DAY)
    assert revocation.voids(from_datetime(NOW - 2 * DAY)) is not harmless
    assert revocation.voids(from_datetime(NOW))


def test_a_certificate_that_the_responder_does_not_know_is_named(asked: Chain) -> None:
    finding = read_answer(answer(asked, WELL.but(status=UNKNOWN)), ders(asked))
    assert (finding.unknown, finding.revocations) == (("CN=Unit",), ())


def test_one_whom_the_issuer_lets_answer_may(asked: Chain) -> None:
    by = delegate(asked, RESPONDER, start=START)
    for by_key in (False, True):
        assert read_answer(answer(asked, WELL.but(by=by, by_key=by_key)), ders(asked)).unknown == ()


def test_nobody_else_may(asked: Chain) -> None:
    stranger = asked_chain(URL, start=START)
    other_root = issue(ROOT.but(number=66, start=START))
    refused = {
        "may not: its certificate is not for that": delegate(asked, RESPONDER.but(usages=None), start=START),
        "is not for that": delegate(
            asked, RESPONDER.but(usages=(ExtendedKeyUsageOID.TIME_STAMPING,), usages_critical=True), start=START
        ),
        "was not valid when it answered": delegate(asked, RESPONDER.but(days=5), start=START),
        "is not the issuer's own": issue(RESPONDER.but(start=START), other_root),
        # The root may vouch for those who speak of its own certificates, not of its subordinate's.
        "may not: its certificate is not the issuer's": delegate(asked, RESPONDER, start=START, number=2),
    }
    for reason, by in refused.items():
        with pytest.raises(EvidenceError, match=reason):
            read_answer(answer(asked, WELL.but(by=by)), ders(asked))
    unsigned = {
        "the signer itself": WELL.but(by=asked.signer),
        "one that is not sent along": WELL.but(by=delegate(asked, RESPONDER, start=START), embed=False),
        "in the issuer's name": WELL.but(by=issue(MIDDLE.but(number=66, start=START)), embed=False),
    }
    for order in unsigned.values():
        with pytest.raises(EvidenceError, match=r"is not signed by the certificate's issuer|may not"):
            read_answer(answer(asked, order), ders(asked))
    with pytest.raises(EvidenceError, match="speaks of no certificate of the chain"):
        read_answer(answer(stranger, WELL), ders(asked))


def test_the_same_number_by_another_issuer_is_another_certificate(asked: Chain) -> None:
    # The middle one's number, asked as if the root's own unit had it: name and key of the issuer differ.
    impostor = Chain(issued=(asked.issued[0], asked.issued[2]))
    with pytest.raises(EvidenceError, match="speaks of no certificate of the chain"):
        read_answer(answer(impostor, WELL), ders(asked))


def test_refusals_and_what_is_no_answer_are_told(asked: Chain) -> None:
    for status, text in (
        (ocsp.OCSPResponseStatus.UNAUTHORIZED, "unauthorized"),
        (ocsp.OCSPResponseStatus.TRY_LATER, "try later"),
        (ocsp.OCSPResponseStatus.INTERNAL_ERROR, "internal error"),
    ):
        data = ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)
        with pytest.raises(EvidenceError, match=f"the responder answers {text}"):
            read_answer(data, ders(asked))
    good = answer(asked, WELL)
    for data in (b"", b"<html>", good[:-1], good + b"\x00", bytes(1_000)):
        with pytest.raises(EvidenceError, match="OCSP: "):
            read_answer(data, ders(asked))


def test_a_nonce_that_is_repeated_must_be_ours(asked: Chain) -> None:
    ours, other = b"o" * NONCE_BYTES, b"x" * NONCE_BYTES
    assert read_answer(answer(asked, WELL), ders(asked), nonce=ours).unknown == ()
    assert read_answer(answer(asked, WELL.but(nonce=ours)), ders(asked), nonce=ours).unknown == ()
    assert read_answer(answer(asked, WELL.but(nonce=other)), ders(asked)).unknown == ()
    with pytest.raises(EvidenceError, match="another nonce"):
        read_answer(answer(asked, WELL.but(nonce=other)), ders(asked), nonce=ours)


@pytest.mark.parametrize(
    ("days", "valid_days", "reason"),
    [
        (0.0, 7.0, ""),
        (6.9, 7.0, ""),
        (7.1, 7.0, "an old one"),
        (-1.0, 7.0, "of the future"),
        (0.0, None, ""),
        (MAX_AGE / MICROSECONDS / 86_400 + 1, None, "an old one"),
    ],
)
def test_an_answer_must_be_of_now_when_it_comes(
    asked: Chain, days: float, valid_days: float | None, reason: str
) -> None:
    finding = read_answer(answer(asked, WELL.but(valid_days=valid_days)), ders(asked))
    now = from_datetime(NOW + days * DAY)
    if not reason:
        check_current(finding, now=now)
        return
    with pytest.raises(EvidenceError, match=reason):
        check_current(finding, now=now)


def test_no_mutation_of_a_revoking_answer_is_believed_or_crashes(asked: Chain) -> None:
    by = delegate(asked, RESPONDER, start=START)
    order = WELL.but(status=REVOKED, revoked=NOW - DAY, reason=x509.ReasonFlags.key_compromise, by=by)
    data, chance = answer(asked, order), random.Random(20261122)
    good = read_answer(data, ders(asked))
    for _ in range(3_000):
        changed = mutated(data, chance)
        try:
            finding = read_answer(changed, ders(asked))
        except EvidenceError:
            continue
        # Bytes that nothing signs, such as the delegate's unused extensions, may differ; what is said may not.
        assert replace(finding) == good


def test_a_digest_that_is_broken_does_not_sign(asked: Chain) -> None:
    with pytest.raises(EvidenceError, match="signed over a digest that is refused"):
        read_answer(answer(asked, WELL.but(signed_over=hashes.SHA224)), ders(asked))
