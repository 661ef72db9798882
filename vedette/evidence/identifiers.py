"""The algorithms and object identifiers of time-stamp tokens (RFC 3161, RFC 5652, RFC 5035, RFC 5754)."""

from __future__ import annotations

from vedette.errors import EvidenceError
from vedette.evidence.der import NULL, OBJECT_IDENTIFIER, SEQUENCE, EncodingError, Reader, to_oid

SIGNED_DATA = "1.2.840.113549.1.7.2"
TST_INFO = "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"

DIGESTS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
"""Digest algorithms that proofs may rest on, by object identifier."""

DIGEST_OIDS = {name: oid for oid, name in DIGESTS.items()}

DIGEST_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}
"""Length of each digest, bytes."""

REFUSED_DIGESTS = {"1.2.840.113549.2.5": "MD5", "1.3.14.3.2.26": "SHA-1"}
"""Broken digests, refused by policy and called by name."""

SIGNATURES: dict[str, tuple[str, str | None]] = {
    "1.2.840.113549.1.1.1": ("rsa", None),
    "1.2.840.113549.1.1.11": ("rsa", "sha256"),
    "1.2.840.113549.1.1.12": ("rsa", "sha384"),
    "1.2.840.113549.1.1.13": ("rsa", "sha512"),
    "1.2.840.10045.4.3.2": ("ecdsa", "sha256"),
    "1.2.840.10045.4.3.3": ("ecdsa", "sha384"),
    "1.2.840.10045.4.3.4": ("ecdsa", "sha512"),
}
"""Signature algorithms that `openssl ts -verify` checks too: kind of key, digest (None: the signer's)."""

REFUSED_SIGNATURES = {
    "1.2.840.113549.1.1.4": "RSA with MD5",
    "1.2.840.113549.1.1.5": "RSA with SHA-1",
    "1.2.840.113549.1.1.10": "RSASSA-PSS",
    "1.2.840.10045.4.1": "ECDSA with SHA-1",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
}
"""Signature algorithms refused by name: broken, or no third party could check them with OpenSSL 3.0."""


def digest_name(oid: str, what: str) -> str:
    """Return the name of a digest algorithm.

    Raises:
        EvidenceError: it is not one that proofs may rest on.
    """
    name = DIGESTS.get(oid)
    if name is None:
        known = REFUSED_DIGESTS.get(oid)
        raise EvidenceError(f"{what}: {known} is broken and refused" if known else f"{what}: unknown digest {oid}")
    return name


def read_algorithm(reader: Reader, what: str) -> str:
    """Return the object identifier of an AlgorithmIdentifier whose parameters are absent or NULL.

    Raises:
        EvidenceError: it is not DER, or has other parameters.
    """
    inside = reader.enter(SEQUENCE, what)
    oid = to_oid(inside.element(what, OBJECT_IDENTIFIER).content)
    parameters = inside.optional(NULL, what)
    if parameters is not None and parameters.content:
        raise EncodingError(f"{what}: NULL has no content")
    if inside.peek() is not None and oid in REFUSED_SIGNATURES:
        inside.elements(what)
    inside.finish(what)
    return oid
