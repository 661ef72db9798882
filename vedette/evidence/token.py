"""Verification of an RFC 3161 time-stamp token over its original bytes, by two verifiers that must agree.

Ours checks everything that RFC 3161, RFC 5652 and RFC 5816 ask; `vedette.evidence.second_opinion` asks another.
Nothing here does I/O and nothing inside a token is trusted: trust comes from the roots that the caller gives.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from vedette.clock import MICROSECONDS, to_datetime
from vedette.errors import EvidenceError
from vedette.evidence import second_opinion
from vedette.evidence.certificates import Certificate, TrustRoots, check_revocation_list, parse_certificate
from vedette.evidence.certification_path import find_path
from vedette.evidence.exchange import read_query, token_from_response
from vedette.evidence.names import same_name, subject_names
from vedette.evidence.signed_data import CertificateId, SignedToken, read_signed_token
from vedette.evidence.token_info import TokenInfo, read_token_info

__all__ = [
    "UnverifiedToken",
    "VerifiedToken",
    "read_token",
    "token_from_response",
    "verify_response",
    "verify_token",
]

MAX_FUTURE = 60 * MICROSECONDS
"""How far genTime may lie after `now`: clocks differ, microseconds."""

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True, kw_only=True)
class VerifiedToken:
    """A token that both verifiers accept, with what it says."""

    token: bytes
    """TimeStampToken, the original DER."""
    gen_time: int
    """When the authority stamped, microseconds UTC."""
    accuracy: int | None
    """How far genTime may be off, microseconds; None: not stated."""
    policy: str
    """The authority's policy, dotted."""
    serial: int
    """The token's number at this authority."""
    digest_algorithm: str
    """The imprint's algorithm, such as `sha256`."""
    imprint: bytes
    """The hash that was stamped."""
    nonce: int | None
    """The request's nonce, repeated."""
    tsa: str
    """The signer's subject, RFC 4514."""
    chain: tuple[bytes, ...]
    """Certificates in DER, the signer's first, the trusted root last."""
    not_after: int
    """Earliest end of validity in the chain without its root, microseconds UTC."""


@dataclass(frozen=True, kw_only=True)
class UnverifiedToken:
    """What a token claims; nothing of it is checked but its form."""

    info: TokenInfo
    """The signed fields."""
    certificates: tuple[bytes, ...]
    """Embedded certificates, DER."""
    revocation: tuple[bytes, ...]
    """Embedded certificate revocation lists, DER."""
    digest_algorithm: str
    """The digest under the signature, whose strength the token rests on too."""


def read_token(token: bytes) -> UnverifiedToken:
    """Return what a token claims, unverified: to find its imprint, or the certificates to ask for.

    Raises:
        EvidenceError: the bytes are no TimeStampToken in DER, or use what is refused by policy.
    """
    signed = read_signed_token(token)
    return UnverifiedToken(
        info=read_token_info(signed.content),
        certificates=signed.certificates,
        revocation=signed.revocation,
        digest_algorithm=signed.signer.digest_algorithm,
    )


def verify_token(
    token: bytes,
    *,
    imprint: bytes,
    digest_algorithm: str,
    roots: TrustRoots,
    untrusted: Sequence[bytes] = (),
    nonce: int | None = None,
    policy: str | None = None,
    now: int | None = None,
) -> VerifiedToken:
    """Verify a token (RFC 3161 section 2.2; RFC 5652 section 5.6; RFC 5816) with both verifiers.

    Args:
        token: TimeStampToken in DER.
        imprint: the hash that must have been stamped.
        digest_algorithm: its algorithm, such as `sha256`.
        roots: where the signer's chain must end.
        untrusted: further certificates in DER for the chain.
        nonce: the nonce that the token must repeat; None: not judged.
        policy: the policy that the token must name, dotted; None: any.
        now: microseconds UTC that genTime must not lie after; None: not judged.

    Raises:
        EvidenceError: a check failed; the message begins with its name.
    """
    verified = _verify(token, imprint, digest_algorithm, roots, tuple(untrusted), nonce, policy)
    if now is not None and verified.gen_time > now + MAX_FUTURE:
        raise EvidenceError(f"genTime: {to_datetime(verified.gen_time).isoformat()} lies in the future")
    return verified


@lru_cache(maxsize=512)
def _verify(
    token: bytes,
    imprint: bytes,
    digest_algorithm: str,
    roots: TrustRoots,
    untrusted: tuple[bytes, ...],
    nonce: int | None,
    policy: str | None,
) -> VerifiedToken:
    """Verify all that does not depend on now: remembered, as every record of a batch holds the same token."""
    signed = read_signed_token(token)
    info = read_token_info(signed.content)
    _check_claims(info, imprint=imprint, digest_algorithm=digest_algorithm, nonce=nonce, policy=policy)
    signer = _find_signer(signed, untrusted)
    path = find_path(signer.der, pool=(*signed.certificates, *untrusted), roots=roots, at=info.gen_time)
    _check_certificate_ids(signed.signer.certificate_ids, path)
    _check_signature(signed, signer)
    if info.tsa is not None and not any(same_name(info.tsa, name) for name in subject_names(signer)):
        raise EvidenceError("tsa: the authority's name in the token is not one of its certificate's")
    second_opinion.confirm(token, signed=signed, path=path, roots=roots, imprint=imprint, nonce=nonce, policy=policy)
    return VerifiedToken(
        token=token,
        gen_time=info.gen_time,
        accuracy=info.accuracy,
        policy=info.policy,
        serial=info.serial,
        digest_algorithm=info.digest_algorithm,
        imprint=info.imprint,
        nonce=info.nonce,
        tsa=signer.name,
        chain=tuple(certificate.der for certificate in path),
        not_after=min(certificate.not_after for certificate in path[:-1] or path),
    )


def verify_response(
    response: bytes,
    *,
    imprint: bytes,
    digest_algorithm: str,
    roots: TrustRoots,
    untrusted: Sequence[bytes] = (),
    nonce: int | None = None,
    policy: str | None = None,
    now: int | None = None,
    query: bytes | None = None,
) -> VerifiedToken:
    """Verify a TimeStampResp (RFC 3161 section 2.4.2), and that it answers `query` where that is given.

    Args:
        response: TimeStampResp in DER.
        imprint: as in `verify_token`.
        digest_algorithm: as in `verify_token`.
        roots: as in `verify_token`.
        untrusted: as in `verify_token`.
        nonce: as in `verify_token`; the query's where that is given.
        policy: as in `verify_token`; the query's where that names one.
        now: as in `verify_token`.
        query: TimeStampReq in DER that the response must answer.

    Raises:
        EvidenceError: the authority refused, a check failed, or the query asks for something else.
    """
    token = token_from_response(response)
    if query is not None:
        asked = read_query(query)
        if (asked.digest_algorithm, asked.imprint) != (digest_algorithm, imprint):
            raise EvidenceError("query: asks for the time-stamp of something else")
        if None not in {nonce, asked.nonce} and nonce != asked.nonce:
            raise EvidenceError("query: has another nonce")
        if None not in {policy, asked.policy} and policy != asked.policy:
            raise EvidenceError("query: asks for another policy")
        nonce = asked.nonce if nonce is None else nonce
        policy = policy or asked.policy
    return verify_token(
        token,
        imprint=imprint,
        digest_algorithm=digest_algorithm,
        roots=roots,
        untrusted=untrusted,
        nonce=nonce,
        policy=policy,
        now=now,
    )


def _check_claims(
    info: TokenInfo, *, imprint: bytes, digest_algorithm: str, nonce: int | None, policy: str | None
) -> None:
    """Check that the token is about what was asked."""
    if info.digest_algorithm != digest_algorithm:
        raise EvidenceError(f"imprint algorithm: {info.digest_algorithm} was stamped, not {digest_algorithm}")
    if not hmac.compare_digest(info.imprint, imprint):
        raise EvidenceError("imprint: the token is over other data")
    if nonce is not None and info.nonce != nonce:
        raise EvidenceError("nonce: " + ("missing" if info.nonce is None else "not the one that was sent"))
    if policy is not None and info.policy != policy:
        raise EvidenceError(f"policy: the token names {info.policy}, not {policy}")


def _find_signer(signed: SignedToken, untrusted: Sequence[bytes]) -> Certificate:
    """Return the certificate that the SignerInfo names and the first ESSCertID confirms."""
    wanted = (signed.signer.issuer, signed.signer.serial)
    # Each must be readable, needed or not: OpenSSL refuses a token whole if it cannot read all of it.
    offered = [parse_certificate(data) for data in (*signed.certificates, *untrusted)]
    for data in signed.revocation:
        check_revocation_list(data)
    named = [certificate for certificate in offered if (certificate.issuer, certificate.serial) == wanted]
    if not named:
        raise EvidenceError("signer: its certificate is neither in the token nor among those given")
    for certificate in named:
        if all(_identifies(ids[0], certificate) for ids in signed.signer.certificate_ids):
            return certificate
    raise EvidenceError("ESSCertID: does not identify the signer's certificate")


def _identifies(identity: CertificateId, certificate: Certificate) -> bool:
    """Tell whether an ESSCertID names this certificate (RFC 5035 section 5)."""
    # SHA-1 only where the first form of ESSCertID fixes it; it backs up the signature's own digest there.
    digest = hashlib.new(identity.digest_algorithm, certificate.der, usedforsecurity=False).digest()
    if not hmac.compare_digest(digest, identity.digest):
        return False
    if identity.serial is None:
        return True
    return (identity.issuer, identity.serial) == (certificate.issuer, certificate.serial)


def _check_certificate_ids(lists: tuple[tuple[CertificateId, ...], ...], path: Sequence[Certificate]) -> None:
    """Check that further ESSCertIDs name certificates of the chain, as OpenSSL 3.0 does."""
    for identity in (identity for ids in lists for identity in ids[1:]):
        if not any(_identifies(identity, certificate) for certificate in path[1:]):
            raise EvidenceError("ESSCertID: names a certificate that is not in the chain")


def _check_signature(signed: SignedToken, certificate: Certificate) -> None:
    """Check the content's digest and the signature over the attributes (RFC 5652 sections 5.4 and 5.6)."""
    signer = signed.signer
    digest = hashlib.new(signer.digest_algorithm, signed.content).digest()
    if not hmac.compare_digest(digest, signer.message_digest):
        raise EvidenceError("message-digest attribute: is not the digest of the content")
    key, algorithm = certificate.x509.public_key(), _HASHES[signer.digest_algorithm]
    try:
        if isinstance(key, rsa.RSAPublicKey) and signer.key_kind == "rsa":
            key.verify(signer.signature, signer.signed_attributes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and signer.key_kind == "ecdsa":
            key.verify(signer.signature, signer.signed_attributes, ec.ECDSA(algorithm))
        else:
            raise EvidenceError("signature algorithm: does not fit the key in the signer's certificate")
    except InvalidSignature as error:
        raise EvidenceError("signature: does not verify with the signer's certificate") from error
