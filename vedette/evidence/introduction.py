"""Getting to know a time-stamping authority: its roots and what a first token says, for a person to judge."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from vedette.canonical import sha256_hex
from vedette.errors import ConfigurationError, EvidenceError
from vedette.evidence.bundle_contents import certificates_to_pem
from vedette.evidence.certificates import TrustRoots, parse_certificate
from vedette.evidence.token import VerifiedToken, read_token

MAX_ROOTS = 8
"""Roots that a person can be asked to compare; a system's bundle has more, and trusts whoever is in it."""

_SEPARATORS = re.compile(r"[\s:]")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateFacts:
    """What a person compares of a certificate."""

    subject: str
    """Whose it is, RFC 4514."""
    not_before: int
    """From when it is valid, microseconds since 1970."""
    not_after: int
    """Until when."""
    sha256: str
    """Fingerprint, hexadecimal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorityFacts:
    """What is known of an authority before it is trusted."""

    roots: tuple[CertificateFacts, ...]
    """What would be trusted."""
    signer: CertificateFacts
    """What signed the first token."""
    policy: str
    """The policy that the token names, dotted."""
    digest: str
    """The digest that it signs over."""
    accuracy: int | None
    """How far its time may be off, microseconds; None: it does not say."""
    offset: int
    """Its clock less ours, microseconds; as exact as the round trip is short."""
    round_trip: int
    """From question to answer, microseconds."""


def read_roots(data: bytes, *, place: str) -> TrustRoots:
    """Return the roots of a file as authorities publish it: PEM, or one certificate in DER.

    Raises:
        ConfigurationError: there is none, one is damaged, none is self-signed, or they are too many to compare.
    """
    if b"-----BEGIN" not in data:
        try:
            parse_certificate(data)
        except EvidenceError as error:
            raise ConfigurationError(place, "", "holds no certificate, neither PEM nor DER") from error
        data = certificates_to_pem([data])
    roots = TrustRoots.from_pem(data, place=place)
    if len(roots.certificates) > MAX_ROOTS:
        count = len(roots.certificates)
        raise ConfigurationError(place, "", f"holds {count} certificates; give only this authority's roots")
    return roots


def certificate_facts(data: bytes) -> CertificateFacts:
    """Return what a person compares of a certificate (DER).

    Raises:
        EvidenceError: it cannot be read.
    """
    certificate = parse_certificate(data)
    return CertificateFacts(
        subject=certificate.name,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        sha256=sha256_hex(data),
    )


def authority_facts(token: VerifiedToken, *, roots: TrustRoots, asked_at: int, answered_at: int) -> AuthorityFacts:
    """Return what a first token, verified with these roots, says of its authority.

    Raises:
        EvidenceError: a certificate cannot be read.
    """
    return AuthorityFacts(
        roots=tuple(map(certificate_facts, roots.certificates)),
        signer=certificate_facts(token.chain[0]),
        policy=token.policy,
        digest=read_token(token.token).digest_algorithm,
        accuracy=token.accuracy,
        offset=token.gen_time - (asked_at + answered_at) // 2,
        round_trip=answered_at - asked_at,
    )


def read_fingerprint(text: str) -> str:
    """Return a SHA-256 fingerprint as 64 hexadecimal digits; colons and spaces are left out.

    Raises:
        ConfigurationError: it is none.
    """
    digits = _SEPARATORS.sub("", text).lower()
    if not _FINGERPRINT.fullmatch(digits):
        raise ConfigurationError("--fingerprint", "", "must be SHA-256: 64 hexadecimal digits, with colons or not")
    return digits


def unconfirmed(roots: Iterable[CertificateFacts], fingerprints: Iterable[str]) -> list[CertificateFacts]:
    """Return the roots whose fingerprint is not among those that a person gave."""
    known = set(fingerprints)
    return [root for root in roots if root.sha256 not in known]
