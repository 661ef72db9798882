"""The Online Certificate Status Protocol (RFC 6960): what a responder is asked about a chain, and what it answers.

An answer is kept like a revocation list: it is signed, so it shows for ever what its issuer said, and when.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, ExtensionOID

from vedette.clock import MICROSECONDS, from_datetime
from vedette.errors import EvidenceError
from vedette.evidence.certificates import MALFORMED, Certificate, extension, parse_certificate
from vedette.evidence.revocation_points import HARMLESS, Revocation, RevocationFinding, is_web_address

REQUEST_TYPE = "application/ocsp-request"
ANSWER_TYPE = "application/ocsp-response"

MAX_QUESTIONS = 4
"""Responders of one chain that are asked."""

NONCE_BYTES = 16
"""Random bytes of a nonce; older responders take no more (RFC 8954 section 2.1)."""

SKEW = 300 * MICROSECONDS
"""How far the responder's clock may differ from ours, microseconds."""

MAX_AGE = 7 * 86_400 * MICROSECONDS
"""Microseconds that an answer may be old which does not say when the next one comes."""

_SIGNED_OVER = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_NAMED_BY = (hashes.SHA1, hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True, kw_only=True, slots=True)
class OcspQuestion:
    """One certificate of a chain and who answers for it."""

    url: str
    """The responder."""
    certificate: bytes
    """The certificate that is asked about, DER."""
    issuer: bytes
    """Who issued it, DER."""


def ocsp_questions(chain: Sequence[bytes]) -> list[OcspQuestion]:
    """Return whom to ask about the certificates of a chain (DER, root last).

    Raises:
        EvidenceError: a certificate cannot be read.
    """
    questions = [
        OcspQuestion(url=url, certificate=certificate, issuer=issuer)
        for certificate, issuer in pairwise(chain)
        for url in _responders(parse_certificate(certificate))
    ]
    return questions[:MAX_QUESTIONS]


def _responders(certificate: Certificate) -> Iterator[str]:
    """Yield the first usable responder that a certificate names (RFC 5280 section 4.2.2.1)."""
    try:
        found = extension(certificate, ExtensionOID.AUTHORITY_INFORMATION_ACCESS)
    except MALFORMED as error:
        raise EvidenceError(f"certificate: an extension cannot be read: {error}") from error
    for access in (
        found.value if found is not None and isinstance(found.value, x509.AuthorityInformationAccess) else ()
    ):
        place = access.access_location
        if access.access_method != AuthorityInformationAccessOID.OCSP:
            continue
        if isinstance(place, x509.UniformResourceIdentifier) and is_web_address(place.value):
            yield place.value
            return


def ocsp_request(question: OcspQuestion, *, nonce: bytes) -> bytes:
    """Return a request about one certificate (RFC 6960 section 4.1), DER."""
    # SHA-1 only names the certificate here, and many responders know no other (RFC 5019 section 2.1.1).
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        parse_certificate(question.certificate).x509,
        parse_certificate(question.issuer).x509,
        hashes.SHA1(),  # noqa: S303
    )
    request = builder.add_extension(x509.OCSPNonce(nonce), critical=False).build()
    return request.public_bytes(Encoding.DER)


def read_answer(data: bytes, chain: Sequence[bytes], *, nonce: bytes | None = None) -> RevocationFinding:
    """Return what a responder's answer (DER) says about the certificates of a chain.

    `nonce` is the one that was sent; an answer without any is good too, as responders keep answers ready.

    Raises:
        EvidenceError: it is no answer, a refusal, speaks of other certificates, repeats another nonce, or is not
            signed by the issuer or by one whom the issuer lets answer.
    """
    try:
        answer = ocsp.load_der_ocsp_response(data)
        if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise EvidenceError(
                f"OCSP: the responder answers {answer.response_status.name.lower().replace('_', ' ')}"
            )
        if answer.public_bytes(Encoding.DER) != data:
            raise EvidenceError("OCSP: the answer is not DER, or something follows it")
        _check_nonce(answer, nonce)
        return _finding(answer, [parse_certificate(certificate) for certificate in chain])
    except MALFORMED as error:
        raise EvidenceError(f"OCSP: the answer cannot be read: {error}") from error


def check_current(finding: RevocationFinding, *, now: int) -> None:
    """Check that an answer that just came is of now (RFC 6960 section 3.2, items 5 and 6).

    Raises:
        EvidenceError: it is of the future, or an old one that somebody plays back.
    """
    if finding.this_update > now + SKEW:
        raise EvidenceError("OCSP: the answer is of the future; check the clock")
    until = finding.this_update + MAX_AGE if finding.next_update is None else finding.next_update
    if until < now - SKEW:
        raise EvidenceError("OCSP: the answer is an old one: it is valid no more")


def _check_nonce(answer: ocsp.OCSPResponse, nonce: bytes | None) -> None:
    for found in answer.extensions:
        echoed = found.value
        if isinstance(echoed, x509.OCSPNonce) and nonce is not None and not hmac.compare_digest(echoed.nonce, nonce):
            raise EvidenceError("OCSP: the answer repeats another nonce: it is to somebody else")


def _finding(answer: ocsp.OCSPResponse, chain: Sequence[Certificate]) -> RevocationFinding:
    """Return what the answer says of the certificates whose issuer vouches for it."""
    about = [
        (single, certificate, issuer)
        for single in answer.responses
        for certificate, issuer in pairwise(chain)
        if _names(single, certificate, issuer)
    ]
    if not about:
        raise EvidenceError("OCSP: the answer speaks of no certificate of the chain")
    for issuer in {issuer.der: issuer for _, _, issuer in about}.values():
        _check_signed(answer, issuer)
    singles = [(single, certificate) for single, certificate, _ in about]
    updates = [single.next_update_utc for single, _ in singles]
    return RevocationFinding(
        this_update=min(from_datetime(single.this_update_utc) for single, _ in singles),
        next_update=min((from_datetime(update) for update in updates if update is not None), default=None),
        revocations=tuple(
            _revocation(single, certificate)
            for single, certificate in singles
            if single.certificate_status is ocsp.OCSPCertStatus.REVOKED
        ),
        unknown=tuple(
            certificate.name
            for single, certificate in singles
            if single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN
        ),
    )


def _names(single: ocsp.OCSPSingleResponse, certificate: Certificate, issuer: Certificate) -> bool:
    """Tell whether a CertID is this certificate's: issuer's name and key, and serial number."""
    if single.serial_number != certificate.serial or not isinstance(single.hash_algorithm, _NAMED_BY):
        return False
    asked = ocsp.OCSPRequestBuilder().add_certificate(certificate.x509, issuer.x509, single.hash_algorithm).build()
    return (asked.issuer_name_hash, asked.issuer_key_hash) == (single.issuer_name_hash, single.issuer_key_hash)


def _revocation(single: ocsp.OCSPSingleResponse, certificate: Certificate) -> Revocation:
    reason, at = single.revocation_reason, single.revocation_time_utc
    if at is None:
        raise EvidenceError("OCSP: the answer revokes without saying when")
    return Revocation(
        name=certificate.name,
        at=from_datetime(at),
        reason=reason.value if reason is not None else "no stated reason",
        harmless=reason in HARMLESS,
    )


def _check_signed(answer: ocsp.OCSPResponse, issuer: Certificate) -> None:
    """Check that the issuer signed, or one whom the issuer itself lets answer (RFC 6960 section 4.2.2.2)."""
    flaw = "OCSP: the answer is not signed by the certificate's issuer or one whom it lets answer"
    for signer in (issuer.x509, *answer.certificates):
        if not _is_responder(answer, signer) or not _has_signed(answer, signer):
            continue
        if signer == issuer.x509:
            return
        reason = _flaw_of_delegate(signer, issuer, at=from_datetime(answer.produced_at_utc))
        if not reason:
            return
        flaw = f"OCSP: the answer is signed by one who may not: {reason}"
    raise EvidenceError(flaw)


def _is_responder(answer: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    if answer.responder_name is not None:
        return answer.responder_name == signer.subject
    return answer.responder_key_hash == x509.SubjectKeyIdentifier.from_public_key(signer.public_key()).digest


def _has_signed(answer: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key, algorithm = signer.public_key(), answer.signature_hash_algorithm
    if not isinstance(algorithm, _SIGNED_OVER):
        raise EvidenceError("OCSP: the answer is signed over a digest that is refused")
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(algorithm))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _flaw_of_delegate(signer: x509.Certificate, issuer: Certificate, *, at: int) -> str:
    """Return why a responder's own certificate does not let it answer; empty where it does."""
    try:
        signer.verify_directly_issued_by(issuer.x509)
        usages = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (*MALFORMED, InvalidSignature):
        return "its certificate is not the issuer's own"
    except x509.ExtensionNotFound:
        return "its certificate is not for that"
    if ExtendedKeyUsageOID.OCSP_SIGNING not in usages:
        return "its certificate is not for that"
    if not from_datetime(signer.not_valid_before_utc) <= at <= from_datetime(signer.not_valid_after_utc):
        return "its certificate was not valid when it answered"
    return ""
