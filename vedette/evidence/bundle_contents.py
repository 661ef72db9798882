"""What a bundle is made of, as values: everything else in it is a function of these."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from vedette.clock import MICROSECONDS
from vedette.errors import EvidenceError
from vedette.evidence.deletion import Deletion
from vedette.evidence.hashtree import HashPath
from vedette.evidence.token import read_token
from vedette.messages.batch import Signed
from vedette.signing import VerifyingKey

_PEM_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE-----\n", re.ASCII
)
TSA_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}\Z")
"""What a time-stamping authority may be called in a bundle: its name is part of file names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleToken:
    """One authority's proof of the batch."""

    name: str
    """The authority's name, such as `freetsa`; goes into file names."""
    external: bool
    """An authority outside the operator's hands; otherwise its time is self-asserted."""
    token: bytes
    """The token over the batch's root, a DER ContentInfo."""
    gen_time: int
    """Microseconds since 1970: the verified genTime of the token."""
    record: bytes | None = None
    """The RFC 4998 record where it was renewed; None: one is made of path and token."""

    @property
    def attime(self) -> int:
        """Seconds since 1970, for OpenSSL's `-attime`."""
        return self.gen_time // MICROSECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleContents:
    """What `build_bundle` needs."""

    payload: bytes | None
    """The raw decoded payload; None where it was deleted or is left out."""
    statement: bytes
    """The statement as it was written at commit."""
    manifest: Signed | None
    """The signed manifest that the item came with; None for an unsigned item."""
    agent_key_pem: bytes | None
    """The agent's public key as PEM; None for an unsigned item."""
    batch_statement: bytes
    """The statement of the batch."""
    path: HashPath
    """Path from the statement's leaf to the batch's root."""
    batch_path: HashPath
    """Path from the batch leaf to the same root."""
    tokens: Sequence[BundleToken]
    """One or more authorities' proofs."""
    format: str
    """Format of the payload, such as `nmap-xml`, as it was stored; not part of the statement."""
    chain: Sequence[bytes] = ()
    """DER certificates that the tokens lead through (`VerifiedToken.chain` of each, roots included): a convenience
    for openssl, never trusted. Any other certificate fails verification."""
    crls: Mapping[str, bytes] = field(default_factory=dict)
    """DER certificate revocation lists by file name, as collected at stamping time, each issued by one in `chain`."""
    deletion: Deletion | None = None
    """What the operator says of a payload that was deleted; None where it was not, or nothing is known of it."""


def token_gen_time(token: bytes) -> int:
    """Return what a token says its genTime is, in microseconds since 1970; nothing is verified.

    Raises:
        EvidenceError: it is not an RFC 3161 token.
    """
    return read_token(token).info.gen_time


def certificates_to_pem(certificates: Sequence[bytes]) -> bytes:
    """Return DER certificates as PEM (RFC 7468)."""
    return b"".join(
        b"-----BEGIN CERTIFICATE-----\n" + _wrapped(base64.b64encode(der)) + b"-----END CERTIFICATE-----\n"
        for der in certificates
    )


def _wrapped(text: bytes) -> bytes:
    return b"".join(text[start : start + 64] + b"\n" for start in range(0, len(text), 64))


def certificates_from_pem(pem: bytes) -> tuple[bytes, ...]:
    """Return the DER certificates of a PEM file.

    Raises:
        EvidenceError: it is not base64.
    """
    try:
        return tuple(
            base64.b64decode(body.replace(b"\n", b""), validate=True) for body in _PEM_CERTIFICATE.findall(pem)
        )
    except (binascii.Error, ValueError) as error:
        raise EvidenceError("chain.pem: is not base64") from error


def read_public_key(pem: bytes) -> VerifyingKey:
    """Return an agent's public key from SubjectPublicKeyInfo PEM.

    Raises:
        EvidenceError: it is not an Ed25519 public key.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EvidenceError("agent's key: is not a PEM public key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise EvidenceError("agent's key: is not an Ed25519 key")
    return VerifyingKey(key)
