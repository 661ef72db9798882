"""Ed25519 signing keys (RFC 8032): each agent has its own, made at enrolment."""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vedette.canonical import sha256_hex
from vedette.errors import ConfigurationError, RefusedError, SignatureError

PUBLIC_KEY_SIZE = 32
SIGNATURE_SIZE = 64


def raw_key(text: str, *, field: str, size: int) -> bytes:
    """Return a public key's bytes from their base64; `field` is what is refused.

    Raises:
        RefusedError: it is not base64 of so many bytes.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError(field, "not base64") from error
    if len(raw) != size:
        raise RefusedError(field, f"must be {size} bytes, not {len(raw)}")
    return raw


class VerifyingKey:
    """The public half of an agent's key."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        """The 32 bytes of the key (RFC 8032)."""

    @classmethod
    def from_text(cls, text: str) -> VerifyingKey:
        """Return the key from its base64 text, as cards carry it.

        Raises:
            RefusedError: it is not base64 of 32 bytes.
        """
        return cls(Ed25519PublicKey.from_public_bytes(raw_key(text, field="public_key", size=PUBLIC_KEY_SIZE)))

    @property
    def text(self) -> str:
        """Base64 of the raw key, as cards and the directory keep it."""
        return base64.b64encode(self.raw).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the raw key, hexadecimal: names the key in a manifest."""
        return sha256_hex(self.raw)

    @property
    def pem(self) -> bytes:
        """The key as SubjectPublicKeyInfo PEM, which OpenSSL reads."""
        return self._key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def verify(self, signature: bytes, data: bytes) -> None:
        """Check a signature.

        Raises:
            SignatureError: it was not made over `data` with this key.
        """
        try:
            self._key.verify(signature, data)
        except InvalidSignature as error:
            raise SignatureError("signature", "does not verify with the enrolled key") from error


class SigningKey:
    """The private half of an agent's key; never printed, never logged."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.verifying = VerifyingKey(key.public_key())
        """The public half."""

    def __repr__(self) -> str:
        return f"SigningKey({self.verifying.fingerprint[:16]})"

    @classmethod
    def generate(cls) -> SigningKey:
        """Make a new key from the operating system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """Read a key from a PKCS #8 PEM file.

        Raises:
            ConfigurationError: the file is missing or not an Ed25519 key.
        """
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise ConfigurationError(str(path), "", f"cannot read the signing key: {error.strerror}") from error
        except (ValueError, TypeError) as error:
            raise ConfigurationError(str(path), "", "is not a PEM private key without password") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigurationError(str(path), "", "is not an Ed25519 key; enrol again to make one")
        return cls(key)

    def save(self, path: Path) -> None:
        """Write the key as PKCS #8 PEM with mode 0600; an existing file is never overwritten.

        Raises:
            ConfigurationError: the file exists or cannot be written.
        """
        data = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
        except OSError as error:
            raise ConfigurationError(str(path), "", f"cannot write the signing key: {error.strerror}") from error

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature over `data`."""
        return self._key.sign(data)
