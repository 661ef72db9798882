"""X.509 certificates (RFC 5280) as a standard form, invalid ones included."""

from __future__ import annotations

import warnings

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from vedette.canonical import sha256_hex
from vedette.clock import MICROSECONDS, from_datetime
from vedette.tools.observation import Part

MAX_NAMES = 500
"""Subject alternative names that are kept."""

_DAY = 86_400 * MICROSECONDS


class CertificateForm(Part):
    """One certificate."""

    sha256: str
    """SHA-256 of its DER bytes, hexadecimal."""
    subject: str | None = None
    """RFC 4514."""
    issuer: str | None = None
    """RFC 4514."""
    serial_number: str | None = None
    """Hexadecimal."""
    names: tuple[str, ...] = ()
    """Subject alternative names as `DNS:…`, `IP:…`, `URI:…`, `email:…`, `other:<OID>`."""
    not_before: int | None = None
    """Microseconds since 1970, UTC."""
    not_after: int | None = None
    """Microseconds since 1970, UTC."""
    days_left: int | None = None
    """Whole days until `not_after`; negative when it has passed."""
    public_key: str | None = None
    """Algorithm and size, such as `RSA 2048`."""
    signature_algorithm: str | None = None
    """The object identifier's name, or its numbers."""
    problem: str | None = None
    """Why it cannot be read; its fingerprint stands nonetheless."""


def read_certificate(der: bytes, *, now: int) -> CertificateForm:
    """Return the form of a certificate's DER bytes; `now` is microseconds since 1970, UTC."""
    digest = sha256_hex(der)
    try:
        # Odd certificates are what a probe is for: a warning about one is no problem of ours.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read(x509.load_der_x509_certificate(der), digest, now)
    except Exception as error:  # noqa: BLE001 (whatever a server sends must not stop the check)
        return CertificateForm(sha256=digest, problem=f"{type(error).__name__}: {error}"[:500])


def _read(certificate: x509.Certificate, digest: str, now: int) -> CertificateForm:
    not_after = from_datetime(certificate.not_valid_after_utc)
    return CertificateForm(
        sha256=digest,
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial_number=f"{certificate.serial_number:x}",
        names=_names(certificate),
        not_before=from_datetime(certificate.not_valid_before_utc),
        not_after=not_after,
        days_left=(not_after - now) // _DAY,
        public_key=_public_key(certificate),
        signature_algorithm=_algorithm(certificate),
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(_name(name) for name in list(extension.value)[:MAX_NAMES])


def _name(name: x509.GeneralName) -> str:
    if isinstance(name, x509.OtherName):
        return f"other:{name.type_id.dotted_string}"
    if isinstance(name, x509.DirectoryName):
        return f"directory:{name.value.rfc4514_string()}"
    prefixes = {x509.DNSName: "DNS", x509.IPAddress: "IP", x509.UniformResourceIdentifier: "URI"}
    prefix = prefixes.get(type(name), "email" if isinstance(name, x509.RFC822Name) else "other")
    return f"{prefix}:{name.value}"


def _public_key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.strip("_").removesuffix("PublicKey")


def _algorithm(certificate: x509.Certificate) -> str:
    oid = certificate.signature_algorithm_oid
    # cryptography's public name for it is private; the numbers always serve.
    return str(getattr(oid, "_name", None) or oid.dotted_string)
