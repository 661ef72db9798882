"""A private certificate authority in a folder: the only one that our XMPP clients trust (RFC 5280)."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from vedette.clock import Clock, SystemClock, to_datetime
from vedette.errors import ConfigurationError

RENEW_BEFORE = timedelta(days=30)
"""A certificate with less left is made anew."""

CA_LIFETIME = timedelta(days=3650)
"""How long the authority's own certificate is valid."""

LEAF_LIFETIME = timedelta(days=397)
"""How long a server's or client's certificate is valid: a little over a year."""

BACKDATE = timedelta(hours=1)
"""Certificates start this long ago, for peers whose clock is behind."""

XMPP_ADDRESS = ObjectIdentifier("1.3.6.1.5.5.7.8.5")
"""id-on-xmppAddr (RFC 6120 section 13.7.1.4): the JID a client certificate stands for."""


class Authority:
    """The CA of one folder: `ca.pem`, `ca.key`, and what it has signed.

    Keys are P-256: a handshake costs a tenth of RSA-2048's on the server's side. Key files have mode 0600.
    """

    def __init__(self, folder: Path, *, clock: Clock | None = None) -> None:
        self._folder = folder
        self._clock = clock or SystemClock()
        self.ca_file = folder / "ca.pem"
        """The CA's certificate (PEM): what a client is given to verify the server with."""
        self.ca_key_file = folder / "ca.key"
        """The CA's private key (PEM, mode 0600); only needed to issue."""

    def server(self, domain: str, *, names: Sequence[str] = ()) -> tuple[Path, Path]:
        """Return (certificate, key) files of the server of `domain`; kept while good.

        Made anew when missing, when it lacks one of the names, when another CA signed it or when
        it expires within 30 days. `names` are extra host names or IP addresses.

        Raises:
            ConfigurationError: the folder cannot be written or holds something that is not ours.
        """
        wanted = [domain, *names]
        certificate, key = self._folder / "server.pem", self._folder / "server.key"
        if self._is_good(certificate, key, _general_names(wanted)):
            return certificate, key
        self._issue(certificate, key, common_name=domain, names=_general_names(wanted), server=True)
        return certificate, key

    def client(self, jid: str) -> tuple[Path, Path]:
        """Return (certificate, key) files with which `jid` logs in by SASL EXTERNAL (XEP-0178).

        Raises:
            ConfigurationError: the folder cannot be written or holds something that is not ours.
        """
        if "/" in jid or jid.count("@") != 1 or jid.startswith("."):
            raise ConfigurationError("client certificate", "jid", f"{jid!r} is not of the form name@domain")
        encoded = jid.encode()
        if len(encoded) > 127:
            raise ConfigurationError("client certificate", "jid", "is longer than 127 bytes")
        # DER of UTF8String: tag 0x0c, one length byte.
        names: list[x509.GeneralName] = [x509.OtherName(XMPP_ADDRESS, bytes((0x0C, len(encoded))) + encoded)]
        folder = self._folder / "clients"
        certificate, key = folder / f"{jid}.pem", folder / f"{jid}.key"
        if not self._is_good(certificate, key, names):
            self._issue(certificate, key, common_name=jid[:64], names=names, server=False)
        return certificate, key

    def ensure(self) -> None:
        """Make the CA if it is not there or about to expire.

        Raises:
            ConfigurationError: the folder cannot be written or holds something that is not ours.
        """
        self._authority()

    def _now(self) -> datetime:
        return to_datetime(self._clock.now())

    def _authority(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        if self.ca_file.exists() and self.ca_key_file.exists():
            certificate, key = _load_certificate(self.ca_file), _load_key(self.ca_key_file)
            if certificate.not_valid_after_utc - self._now() > RENEW_BEFORE:
                return certificate, key
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder("Vedette private CA", key, lifetime=CA_LIFETIME)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = (
            builder.issuer_name(_name("Vedette private CA"))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        _write_pair(self.ca_file, _pem(certificate), self.ca_key_file, key)
        return certificate, key

    def _builder(
        self, common_name: str, key: ec.EllipticCurvePrivateKey, *, lifetime: timedelta
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_name(common_name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now() - BACKDATE)
            .not_valid_after(self._now() + lifetime)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )

    def _issue(
        self, certificate_file: Path, key_file: Path, *, common_name: str, names: list[x509.GeneralName], server: bool
    ) -> None:
        authority, authority_key = self._authority()
        key = ec.generate_private_key(ec.SECP256R1())
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        certificate = (
            self._builder(common_name[:64], key, lifetime=LEAF_LIFETIME)
            .issuer_name(authority.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(identifier, critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        _write_pair(certificate_file, _pem(certificate), key_file, key)

    def _is_good(self, certificate_file: Path, key_file: Path, names: list[x509.GeneralName]) -> bool:
        if not (certificate_file.exists() and key_file.exists() and self.ca_file.exists()):
            return False
        authority, _ = self._authority()
        certificate = _load_certificate(certificate_file)
        if certificate.not_valid_after_utc - self._now() <= RENEW_BEFORE:
            return False
        try:
            certificate.verify_directly_issued_by(authority)
            present = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
            return False
        return set(names) <= set(present) and _load_key(key_file).public_key() == certificate.public_key()


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _general_names(names: Sequence[str]) -> list[x509.GeneralName]:
    result: list[x509.GeneralName] = []
    for name in dict.fromkeys(names):
        try:
            result.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            try:
                result.append(x509.DNSName(name.encode("idna").decode()))
            except UnicodeError as error:
                raise ConfigurationError("server certificate", "host", f"{name!r} is not a host name") from error
    return result


def _load_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(str(path), "", f"cannot be read as a PEM certificate: {error}") from error


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(str(path), "", "cannot be read as a PEM private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigurationError(str(path), "", "is not an elliptic-curve key; move it away to have one made")
    return key


def _write_pair(certificate_file: Path, certificate: bytes, key_file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        certificate_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _replace(key_file, text, mode=0o600)
        _replace(certificate_file, certificate, mode=0o644)
    except OSError as error:
        raise ConfigurationError(str(certificate_file), "", f"cannot be written: {error.strerror}") from error


def _replace(path: Path, data: bytes, *, mode: int) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
