"""The second opinion on a token: rfc3161-client, written by others over OpenSSL.

A token counts only if both verifiers accept it. Where rfc3161-client is known to differ from RFC 3161, the
difference is met here by name:

- it wants a whole TimeStampResp and refuses PKIStatus grantedWithMods: it gets the bare token in a response
  that says granted; the real status is judged in `vedette.evidence.token`;
- it looks for the signer among the embedded certificates, and refuses them unless in DER's order: a token that
  leaves the signer out, or orders them otherwise, is shown to it with the chain in their place (they are not
  under the signature);
- every certificate that it is given becomes a trust anchor: it gets no self-signed one but the roots;
- it does not check ESSCertID: only ours does.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from cryptography import x509
from rfc3161_client import VerificationError, Verifier, VerifierBuilder, decode_timestamp_response

from vedette.errors import EvidenceError
from vedette.evidence import der
from vedette.evidence.certificates import Certificate, TrustRoots, parse_certificate
from vedette.evidence.exchange import granted
from vedette.evidence.identifiers import SIGNED_DATA
from vedette.evidence.signed_data import SignedToken


@lru_cache(maxsize=256)
def _roots(roots: TrustRoots, name: bytes) -> list[x509.Certificate]:
    """Return the trusted roots of this name: a store of all would be built anew for each token."""
    parsed = [parse_certificate(root) for root in roots.certificates]
    return [certificate.x509 for certificate in parsed if certificate.self_signed and certificate.subject == name]


def _presentable(token: bytes, signed: SignedToken, path: Sequence[Certificate]) -> bytes:
    """Return the token, or one with the chain in place of certificates that rfc3161-client cannot use."""
    embedded = signed.certificates
    if path[0].der in embedded and list(embedded) == sorted(embedded):
        return token
    chain = sorted(certificate.der for certificate in path)
    data = der.sequence(signed.head, der.encode(0xA0, *chain), signed.signer_infos)
    return der.sequence(der.oid(SIGNED_DATA), der.encode(0xA0, data))


def confirm(
    token: bytes,
    *,
    signed: SignedToken,
    path: Sequence[Certificate],
    roots: TrustRoots,
    imprint: bytes,
    nonce: int | None,
    policy: str | None,
) -> None:
    """Ask rfc3161-client whether it accepts the token too.

    Raises:
        EvidenceError: it does not; its reason is in the message.
    """
    try:
        response = decode_timestamp_response(granted(_presentable(token, signed, path)))
        _verifier(path, roots, nonce, policy).verify(response, imprint)
    except (VerificationError, ValueError, TypeError, OverflowError, Warning) as error:
        raise EvidenceError(f"second opinion: rfc3161-client refuses the token: {error}") from error


def _verifier(path: Sequence[Certificate], roots: TrustRoots, nonce: int | None, policy: str | None) -> Verifier:
    """Return rfc3161-client's verifier for one token."""
    between = [certificate.x509 for certificate in path[:-1] if not certificate.self_signed]
    return VerifierBuilder(
        policy_id=None if policy is None else x509.ObjectIdentifier(policy),
        intermediates=between,
        roots=_roots(roots, path[-1].subject),
        nonce=nonce,
    ).build()
