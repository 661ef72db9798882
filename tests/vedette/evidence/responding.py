"""Answers of OCSP responders, right or wrong in one chosen way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from tests.vedette.evidence.forge import MIDDLE, ROOT, UNIT, Chain, Issued, Shape, chain, issue

GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN

RESPONDER = Shape(name="Responder", number=7, usages=(ExtendedKeyUsageOID.OCSP_SIGNING,), usages_critical=False)
"""A certificate that may answer for whoever issued it."""


def asked_chain(url: str, *, start: datetime, middle: bool = False, lists: str = "") -> Chain:
    """A chain whose certificates below the root name a responder, and a list where that is wanted."""
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = ((access(url), False),)
    if lists:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(lists)], None, None, None)
        extra = (*extra, (x509.CRLDistributionPoints([point]), False))
    unit = UNIT.but(start=start, days=3_000, extra=extra)
    between = [MIDDLE.but(start=start, days=4_000, extra=extra)] if middle else []
    return chain(unit, *between, ROOT.but(start=start, days=6_000))


def access(*urls: str) -> x509.AuthorityInformationAccess:
    return x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(
                AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier("http://x/")
            ),
            *(
                x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url))
                for url in urls
            ),
        ]
    )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an answer is to say; the defaults are a good one."""

    made: datetime
    status: ocsp.OCSPCertStatus = GOOD
    revoked: datetime | None = None
    reason: x509.ReasonFlags | None = None
    valid_days: float | None = 7.0
    nonce: bytes | None = None
    place: int = 0
    """Which certificate of the chain it is about."""
    by: Issued | None = None
    """Who signs; None: the issuer."""
    by_key: bool = False
    embed: bool = True
    digest: type[hashes.HashAlgorithm] = hashes.SHA1
    signed_over: type[hashes.HashAlgorithm] = hashes.SHA256

    def but(self, **changes: object) -> Answer:
        return replace(self, **changes)  # type: ignore[arg-type]


def answer(of: Chain, wanted: Answer) -> bytes:
    """The answer that was ordered, DER."""
    certificate, issuer = of.issued[wanted.place], of.issued[wanted.place + 1]
    by = wanted.by or issuer
    until = None if wanted.valid_days is None else wanted.made + timedelta(days=wanted.valid_days)
    encoding = ocsp.OCSPResponderEncoding.HASH if wanted.by_key else ocsp.OCSPResponderEncoding.NAME
    builder = ocsp.OCSPResponseBuilder().add_response(
        certificate.certificate,
        issuer.certificate,
        wanted.digest(),
        wanted.status,
        wanted.made,
        until,
        wanted.revoked,
        wanted.reason,
    )
    builder = builder.responder_id(encoding, by.certificate)
    if by is not issuer and wanted.embed:
        builder = builder.certificates([by.certificate])
    if wanted.nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(wanted.nonce), critical=False)
    return builder.sign(by.key, wanted.signed_over()).public_bytes(Encoding.DER)


def delegate(of: Chain, shape: Shape, *, start: datetime, number: int = 1) -> Issued:
    """A responder's certificate, issued by the chain's certificate at this place."""
    return issue(shape.but(start=start), of.issued[number])


def nonce_of(request: bytes) -> bytes:
    """The nonce of a request."""
    asked = ocsp.load_der_ocsp_request(request)
    return asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
