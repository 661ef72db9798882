"""The path from a signer's certificate to a trusted root, as it was at a time (RFC 5280 section 6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from vedette.clock import to_datetime
from vedette.errors import EvidenceError
from vedette.evidence.certificates import MALFORMED, Certificate, TrustRoots, extension, parse_certificate

MAX_DEPTH = 8
"""Certificates in a path; real ones have two to four."""

MAX_SIGNATURE_CHECKS = 64
"""Signature checks spent on one path, so that crafted certificates cannot keep us busy."""

MIN_RSA_BITS = 2048
CURVES = ("secp256r1", "secp384r1", "secp521r1")
DIGESTS = ("sha256", "sha384", "sha512")

# Policies are not asked for, so their constraints need no processing; names are not constrained in TSA chains.
_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.POLICY_CONSTRAINTS,
    ExtensionOID.INHIBIT_ANY_POLICY,
}


def _issued(issuer: Certificate, subject: Certificate) -> bool:
    """Tell whether the names chain and the signature verifies (RFC 5280 section 6.1.3 (a))."""
    try:
        subject.x509.verify_directly_issued_by(issuer.x509)
    except (*MALFORMED, InvalidSignature):
        return False
    return True


def _rests_on_broken_digest(certificate: Certificate) -> bool:
    """Tell whether it is signed over SHA-1 or MD5, which cryptography may not even verify."""
    try:
        digest = certificate.x509.signature_hash_algorithm
    except MALFORMED:
        return False
    return digest is not None and digest.name in {"sha1", "md5"}


@lru_cache(maxsize=256)
def _paths(signer: bytes, pool: tuple[bytes, ...], roots: TrustRoots) -> tuple[tuple[Certificate, ...], ...]:
    """Return every path from the signer to a root in which names and signatures chain, signer first."""
    anchors = [parse_certificate(root) for root in roots.certificates]
    others = [*map(parse_certificate, pool), *(anchor for anchor in anchors if not anchor.self_signed)]
    ends = [anchor for anchor in anchors if anchor.self_signed]
    checks = iter(range(MAX_SIGNATURE_CHECKS))
    return tuple(_climb((parse_certificate(signer),), others, ends, checks))


def _climb(
    path: tuple[Certificate, ...], pool: list[Certificate], ends: list[Certificate], checks: Iterator[int]
) -> Iterator[tuple[Certificate, ...]]:
    """Yield the paths that go on from this one's last certificate."""
    last = path[-1]
    if any(last.der == end.der for end in ends):
        yield path
        return
    if len(path) == MAX_DEPTH:
        return
    used = {certificate.der for certificate in path}
    for candidate in (*ends, *pool):
        if candidate.subject != last.issuer or candidate.der in used:
            continue
        # A signature over a broken digest is followed too, for `_flaw` to refuse it by name.
        if next(checks, None) is not None and (_rests_on_broken_digest(last) or _issued(candidate, last)):
            yield from _climb((*path, candidate), pool, ends, checks)


@lru_cache(maxsize=256)
def _flaw(path: tuple[Certificate, ...]) -> str | None:
    """Return what disqualifies a path whatever the time; None if nothing does."""
    try:
        _check_signer(path[0])
        for index, certificate in enumerate(path):
            _check_strength(certificate, is_root=index == len(path) - 1)
            _check_extensions(certificate)
        for index in range(1, len(path)):
            _check_issuer(path[index], below=path[1:index], is_root=index == len(path) - 1)
    except EvidenceError as error:
        return str(error)
    except MALFORMED as error:
        return f"certificate: an extension cannot be read: {error}"
    return None


def _check_signer(certificate: Certificate) -> None:
    """Check what RFC 3161 section 2.3 and OpenSSL ask of a time-stamping certificate."""
    usage = extension(certificate, ExtensionOID.EXTENDED_KEY_USAGE)
    if usage is None or not usage.critical:
        raise EvidenceError("extended key usage: the signer's certificate has none that is critical")
    if not isinstance(usage.value, x509.ExtendedKeyUsage) or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise EvidenceError("extended key usage: must be exactly timeStamping")
    basic = extension(certificate, ExtensionOID.BASIC_CONSTRAINTS)
    if basic is not None and isinstance(basic.value, x509.BasicConstraints) and basic.value.ca:
        raise EvidenceError("basic constraints: the signer is a certificate authority")
    key = extension(certificate, ExtensionOID.KEY_USAGE)
    if key is not None and isinstance(key.value, x509.KeyUsage):
        value = key.value
        others = value.key_encipherment or value.data_encipherment or value.key_agreement
        if others or value.key_cert_sign or value.crl_sign:
            raise EvidenceError("key usage: the signer's key has other uses than signing")
        if not (value.digital_signature or value.content_commitment):
            raise EvidenceError("key usage: the signer's key is not for signing")


def _check_strength(certificate: Certificate, *, is_root: bool) -> None:
    """Refuse keys and digests that proofs should not rest on; a root's own signature proves nothing."""
    key = certificate.x509.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise EvidenceError(f"key: RSA with {key.key_size} bits in {certificate.name} is too short")
    elif not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in CURVES:
        raise EvidenceError(f"key: the kind of key in {certificate.name} is not supported")
    digest = certificate.x509.signature_hash_algorithm
    if not is_root and (digest is None or digest.name not in DIGESTS):
        raise EvidenceError(f"certificate signature: {certificate.name} is not signed with {', '.join(DIGESTS)}")


def _check_extensions(certificate: Certificate) -> None:
    """Refuse what constrains a path in ways that are not processed here (RFC 5280 section 6.1.5 (f))."""
    for found in certificate.x509.extensions:
        constrains_names = found.oid == ExtensionOID.NAME_CONSTRAINTS
        if constrains_names or (found.critical and found.oid not in _UNDERSTOOD):
            raise EvidenceError(
                f"certificate extension: {found.oid.dotted_string} in {certificate.name} is not supported"
            )


def _check_issuer(certificate: Certificate, *, below: Sequence[Certificate], is_root: bool) -> None:
    """Check that a certificate may issue those below it (RFC 5280 section 6.1.4 (k) to (n))."""
    basic = extension(certificate, ExtensionOID.BASIC_CONSTRAINTS)
    if basic is None or not isinstance(basic.value, x509.BasicConstraints) or not basic.value.ca:
        raise EvidenceError(f"basic constraints: {certificate.name} is not a certificate authority")
    issuers_below = sum(lower.subject != lower.issuer for lower in below)
    if basic.value.path_length is not None and issuers_below > basic.value.path_length:
        raise EvidenceError(f"path length: {certificate.name} allows {basic.value.path_length} below it")
    key = extension(certificate, ExtensionOID.KEY_USAGE)
    if key is not None and isinstance(key.value, x509.KeyUsage) and not key.value.key_cert_sign:
        raise EvidenceError(f"key usage: {certificate.name} may not sign certificates")
    usage = extension(certificate, ExtensionOID.EXTENDED_KEY_USAGE)
    if usage is not None and not is_root and isinstance(usage.value, x509.ExtendedKeyUsage):
        allowed = {ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
        if not allowed.intersection(usage.value):
            raise EvidenceError(f"extended key usage: {certificate.name} may not issue for time-stamping")


def _untimely(path: tuple[Certificate, ...], at: int) -> str | None:
    """Return which certificate was not valid at the time, None if all were."""
    for certificate in path:
        if not certificate.not_before <= at <= certificate.not_after:
            first, last = to_datetime(certificate.not_before), to_datetime(certificate.not_after)
            return (
                f"validity: {certificate.name} is valid from {first.isoformat()} to {last.isoformat()},"
                f" genTime is {to_datetime(at).isoformat()}"
            )
    return None


def find_path(signer: bytes, *, pool: Sequence[bytes], roots: TrustRoots, at: int) -> tuple[Certificate, ...]:
    """Return a path from the signer's certificate to a trust root that was valid at a time, signer first.

    Names, signatures and constraints are judged once for the same certificates and then remembered, so many
    tokens of one authority cost only the comparison of times.

    Args:
        signer: the signer's certificate, DER.
        pool: further certificates, DER; they may lie on the path and are never trusted.
        roots: where the path must end.
        at: microseconds UTC at which every certificate must be valid, the root too.

    Raises:
        EvidenceError: a certificate cannot be read, no path leads to a root, or each has a flaw; the first one's is
            named.
    """
    paths = _paths(signer, tuple(pool), roots)
    if not paths:
        raise EvidenceError(f"trust: no path leads from {parse_certificate(signer).name} to a trusted root")
    flaws = []
    for path in paths:
        flaw = _flaw(path) or _untimely(path, at)
        if flaw is None:
            return path
        flaws.append(flaw)
    raise EvidenceError(flaws[0])
