"""The local authority's folder: its root, its time-stamping certificate and their keys."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vedette.clock import Clock, from_datetime, to_datetime
from vedette.errors import ConfigurationError

ROOT_NAME = "Vedette local root (self-asserted)"
AUTHORITY_NAME = "Vedette local time (self-asserted)"
"""Subject of the time-stamping certificate: nobody who reads it can take it for an independent clock."""

ROOT_DAYS = 7_300
AUTHORITY_DAYS = 3_650

_KEYS = ("root.key", "tsa.key")
_CERTIFICATES = ("roots.pem", "tsa.pem")


@dataclass(frozen=True, kw_only=True)
class AuthorityIdentity:
    """What the local authority signs with."""

    key: ec.EllipticCurvePrivateKey
    """P-256; never printed, never logged."""
    certificate: bytes
    """The time-stamping certificate, DER."""
    roots_pem: bytes
    """The root that verifiers must be given, PEM."""
    not_before: int
    """Start of the certificate's validity, microseconds UTC."""
    not_after: int
    """End of the certificate's validity, microseconds UTC."""


def roots_path(folder: Path) -> Path:
    """Return the file that verifiers must be given (`--trust`, `openssl ts -CAfile`)."""
    return folder / "roots.pem"


def create_identity(folder: Path, *, clock: Clock) -> AuthorityIdentity:
    """Make a root, a time-stamping certificate and their keys (mode 0600) in a folder.

    Raises:
        ConfigurationError: the folder already holds an authority, or cannot be written.
    """
    if any((folder / name).exists() for name in (*_KEYS, *_CERTIFICATES)):
        raise ConfigurationError(str(folder), "", "already holds an authority; choose another folder")
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _root_certificate(root_key, clock)
    certificate = _authority_certificate(key, root_key=root_key, root=root, clock=clock)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, private in zip(_KEYS, (root_key, key), strict=True):
            data = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            _write(folder / name, data, mode=0o600)
        # Certificates last: a folder that has them all is complete.
        for name, made in zip(_CERTIFICATES, (root, certificate), strict=True):
            _write(folder / name, made.public_bytes(Encoding.PEM), mode=0o644)
    except OSError as error:
        raise ConfigurationError(str(folder), "", f"cannot write the authority: {error.strerror}") from error
    return load_identity(folder)


def load_identity(folder: Path) -> AuthorityIdentity:
    """Read the authority of a folder.

    Raises:
        ConfigurationError: there is none, it is incomplete, or its files do not belong together.
    """
    try:
        roots_pem = roots_path(folder).read_bytes()
        certificate = x509.load_pem_x509_certificate((folder / "tsa.pem").read_bytes())
        key = load_pem_private_key((folder / "tsa.key").read_bytes(), password=None)
    except OSError as error:
        hint = "make one with 'vedette tsa init'"
        raise ConfigurationError(str(folder), "", f"holds no complete authority ({error}); {hint}") from error
    except (ValueError, TypeError) as error:
        raise ConfigurationError(str(folder), "", f"holds a damaged authority: {error}") from error
    curve = key.curve.name if isinstance(key, ec.EllipticCurvePrivateKey) else "another kind"
    if not isinstance(key, ec.EllipticCurvePrivateKey) or curve != "secp256r1":
        raise ConfigurationError(str(folder), "tsa.key", f"must be a P-256 key, is {curve}")
    if certificate.public_key() != key.public_key():
        raise ConfigurationError(str(folder), "tsa.key", "does not belong to the certificate in tsa.pem")
    return AuthorityIdentity(
        key=key,
        certificate=certificate.public_bytes(Encoding.DER),
        roots_pem=roots_pem,
        not_before=from_datetime(certificate.not_valid_before_utc),
        not_after=from_datetime(certificate.not_valid_after_utc),
    )


def load_or_create_identity(folder: Path, *, clock: Clock) -> AuthorityIdentity:
    """Read the authority of a folder; make one where the folder has none of its files.

    Raises:
        ConfigurationError: as `load_identity` and `create_identity`.
    """
    if any((folder / name).exists() for name in (*_KEYS, *_CERTIFICATES)):
        return load_identity(folder)
    return create_identity(folder, clock=clock)


def _write(path: Path, data: bytes, *, mode: int) -> None:
    """Write a new file with this mode from the start, never over an existing one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _name(common_name: str) -> x509.Name:
    """Return a subject."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Vedette"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(subject: str, key: ec.EllipticCurvePrivateKey, *, days: int, clock: Clock) -> x509.CertificateBuilder:
    """Return what both certificates have in common; valid from an hour ago, as clocks differ."""
    now = to_datetime(clock.now()).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(ROOT_NAME))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    """Return the usage of the signer's key, else of the root's."""
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs,
        crl_sign=not signs,
        encipher_only=False,
        decipher_only=False,
    )


def _root_certificate(key: ec.EllipticCurvePrivateKey, clock: Clock) -> x509.Certificate:
    """Return the self-signed root, which may issue end certificates only."""
    return (
        _builder(ROOT_NAME, key, days=ROOT_DAYS, clock=clock)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs=False), critical=True)
        .sign(key, hashes.SHA256())
    )


def _authority_certificate(
    key: ec.EllipticCurvePrivateKey, *, root_key: ec.EllipticCurvePrivateKey, root: x509.Certificate, clock: Clock
) -> x509.Certificate:
    """Return the time-stamping certificate (RFC 3161 section 2.3: that usage alone, and critical)."""
    issuer_key = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        _builder(AUTHORITY_NAME, key, days=AUTHORITY_DAYS, clock=clock)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key), critical=False)
        .sign(root_key, hashes.SHA256())
    )
