"""Given a token that is wrong in one way, when it is verified, then the check that failed is named."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.vedette.evidence.forge import (
    DATA,
    GEN_TIME,
    GOOD,
    IMPRINT,
    MIDDLE,
    NONCE,
    POLICY,
    ROOT,
    TIME_STAMPING,
    UNIT,
    Chain,
    Issued,
    Order,
    Shape,
    attribute,
    chain,
    good_chain,
    name_of,
    response,
    revocation_list,
    token,
)
from tests.vedette.evidence.oracle import OpenSsl
from vedette.clock import from_datetime
from vedette.errors import EvidenceError
from vedette.evidence import der
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.exchange import Failure, build_query, rejection
from vedette.evidence.token import VerifiedToken, read_token, token_from_response, verify_response, verify_token

AT = int(GEN_TIME.timestamp())
ALIEN = hashlib.sha256(b"another certificate").digest()
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH
EXPIRED_START = GEN_TIME - timedelta(days=400)


def verify(made: bytes, by: Chain, *, order: Order = GOOD, untrusted: tuple[bytes, ...] = ()) -> VerifiedToken:
    return verify_token(
        made,
        imprint=order.imprint,
        digest_algorithm=order.imprint_digest,
        roots=by.roots,
        nonce=NONCE,
        untrusted=untrusted,
    )


def extension(*, critical: bool) -> bytes:
    flag = b"\x01\x01\xff" if critical else b""
    return der.encode(0xA1, der.sequence(der.oid("1.3.6.1.5.5.7.1.3"), flag, der.octet_string(der.sequence())))


GOOD_ORDERS = {
    "plain": GOOD,
    "accuracy in seconds": GOOD.but(accuracy=der.sequence(der.integer(1))),
    "accuracy in parts": GOOD.but(accuracy=der.sequence(der.encode(0x80, b"\x01\xf4"), der.encode(0x81, b"\x07"))),
    "milliseconds": GOOD.but(gen_time=b"20260601120000.125Z"),
    "ordering": GOOD.but(ordering=b"\x01\x01\xff"),
    "extension": GOOD.but(extensions=extension(critical=False)),
    "ESSCertID": GOOD.but(ess=("v1",)),
    "both ESSCertIDs": GOOD.but(ess=("v1", "v2")),
    "root named too": GOOD.but(ess_more=(good_chain().issued[-1].der,)),
    "root embedded too": GOOD.but(embed=tuple(sorted(issued.der for issued in good_chain().issued))),
    "embedded twice": GOOD.but(embed=good_chain().embedded * 2),
    "SHA-512 signature": GOOD.but(digest="sha512"),
    "SHA-512 imprint": GOOD.but(imprint=hashlib.sha512(DATA).digest(), imprint_digest="sha512"),
    "longest serial and nonce": GOOD.but(serial=2**159 - 1),
    "revocation list": GOOD.but(crls=(revocation_list(good_chain().issued[-1]),)),
    "unsigned attribute": GOOD.but(unsigned=(attribute("1.2.3", der.integer(1)),)),
    "tsa": GOOD.but(tsa=der.encode(0xA4, name_of("Unit").public_bytes())),
    "tsa in another string type and case": GOOD.but(
        tsa=der.encode(0xA4, der.sequence(der.set_of(der.sequence(der.oid("2.5.4.3"), der.encode(0x13, b" UNIT")))))
    ),
}

BAD_ORDERS = {
    "nonce: missing": GOOD.but(nonce=None),
    "nonce: not the one": GOOD.but(nonce=NONCE + 1),
    "imprint: the token is over": GOOD.but(imprint=hashlib.sha256(b"other").digest()),
    "imprint algorithm: sha512": GOOD.but(imprint=hashlib.sha512(DATA).digest(), imprint_digest="sha512"),
    "ESSCertID: neither": GOOD.but(ess=()),
    "ESSCertID: does not identify": GOOD.but(ess_of=ALIEN),
    "ESSCertID: names a certificate": GOOD.but(ess_more=(ALIEN,)),
    "signerInfos (exactly one": GOOD.but(signers=2),
    "SignerInfo: missing": GOOD.but(signers=0),
    "SignedData version": GOOD.but(cms_version=1),
    "TSTInfo version": GOOD.but(version=2),
    "content type: not id-ct-TSTInfo": GOOD.but(content_type="1.2.840.113549.1.7.1"),
    "content-type attribute: not": GOOD.but(attribute_type="1.2.840.113549.1.7.1"),
    "signed attributes: not in DER's order": GOOD.but(sorted_attributes=False),
    "signed attributes: 1.2.3 occurs twice": GOOD.but(
        extra_attributes=(
            der.sequence(der.oid("1.2.3"), der.set_of(der.integer(1))),
            der.sequence(der.oid("1.2.3"), der.set_of(der.integer(2))),
        )
    ),
    "attribute values (exactly one": GOOD.but(
        extra_attributes=(der.sequence(der.oid("1.2.3"), der.set_of(der.integer(1), der.integer(2))),)
    ),
    "signature algorithm: its digest": GOOD.but(signature_oid="1.2.840.10045.4.3.4"),
    "signature algorithm: does not fit": GOOD.but(signature_oid="1.2.840.113549.1.1.11"),
    "signature algorithm: Ed25519": GOOD.but(signature_oid="1.3.101.112"),
    "signature algorithm: RSASSA-PSS": GOOD.but(signature_oid="1.2.840.113549.1.1.10"),
    "signature algorithm: ECDSA with SHA-1": GOOD.but(signature_oid="1.2.840.10045.4.1"),
    "extensions: the critical": GOOD.but(extensions=extension(critical=True)),
    "tsa: the authority's name": GOOD.but(tsa=der.encode(0xA4, name_of("Somebody").public_bytes())),
    "ordering: DER leaves": GOOD.but(ordering=b"\x01\x01\x00"),
    "genTime: not a DER": GOOD.but(gen_time=b"20260601120000.120Z"),
    "genTime: no such moment": GOOD.but(gen_time=b"20260631120000Z"),
    "accuracy: outside": GOOD.but(accuracy=der.sequence(der.encode(0x80, b"\x03\xe8"))),
    "accuracy: negative": GOOD.but(accuracy=der.sequence(der.integer(-1))),
    "signer: its certificate is neither": GOOD.but(embed=()),
    "imprint algorithm: SHA-1 is broken": GOOD.but(
        imprint_encoded=der.sequence(der.sequence(der.oid("1.3.14.3.2.26")), der.octet_string(bytes(20)))
    ),
    "imprint: 20 bytes are not": GOOD.but(imprint=bytes(20)),
    "certificates: more than": GOOD.but(embed=good_chain().embedded * 21),
    "crls: a revocation list cannot": GOOD.but(crls=(der.sequence(),)),
    "crls: only those of X.509": GOOD.but(crls=(der.encode(0xA1, der.oid("1.2.3")),)),
    "certificates: only those of X.509": GOOD.but(embed=(der.encode(0xA2), *good_chain().embedded)),
    "unsigned attributes: not": GOOD.but(unsigned=(der.integer(1),)),
    "unsigned attribute: 2 bytes follow": GOOD.but(
        unsigned=(der.sequence(der.oid("1.2.3"), der.set_of(), der.octet_string(b"")),)
    ),
    "validity: CN=Unit": GOOD.but(gen_time=b"20290601120000Z"),
}

GOOD_CHAINS: dict[str, tuple[Shape, ...]] = {
    "P-384": (UNIT.but(kind="p384"), ROOT),
    "P-521": (UNIT.but(kind="p521"), ROOT),
    "RSA": (UNIT.but(kind="rsa2048"), ROOT.but(kind="rsa2048", name="RSA root")),
    "intermediate": (UNIT, MIDDLE, ROOT),
    "no basic constraints": (UNIT.but(ca=None), ROOT),
    "path length kept": (UNIT, MIDDLE.but(path_length=0), ROOT.but(path_length=1)),
}

BAD_CHAINS: dict[str, tuple[Shape, ...]] = {
    "basic constraints: CN=Middle is not": (UNIT, MIDDLE.but(ca=False), ROOT),
    "key usage: CN=Middle may not": (UNIT, MIDDLE.but(certifies=False, signs=True), ROOT),
    "extended key usage: CN=Middle may not": (UNIT, MIDDLE.but(usages=[SERVER_AUTH]), ROOT),
    "path length: CN=Root": (UNIT, MIDDLE, ROOT.but(path_length=0)),
    "extended key usage: must be exactly": (UNIT.but(usages=[*TIME_STAMPING, SERVER_AUTH]), ROOT),
    "extended key usage: the signer": (UNIT.but(usages_critical=False), ROOT),
    "basic constraints: the signer": (UNIT.but(ca=True), ROOT),
    "key usage: the signer's key has other": (UNIT.but(certifies=True), ROOT),
    "key usage: the signer's key is not": (UNIT.but(signs=False), ROOT),
    "validity: CN=Root": (UNIT, ROOT.but(start=EXPIRED_START, days=399)),
    "validity: CN=Middle": (UNIT, MIDDLE.but(start=EXPIRED_START, days=399), ROOT),
    "validity: CN=Unit": (UNIT.but(start=GEN_TIME + timedelta(seconds=1)), ROOT),
    "key: RSA with 1024 bits in CN=Unit": (UNIT.but(kind="rsa1024"), ROOT),
    "key: RSA with 1024 bits in CN=Weak": (UNIT, MIDDLE.but(kind="rsa1024", name="Weak"), ROOT),
    "key: the kind of key": (UNIT.but(kind="p224"), ROOT),
    "certificate extension: 2.5.29.30": (
        UNIT,
        MIDDLE.but(extra=((x509.NameConstraints([x509.DNSName("example.org")], None), True),)),
        ROOT,
    ),
    "certificate extension: 1.2.3.4": (
        UNIT.but(extra=((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),)),
        ROOT,
    ),
}


@pytest.mark.parametrize("name", GOOD_ORDERS)
def test_a_good_token_is_accepted_and_openssl_agrees(name: str, openssl: OpenSsl) -> None:
    by, order = good_chain(), GOOD_ORDERS[name]
    made = token(by, order)
    verified = verify(made, by, order=order)
    assert (verified.token, verified.nonce, verified.policy) == (made, NONCE, POLICY)
    assert openssl.accepts(token=made, data=DATA, roots_pem=by.roots_pem, at=AT)


@pytest.mark.parametrize("reason", BAD_ORDERS)
def test_a_bad_token_is_refused_by_the_name_of_the_check(reason: str) -> None:
    by = good_chain()
    with pytest.raises(EvidenceError) as caught:
        verify(token(by, BAD_ORDERS[reason]), by)
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize("name", GOOD_CHAINS)
def test_a_good_chain_is_accepted_and_openssl_agrees(name: str, openssl: OpenSsl) -> None:
    by = chain(*GOOD_CHAINS[name])
    made = token(by)
    verified = verify(made, by)
    assert verified.chain == tuple(issued.der for issued in by.issued)
    assert openssl.accepts(token=made, data=DATA, roots_pem=by.roots_pem, at=AT)


@pytest.mark.parametrize("reason", BAD_CHAINS)
def test_a_bad_chain_is_refused_by_the_name_of_the_check(reason: str) -> None:
    by = chain(*BAD_CHAINS[reason])
    with pytest.raises(EvidenceError) as caught:
        verify(token(by), by)
    assert str(caught.value).startswith(reason)


def test_a_verified_token_says_what_it_proves() -> None:
    by = chain(UNIT, MIDDLE.but(days=100), ROOT.but(days=50))
    order = GOOD.but(accuracy=der.sequence(der.integer(2), der.encode(0x81, b"\x05")), gen_time=b"20260601120000.25Z")
    verified = verify(token(by, order), by)
    assert verified.gen_time == from_datetime(GEN_TIME) + 250_000
    assert verified.accuracy == 2_000_005
    assert (verified.serial, verified.imprint, verified.digest_algorithm) == (7, IMPRINT, "sha256")
    assert verified.tsa == "CN=Unit"
    # The root ends first, but a trusted root's end is not what makes a token due for renewal.
    assert verified.not_after == from_datetime(by.issued[1].certificate.not_valid_after_utc)


def test_a_rogue_root_embedded_in_the_token_is_not_trusted(openssl: OpenSsl) -> None:
    """rfc3161-client up to 1.0.8 accepted this: it trusted what the token brought along."""
    rogue = chain(UNIT, MIDDLE, ROOT.but(number=8))
    everything = tuple(sorted(issued.der for issued in rogue.issued))
    made = token(rogue, GOOD.but(embed=everything))
    honest = good_chain()
    verify(made, rogue)
    with pytest.raises(EvidenceError, match=r"^trust: no path leads from CN=Unit"):
        verify(made, honest)
    with pytest.raises(EvidenceError, match=r"^trust:"):
        verify(made, honest, untrusted=everything)
    assert not openssl.accepts(token=made, data=DATA, roots_pem=honest.roots_pem, at=AT)


def test_a_root_of_the_same_name_with_another_key_is_not_the_root() -> None:
    impostor = chain(UNIT, ROOT.but(number=9))
    with pytest.raises(EvidenceError, match=r"^trust:"):
        verify(token(impostor), good_chain())


def test_the_chain_may_come_beside_the_token(openssl: OpenSsl) -> None:
    by = chain(UNIT, MIDDLE, ROOT)
    bare = token(by, GOOD.but(embed=()))
    beside = by.embedded
    assert verify(bare, by, untrusted=beside).chain[0] == by.signer.der
    assert openssl.accepts(token=bare, data=DATA, roots_pem=by.roots_pem, at=AT, untrusted=beside)


def test_a_root_file_may_hold_the_intermediate_too() -> None:
    by = chain(UNIT, MIDDLE, ROOT)
    roots = TrustRoots((by.issued[1].der, by.issued[2].der))
    made = token(by, GOOD.but(embed=(by.signer.der,)))
    assert len(verify_token(made, imprint=IMPRINT, digest_algorithm="sha256", roots=roots).chain) == 3


def test_a_cross_signed_chain_finds_the_path_that_was_valid_then() -> None:
    by = chain(UNIT, MIDDLE, ROOT)
    expired = chain(MIDDLE, ROOT.but(name="Old root", number=7, start=EXPIRED_START, days=399))
    roots = TrustRoots((expired.issued[1].der, by.issued[2].der))
    made = token(by, GOOD.but(embed=tuple(sorted((by.signer.der, by.issued[1].der, expired.issued[0].der)))))
    verified = verify_token(made, imprint=IMPRINT, digest_algorithm="sha256", roots=roots)
    assert verified.chain[-1] == by.issued[2].der


def resigned(openssl: OpenSsl, by: Chain, index: int) -> Chain:
    """The chain with one certificate signed again, over SHA-1, by the RSA root above it."""
    issued = by.issued[index]
    strong, weak = der.oid("1.2.840.113549.1.1.11"), der.oid("1.2.840.113549.1.1.5")
    body = issued.certificate.tbs_certificate_bytes.replace(strong, weak)
    signature = der.encode(der.BIT_STRING, b"\x00", openssl.sign_over_sha1(body, by.issued[-1].key))
    again = x509.load_der_x509_certificate(der.sequence(body, der.sequence(weak, der.encode(der.NULL)), signature))
    changed = Issued(certificate=again, key=issued.key)
    return Chain(issued=(*by.issued[:index], changed, *by.issued[index + 1 :]))


def test_a_certificate_signed_over_sha1_is_refused(openssl: OpenSsl) -> None:
    by = resigned(openssl, chain(UNIT, ROOT.but(kind="rsa2048")), 0)
    with pytest.raises(EvidenceError, match="certificate signature: CN=Unit is not signed with sha256"):
        verify(token(by), by)


def test_a_trusted_root_may_sign_itself_as_it_likes(openssl: OpenSsl) -> None:
    by = resigned(openssl, chain(UNIT, ROOT.but(kind="rsa2048")), 1)
    made = token(by)
    assert verify(made, by).chain[-1] == by.issued[1].der
    assert openssl.accepts(token=made, data=DATA, roots_pem=by.roots_pem, at=AT)


def test_a_damaged_certificate_is_refused_even_if_no_path_needs_it(openssl: OpenSsl) -> None:
    """OpenSSL cannot read such a token at all, so it would be no proof for others."""
    by, damaged = good_chain(), b"\x30\x03\x02\x01\x00"
    made = token(by, GOOD.but(embed=(damaged, *by.embedded)))
    with pytest.raises(EvidenceError, match="certificate: cannot be read"):
        verify(made, by)
    with pytest.raises(EvidenceError, match="certificate: cannot be read"):
        verify(token(by), by, untrusted=(damaged,))
    assert not openssl.accepts(token=made, data=DATA, roots_pem=by.roots_pem, at=AT)


def test_gen_time_in_the_future_is_refused_where_now_is_known() -> None:
    by, now = good_chain(), from_datetime(GEN_TIME)
    made = token(by)

    def at(moment: int) -> VerifiedToken:
        return verify_token(made, imprint=IMPRINT, digest_algorithm="sha256", roots=by.roots, now=moment)

    assert at(now - 59_000_000).gen_time == now
    with pytest.raises(EvidenceError, match=r"genTime: .* lies in the future"):
        at(now - 61_000_000)


def test_another_policy_than_the_one_asked_for_is_refused() -> None:
    by = good_chain()
    with pytest.raises(EvidenceError, match=r"^policy: the token names"):
        verify_token(token(by), imprint=IMPRINT, digest_algorithm="sha256", roots=by.roots, policy="1.2.3")


def test_a_response_must_answer_its_query() -> None:
    by = good_chain()
    whole = response(by)

    def answers(query: bytes, **more: int | str) -> VerifiedToken:
        return verify_response(
            whole,
            imprint=IMPRINT,
            digest_algorithm="sha256",
            roots=by.roots,
            query=query,
            **more,  # type: ignore[arg-type]
        )

    assert answers(build_query(IMPRINT, nonce=NONCE, policy=POLICY)).nonce == NONCE
    assert answers(build_query(IMPRINT, nonce=None)).nonce == NONCE
    for query, reason in (
        (build_query(IMPRINT, nonce=NONCE + 1), "^nonce:"),
        (build_query(ALIEN, nonce=NONCE), "^query: asks for the time-stamp of something else"),
        (build_query(IMPRINT, nonce=NONCE, policy="1.2.3"), "^policy:"),
        (b"\x30\x00", "version"),
    ):
        with pytest.raises(EvidenceError, match=reason):
            answers(query)
    with pytest.raises(EvidenceError, match=r"^query: has another nonce"):
        answers(build_query(IMPRINT, nonce=NONCE), nonce=NONCE + 1)
    with pytest.raises(EvidenceError, match=r"^query: asks for another policy"):
        answers(build_query(IMPRINT, nonce=NONCE, policy=POLICY), policy="1.2.3")


def test_a_refusal_is_told_with_its_status_text_and_failure() -> None:
    with pytest.raises(EvidenceError, match=r"answered rejection \(unacceptedPolicy, ask nicely\)"):
        token_from_response(rejection(Failure.unacceptedPolicy, "ask  nicely\n"))
    with pytest.raises(EvidenceError, match=r"answered waiting$"):
        token_from_response(der.sequence(der.sequence(der.integer(3)), token(good_chain())))
    with pytest.raises(EvidenceError, match="holds no token"):
        token_from_response(der.sequence(der.sequence(der.integer(0))))


@pytest.mark.parametrize("status", [0, 1])
def test_both_granting_statuses_carry_a_token(status: int) -> None:
    made = token(good_chain())
    assert token_from_response(der.sequence(der.sequence(der.integer(status)), made)) == made


def test_bytes_around_a_token_are_refused() -> None:
    by = good_chain()
    made, whole = token(by), response(by)
    for wrong in (made + b"\x00", made[:-1], b"", b"<html>", made * 2, bytes(70_000)):
        with pytest.raises(EvidenceError):
            verify(wrong, by)
    with pytest.raises(EvidenceError, match="TimeStampResp: 1 bytes follow"):
        token_from_response(whole + b"\x00")


def test_a_token_is_read_without_being_trusted() -> None:
    stranger = chain(UNIT, ROOT.but(name="Nobody"))
    read = read_token(token(stranger))
    assert (read.info.imprint, read.info.gen_time) == (IMPRINT, from_datetime(GEN_TIME))
    assert read.certificates == (stranger.signer.der,)
