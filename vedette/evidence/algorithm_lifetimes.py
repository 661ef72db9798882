"""Until when the algorithms under a time-stamp may be relied on: one table, and what a token rests on.

The dates are those of NIST SP 800-57 part 1 rev. 5 (table 4: security strength of 112 bits, until the end of 2030)
and of the draft NIST IR 8547 (tables 2 and 4: RSA and ECDSA disallowed after 2035). SHA-2 has no announced end.
An operator may give earlier dates, as when an algorithm breaks over night.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from vedette.clock import from_datetime
from vedette.errors import EvidenceError
from vedette.evidence.certificates import parse_certificate
from vedette.evidence.token import read_token

Lifetimes = Mapping[str, int | None]
"""Algorithm -> the first moment at which it may not be relied on, microseconds since 1970; None: none is known."""


def _year(year: int) -> int:
    return from_datetime(datetime(year, 1, 1, tzinfo=UTC))


LIFETIMES: Lifetimes = {
    "sha256": None,
    "sha384": None,
    "sha512": None,
    "rsa-2048": _year(2031),
    "rsa-3072": _year(2036),
    "ecdsa-secp256r1": _year(2036),
    "ecdsa-secp384r1": _year(2036),
    "ecdsa-secp521r1": _year(2036),
}
"""The table; RSA keys count by the largest name that they reach."""

STRONGER_DIGESTS = ("sha512", "sha384")
"""What a hash-tree renewal may change to, the best first."""


def algorithms_under(token: bytes, chain: Sequence[bytes]) -> tuple[str, ...]:
    """Return the names of all that a token's signature and its chain (DER, root last) rest on, in order.

    A root's own signature proves nothing, so its digest does not count; its key does.

    Raises:
        EvidenceError: the token or a certificate cannot be read.
    """
    found = {read_token(token).digest_algorithm}
    for place, certificate in enumerate(map(parse_certificate, chain)):
        found.add(_key_name(certificate.x509.public_key()))
        digest = certificate.x509.signature_hash_algorithm
        if digest is not None and place < len(chain) - 1:
            found.add(digest.name)
    return tuple(sorted(found))


def _key_name(key: object) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return "rsa-3072" if key.key_size >= 3072 else "rsa-2048"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ecdsa-{key.curve.name}"
    raise EvidenceError("key: the kind of key is not one that time-stamps may rest on")


def first_end(names: Sequence[str], lifetimes: Lifetimes) -> tuple[int, str] | None:
    """Return when the first of these algorithms ends, and which; None where no end is known.

    A name that is not in the table ends at once: nobody said that it may be relied on.
    """
    ends = [(end, name) for name in names if (end := lifetimes.get(name, 0)) is not None]
    return min(ends, default=None)


def stronger_digest(digest: str, lifetimes: Lifetimes, *, at: int) -> str:
    """Return the digest to change to from `digest` for what must hold beyond `at` (microseconds since 1970).

    Raises:
        EvidenceError: there is none.
    """
    for name in STRONGER_DIGESTS:
        end = lifetimes.get(name, 0)
        if name != digest and (end is None or end > at):
            return name
    raise EvidenceError(f"renewal: no digest is known that outlives {digest}; update Vedette")
