"""The time-stamps of a bundle: anchored in given roots, or merely vouched for by the bundle's own certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from vedette.clock import to_datetime
from vedette.errors import ConfigurationError, EvidenceError
from vedette.evidence.bundle_contents import BundleContents, BundleToken, certificates_to_pem
from vedette.evidence.certificates import Certificate, TrustRoots, parse_certificate
from vedette.evidence.hashtree import HashPath
from vedette.evidence.record import TokenVerifier, VerifiedRecord, read_record, verify_record
from vedette.evidence.token import VerifiedToken, verify_token
from vedette.evidence.verdict import Check


class RememberedTokens:
    """A token verifier that verifies a token once for all the records that share it."""

    def __init__(self, verifier: TokenVerifier = verify_token, *, limit: int = 1024) -> None:
        self._verifier = verifier
        self._limit = limit
        self._known: dict[tuple[object, ...], VerifiedToken] = {}

    def __call__(
        self,
        token: bytes,
        *,
        imprint: bytes,
        digest_algorithm: str,
        roots: TrustRoots,
        untrusted: Sequence[bytes] = (),
        now: int | None = None,
    ) -> VerifiedToken:
        """Return the verified token.

        Raises:
            EvidenceError: it does not verify; that is not remembered.
        """
        key = (token, imprint, digest_algorithm, roots, tuple(untrusted), now)
        found = self._known.get(key)
        if found is None:
            found = self._verifier(
                token,
                imprint=imprint,
                digest_algorithm=digest_algorithm,
                roots=roots,
                untrusted=untrusted,
                now=now,
            )
            if len(self._known) >= self._limit:
                self._known.clear()
            self._known[key] = found
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class StampTerms:
    """On what terms the time-stamps are judged."""

    roots: TrustRoots | None
    """Given from outside; None: nothing can be anchored."""
    untrusted: Sequence[bytes]
    """DER certificates that may help to build a chain."""
    now: int
    """Microseconds since 1970."""
    verifier: TokenVerifier
    """What verifies a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StampFinding:
    """What was found about one authority's record."""

    check: Check
    """The finding."""
    gen_time: int | None
    """Microseconds since 1970, where it is anchored in the roots given."""
    records: tuple[VerifiedRecord, ...]
    """It as verified on every path that was found."""

    @property
    def tokens(self) -> tuple[VerifiedToken, ...]:
        """Its tokens on every path that was found."""
        return tuple(token for record in self.records for token in record.tokens)


def judge_stamp(contents: BundleContents, token: BundleToken, *, terms: StampTerms) -> StampFinding:
    """Return what one authority's record in a bundle is worth."""
    name = f"time-stamp of {token.name}"
    anchored, reason = _verified(contents, token, terms.roots, terms)
    inside, flaw = _verified(contents, token, _own_roots(contents), terms)
    records = tuple(record for record in (anchored, inside) if record is not None)
    if anchored is not None:
        check = Check(name=name, ok=True, text=_text(anchored, token))
        return StampFinding(check=check, gen_time=anchored.gen_time, records=records)
    if inside is None:
        return StampFinding(check=Check(name=name, ok=False, text=reason or flaw), gen_time=None, records=())
    text = "consistent, but NOT anchored: only the bundle's own chain.pem vouches for it" + (
        reason and f" ({reason})"
    )
    return StampFinding(check=Check(name=name, ok=True, text=text), gen_time=None, records=records)


def _own_roots(contents: BundleContents) -> TrustRoots | None:
    """Return the bundle's own certificates as if they were trusted; None where no root is among them."""
    try:
        return TrustRoots.from_pem(certificates_to_pem(contents.chain), place="chain.pem")
    except (ConfigurationError, EvidenceError):
        return None


def _verified(
    contents: BundleContents, token: BundleToken, roots: TrustRoots | None, terms: StampTerms
) -> tuple[VerifiedRecord | None, str]:
    """Return the record as verified with these roots, or the reason why not."""
    try:
        record = _record_of(token, contents.path)
        if roots is None:
            return None, ""
        verified = verify_record(
            record,
            contents.statement,
            roots=roots,
            untrusted=(*terms.untrusted, *contents.chain),
            strict=True,
            now=terms.now,
            verifier=terms.verifier,
        )
    except EvidenceError as error:
        return None, str(error)
    return verified, ""


def _record_of(token: BundleToken, path: HashPath) -> bytes:
    """Return the record, whose first time-stamp must be the token and path that stand beside it."""
    if token.record is None:
        raise EvidenceError("the record is missing")
    first = read_record(token.record).chains[0][0]
    if (first.token, first.path, first.digest) != (token.token, path, "sha256"):
        raise EvidenceError("the record is not over the token and path beside it")
    return token.record


def _text(record: VerifiedRecord, token: BundleToken) -> str:
    moment = to_datetime(record.gen_time).isoformat()
    worth = "" if token.external else "; SELF-ASSERTED time: the bundle says that the operator runs this authority"
    late = "; its last certificate has expired: it should have been renewed" if record.expired else ""
    renewed = f", renewals: {len(record.tokens) - 1}" if len(record.tokens) > 1 else ""
    return f"existed at {moment} by {record.tokens[0].tsa}{renewed}, anchored in the roots given{worth}{late}"


def certificates_used(contents: BundleContents, tokens: Sequence[VerifiedToken]) -> str:
    """Check that chain.pem holds nothing but certificates that a time-stamp leads through, and say so.

    Raises:
        EvidenceError: it holds another, or a root that was altered.
    """
    if not set(contents.chain) <= {certificate for token in tokens for certificate in token.chain}:
        raise EvidenceError("chain.pem holds a certificate that no time-stamp leads through")
    for certificate in map(parse_certificate, contents.chain):
        if certificate.subject == certificate.issuer and _is_altered(certificate):
            raise EvidenceError(f"chain.pem holds an altered copy of {certificate.name}")
    return f"{len(contents.chain)} in chain.pem, a convenience that is not trusted"


def _is_altered(root: Certificate) -> bool:
    """Tell whether a root's own signature fails; one over a digest that is no longer supported counts as good.

    It proves nothing about the root, so paths do not ask for it; here it shows that a byte was changed.
    """
    try:
        root.x509.verify_directly_issued_by(root.x509)
    except (InvalidSignature, ValueError, TypeError):
        return True
    except UnsupportedAlgorithm:
        return False
    return False
