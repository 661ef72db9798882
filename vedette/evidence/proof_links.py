"""One item's proof link by link, for showing: payload, statement, tree, and of each token itself and its certificate.

`spot_check` says whether the proof holds; this says which link of it does not. Both follow the same steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from vedette.errors import EvidenceError
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.spot_check import SpotFacts, StoredStamp, check_stamp, root_from
from vedette.evidence.statement import read_statement
from vedette.evidence.sweep_checks import check_item
from vedette.evidence.token import VerifiedToken, verify_token


class LinkKind(StrEnum):
    """What a link is."""

    PAYLOAD = "payload"
    """The bytes are those whose hash is in the statement."""
    STATEMENT = "statement"
    """The statement says what the store says."""
    TREE = "tree"
    """The statement's hash leads to the root of its batch."""
    TIMESTAMP = "token"
    """An authority's time-stamp is over that root."""
    CERTIFICATE = "certificate"
    """The authority's certificate leads to a root that is trusted here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProofLink:
    """One link of a proof."""

    kind: LinkKind
    """What it is."""
    good: bool | None
    """Whether it holds; None: nobody can tell, because the link before does not."""
    text: str
    """What was found."""
    authority: str = ""
    """Name of the authority, of a token and its certificate."""
    at: int | None = None
    """The time that a token asserts, microseconds since 1970."""
    signer: str = ""
    """Subject of the certificate that signed, where it holds."""


def proof_links(facts: SpotFacts, *, roots: Mapping[str, TrustRoots], now: int) -> list[ProofLink]:
    """Return the links of an item's proof, from the payload to the authorities' certificates.

    Args:
        facts: what is stored.
        roots: roots of each configured authority by its name.
        now: microseconds since 1970.
    """
    links = _item_links(facts)
    try:
        root = root_from(facts)
    except EvidenceError as error:
        return [*links, ProofLink(kind=LinkKind.TREE, good=False, text=str(error))]
    links.append(ProofLink(kind=LinkKind.TREE, good=True, text=f"leads to the batch's root {root.hex()}"))
    for stamp in facts.stamps:
        links += _stamp_links(stamp, facts, root, roots.get(stamp.tsa), now)
    return links


def _item_links(facts: SpotFacts) -> list[ProofLink]:
    flaws = {finding.kind: finding.text for finding in reversed(check_item(facts.item, facts.log))}
    statement = flaws.get("statement")
    links = []
    if facts.item.payload is not None:
        good = "payload" not in flaws if _is_readable(facts.item.statement) else None
        text = flaws.get("payload", "its SHA-256 is the one in the statement" if good else "not judged")
        links.append(ProofLink(kind=LinkKind.PAYLOAD, good=good, text=text))
    text = statement or "says what the store says"
    return [*links, ProofLink(kind=LinkKind.STATEMENT, good=statement is None, text=text)]


def _is_readable(statement: bytes) -> bool:
    """Tell whether a statement names a hash that a payload can be compared with."""
    try:
        read_statement(statement)
    except EvidenceError:
        return False
    return True


def _stamp_links(
    stamp: StoredStamp, facts: SpotFacts, root: bytes, roots: TrustRoots | None, now: int
) -> list[ProofLink]:
    try:
        verified = check_stamp(stamp, facts, root, roots, now)
    except EvidenceError as error:
        return _broken(stamp, root, str(error), now)
    return [
        ProofLink(
            kind=LinkKind.TIMESTAMP,
            good=True,
            text="is over the batch's root, and its signature verifies",
            authority=stamp.tsa,
            at=verified.gen_time,
        ),
        ProofLink(
            kind=LinkKind.CERTIFICATE,
            good=True,
            text="leads to a root that is trusted here",
            authority=stamp.tsa,
            signer=verified.tsa,
        ),
    ]


def _broken(stamp: StoredStamp, root: bytes, flaw: str, now: int) -> list[ProofLink]:
    """Return the links of a token that does not hold: it may be good, and only its certificate not trusted."""
    verified = _alone(stamp, root, now)
    if verified is None:
        return [
            ProofLink(kind=LinkKind.TIMESTAMP, good=False, text=flaw, authority=stamp.tsa),
            ProofLink(kind=LinkKind.CERTIFICATE, good=None, text="not judged", authority=stamp.tsa),
        ]
    return [
        ProofLink(
            kind=LinkKind.TIMESTAMP,
            good=True,
            text="is over the batch's root, and its signature verifies",
            authority=stamp.tsa,
            at=verified.gen_time,
        ),
        ProofLink(kind=LinkKind.CERTIFICATE, good=False, text=flaw, authority=stamp.tsa, signer=verified.tsa),
    ]


def _alone(stamp: StoredStamp, root: bytes, now: int) -> VerifiedToken | None:
    """Return the token if it is good but for trust: verified against the certificates that came with it."""
    pool = tuple(stamp.certificates)
    try:
        return verify_token(
            stamp.token, imprint=root, digest_algorithm="sha256", roots=TrustRoots(pool), untrusted=pool, now=now
        )
    except EvidenceError:
        return None
