"""Where a time-stamp's chain says that its revocation lists are, and what one says of it (RFC 5280 section 5).

RFC 3161 section 4: a revocation because a key was compromised, or without a reason, voids every token; any other
reason leaves the tokens from before it as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID

from vedette.clock import from_datetime
from vedette.errors import EvidenceError
from vedette.evidence.certificates import MALFORMED, Certificate, extension, parse_certificate
from vedette.fetching.urls import MAX_URL

HARMLESS = {
    x509.ReasonFlags.unspecified,
    x509.ReasonFlags.affiliation_changed,
    x509.ReasonFlags.superseded,
    x509.ReasonFlags.cessation_of_operation,
}
"""Stated reasons under which tokens from before the revocation stay valid (RFC 3161 section 4, item 1)."""

MAX_POINTS = 4
"""Distribution points of one chain that are asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Revocation:
    """A certificate of a chain that was revoked."""

    name: str
    """Whose it is."""
    at: int
    """When, microseconds since 1970."""
    reason: str
    """The reason as RFC 5280 section 5.3.1 calls it."""
    harmless: bool
    """Whether tokens from before it stay good."""

    def voids(self, gen_time: int) -> bool:
        """Tell whether a token of that time (microseconds since 1970) counts no more."""
        return not self.harmless or gen_time >= self.at


@dataclass(frozen=True, kw_only=True, slots=True)
class RevocationFinding:
    """What a list, or a responder's answer, says about one chain."""

    this_update: int
    """When the issuer made it, microseconds since 1970."""
    next_update: int | None
    """When the next one comes at the latest."""
    revocations: tuple[Revocation, ...]
    """Certificates of the chain that are revoked."""
    unknown: tuple[str, ...] = ()
    """Certificates of the chain that the responder does not know."""


def distribution_points(chain: Sequence[bytes]) -> list[str]:
    """Return the `http` and `https` addresses of the lists for a chain (DER, root last), each once.

    Raises:
        EvidenceError: a certificate cannot be read.
    """
    found = dict.fromkeys(url for der in chain[:-1] for url in _points(parse_certificate(der)))
    return list(found)[:MAX_POINTS]


def is_web_address(text: str) -> bool:
    """Tell whether a certificate's address is one for the web; whether it is asked is for the rules of fetching."""
    return text.startswith(("http://", "https://")) and text.isprintable() and len(text) <= MAX_URL


def _points(certificate: Certificate) -> Iterator[str]:
    try:
        points = extension(certificate, ExtensionOID.CRL_DISTRIBUTION_POINTS)
    except MALFORMED as error:
        raise EvidenceError(f"certificate: an extension cannot be read: {error}") from error
    if points is None or not isinstance(points.value, x509.CRLDistributionPoints):
        return
    for point in points.value:
        for name in point.full_name or ():
            # LDAP is named as well by some; who names it names http, too.
            if isinstance(name, x509.UniformResourceIdentifier) and is_web_address(name.value):
                yield name.value
                break


def read_list(data: bytes, chain: Sequence[bytes]) -> RevocationFinding:
    """Return what a list (DER) says of a chain (DER, root last).

    Raises:
        EvidenceError: it is not a list, or not signed by a certificate of the chain.
    """
    try:
        found = x509.load_der_x509_crl(data)
        issuer = _issuer(found, chain)
        next_update = found.next_update_utc
        return RevocationFinding(
            this_update=from_datetime(found.last_update_utc),
            next_update=from_datetime(next_update) if next_update is not None else None,
            revocations=tuple(_revocations(found, issuer, chain)),
        )
    except (*MALFORMED, UnsupportedAlgorithm, InvalidSignature) as error:
        raise EvidenceError(f"revocation list: cannot be read: {error}") from error


def _issuer(found: x509.CertificateRevocationList, chain: Sequence[bytes]) -> Certificate:
    name = found.issuer.public_bytes()
    for certificate in map(parse_certificate, chain):
        key = certificate.x509.public_key()
        if certificate.subject == name and found.is_signature_valid(key):  # type: ignore[arg-type]
            return certificate
    raise EvidenceError("revocation list: is not signed by a certificate of the chain")


def _revocations(
    found: x509.CertificateRevocationList, issuer: Certificate, chain: Sequence[bytes]
) -> Iterator[Revocation]:
    for certificate in map(parse_certificate, chain[:-1]):
        if certificate.issuer != issuer.subject:
            continue
        entry = found.get_revoked_certificate_by_serial_number(certificate.serial)
        if entry is not None:
            yield _revocation(entry, certificate)


def _revocation(entry: x509.RevokedCertificate, certificate: Certificate) -> Revocation:
    reason: x509.ReasonFlags | None = None
    for found in entry.extensions:
        if isinstance(found.value, x509.CRLReason):
            reason = found.value.reason
    return Revocation(
        name=certificate.name,
        at=from_datetime(entry.revocation_date_utc),
        reason=reason.value if reason is not None else "no stated reason",
        harmless=reason in HARMLESS,
    )
