"""Trust roots, and certificates read from DER (RFC 5280)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtensionOID

from vedette.clock import from_datetime
from vedette.errors import ConfigurationError, EvidenceError

_AUTHORITY_KEY, _OWN_KEY = ExtensionOID.AUTHORITY_KEY_IDENTIFIER, ExtensionOID.SUBJECT_KEY_IDENTIFIER

MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
    Warning,
)
"""What reading a damaged certificate raises; warnings where they are made errors, as for what the next release of
cryptography refuses."""


@dataclass(frozen=True)
class TrustRoots:
    """Certificates that are trusted because an operator or auditor gave them; never taken from a token."""

    certificates: tuple[bytes, ...]
    """DER; the self-signed ones end a path, others may lie on it."""

    @classmethod
    def from_pem(cls, data: bytes, *, place: str) -> TrustRoots:
        """Read PEM certificates; `place` names their origin in errors.

        Raises:
            ConfigurationError: there is none, one is damaged, or none is self-signed (a root).
        """
        roots = read_certificates(data, place=place)
        if not any(parse_certificate(root).self_signed for root in roots):
            raise ConfigurationError(place, "", "holds no root: give the authority's self-signed certificate")
        return cls(roots)

    @classmethod
    def load(cls, path: Path) -> TrustRoots:
        """Read a PEM file of certificates.

        Raises:
            ConfigurationError: the file cannot be read, or as `from_pem`.
        """
        return cls.from_pem(_read(path), place=str(path))


def read_certificates(data: bytes, *, place: str) -> tuple[bytes, ...]:
    """Return PEM certificates as DER, each once; `place` names their origin in errors.

    Raises:
        ConfigurationError: there is none, or one is damaged.
    """
    try:
        with warnings.catch_warnings():
            # Whoever gives a root wants it trusted, old-fashioned or not; system bundles hold such.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            found = x509.load_pem_x509_certificates(data)
            certificates = tuple(dict.fromkeys(certificate.public_bytes(Encoding.DER) for certificate in found))
            for certificate in certificates:
                parse_certificate(certificate)
    except (*MALFORMED, EvidenceError) as error:
        raise ConfigurationError(place, "", f"holds no readable PEM certificates: {error}") from error
    return certificates


def load_certificates(path: Path) -> tuple[bytes, ...]:
    """Return the certificates of a PEM file as DER: intermediates, of which nothing is trusted.

    Raises:
        ConfigurationError: the file cannot be read, or as `read_certificates`.
    """
    return read_certificates(_read(path), place=str(path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(str(path), "", f"cannot read the certificates: {error.strerror}") from error


@dataclass(frozen=True, eq=False)
class Certificate:
    """A certificate as read from its DER, with what paths are made of."""

    der: bytes
    x509: x509.Certificate
    subject: bytes
    """Name in DER."""
    issuer: bytes
    """Name in DER."""
    serial: int
    not_before: int
    """Microseconds UTC."""
    not_after: int
    """Microseconds UTC."""

    @property
    def name(self) -> str:
        """The subject for people, RFC 4514."""
        return self.x509.subject.rfc4514_string()

    @cached_property
    def self_signed(self) -> bool:
        """Whether it names itself as its issuer, by name and key identifier.

        The signature is not checked, as OpenSSL does not either: it proves nothing, and old roots use SHA-1.
        """
        if self.subject != self.issuer:
            return False
        try:
            above, own = (extension(self, oid) for oid in (_AUTHORITY_KEY, _OWN_KEY))
        except MALFORMED:
            return False
        if above is None or own is None:
            return True
        named = above.value.key_identifier if isinstance(above.value, x509.AuthorityKeyIdentifier) else None
        return named is None or (
            isinstance(own.value, x509.SubjectKeyIdentifier) and named == own.value.key_identifier
        )


@lru_cache(maxsize=1024)
def parse_certificate(data: bytes) -> Certificate:
    """Return a certificate read from DER.

    Raises:
        EvidenceError: it is not an X.509 version 3 certificate.
    """
    try:
        certificate = x509.load_der_x509_certificate(data)
        if certificate.version is not x509.Version.v3:
            raise EvidenceError("certificate: not X.509 version 3")
        return Certificate(
            data,
            certificate,
            subject=certificate.subject.public_bytes(),
            issuer=certificate.issuer.public_bytes(),
            serial=certificate.serial_number,
            not_before=from_datetime(certificate.not_valid_before_utc),
            not_after=from_datetime(certificate.not_valid_after_utc),
        )
    except MALFORMED as error:
        raise EvidenceError(f"certificate: cannot be read: {error}") from error


@lru_cache(maxsize=256)
def check_revocation_list(data: bytes) -> None:
    """Check that the bytes are a certificate revocation list; what it says is not judged here.

    Raises:
        EvidenceError: they are not.
    """
    try:
        x509.load_der_x509_crl(data)
    except MALFORMED as error:
        raise EvidenceError(f"crls: a revocation list cannot be read: {error}") from error


def extension(certificate: Certificate, oid: x509.ObjectIdentifier) -> x509.Extension[x509.ExtensionType] | None:
    """Return the extension, or None where the certificate has none."""
    return next((found for found in certificate.x509.extensions if found.oid == oid), None)
