"""Revocation lists kept with the evidence: which revocations void a time-stamp, and which do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from vedette.clock import from_datetime, to_datetime
from vedette.errors import EvidenceError
from vedette.evidence.certificates import Certificate, parse_certificate
from vedette.evidence.record import VerifiedRecord
from vedette.evidence.token import VerifiedToken

HARMLESS = {
    x509.ReasonFlags.unspecified,
    x509.ReasonFlags.affiliation_changed,
    x509.ReasonFlags.superseded,
    x509.ReasonFlags.cessation_of_operation,
}
"""Stated reasons under which tokens from before the revocation stay valid (RFC 3161 section 4, item 1)."""


def covered_since(records: Iterable[VerifiedRecord]) -> dict[bytes, int]:
    """Return since when (microseconds since 1970) each token is covered by a later one of another chain.

    A token is judged at the time of the next (RFC 4998 section 5.3), so what happens to its key after is harmless.
    """
    found: dict[bytes, int] = {}
    for record in records:
        for place, token in enumerate(record.tokens):
            later = (other.gen_time for other in record.tokens[place + 1 :] if other.chain != token.chain)
            if (moment := next(later, None)) is not None:
                found[token.token] = moment
    return found


def check_revocation(
    lists: Mapping[str, bytes], tokens: Iterable[VerifiedToken], *, covered: Mapping[bytes, int] | None = None
) -> str:
    """Check kept revocation lists (DER) against verified tokens, and say what was found.

    `covered` says since when a token is covered by a renewal, as `covered_since` returns it.

    Raises:
        EvidenceError: a list is not one, is not signed by a certificate that a token leads through, or revokes
            a certificate in a way that voids its token: compromise, no stated reason, or before genTime.
    """
    known = tuple(tokens)
    if not lists:
        return "no revocation lists were kept: the authorities named none, or none could be had"
    for name, data in lists.items():
        revocations, issuer = _verified_list(name, data, known)
        for token in known:
            for certificate in map(parse_certificate, token.chain[:-1]):
                if certificate.issuer == issuer.subject:
                    _check_certificate(revocations, certificate, token, (covered or {}).get(token.token))
    return f"{len(lists)} revocation lists, none voids a time-stamp"


def _verified_list(
    name: str, data: bytes, tokens: Iterable[VerifiedToken]
) -> tuple[x509.CertificateRevocationList, Certificate]:
    """Return the list and its issuer, whose certificate lies on the path of a token."""
    try:
        found = x509.load_der_x509_crl(data)
        issuer_name = found.issuer.public_bytes()
        for certificate in (parse_certificate(der) for token in tokens for der in token.chain):
            key = certificate.x509.public_key()
            if certificate.subject == issuer_name and found.is_signature_valid(key):  # type: ignore[arg-type]
                return found, certificate
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise EvidenceError(f"crls/{name} is not a readable revocation list") from error
    raise EvidenceError(f"crls/{name} is not signed by a certificate that a time-stamp leads through")


def _check_certificate(
    revocations: x509.CertificateRevocationList, certificate: Certificate, token: VerifiedToken, covered: int | None
) -> None:
    try:
        entry = revocations.get_revoked_certificate_by_serial_number(certificate.serial)
        if entry is None:
            return
        reason = _reason(entry)
        moment = from_datetime(entry.revocation_date_utc)
    except (ValueError, TypeError) as error:
        raise EvidenceError("crls: an entry of a revocation list cannot be read") from error
    if (reason in HARMLESS and token.gen_time < moment) or (covered is not None and covered < moment):
        return
    why = reason.value if reason else "no stated reason"
    raise EvidenceError(
        f"{certificate.name} was revoked at {to_datetime(moment).isoformat()} ({why}): its time-stamps are void"
    )


def _reason(entry: x509.RevokedCertificate) -> x509.ReasonFlags | None:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return None
