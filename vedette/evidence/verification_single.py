"""Verification of a record or token by itself: not necessarily ours, over any data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vedette.clock import to_datetime
from vedette.errors import EvidenceError
from vedette.evidence import der
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.record import hashed, verify_record
from vedette.evidence.statement import read_any_statement
from vedette.evidence.token import VerifiedToken, read_token, token_from_response, verify_response, verify_token
from vedette.evidence.verdict import Check, Verdict, failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms a record or token is judged."""

    roots: TrustRoots
    """Where chains must end."""
    now: int
    """Microseconds since 1970."""
    untrusted: Sequence[bytes] = ()
    """DER certificates that may help to build a chain."""
    query: bytes | None = None
    """TimeStampReq that a response must answer."""
    strict: bool = False
    """The data must be one of our statements."""


def kind_of(evidence: bytes) -> str:
    """Return `record`, `response` or `token`: what a DER file seems to be, by its first field.

    Raises:
        EvidenceError: it is none of them.
    """
    first = der.Reader(evidence).enter(der.SEQUENCE, "evidence").peek()
    kinds = {der.INTEGER: "record", der.SEQUENCE: "response", der.OBJECT_IDENTIFIER: "token"}
    if first not in kinds:
        raise EvidenceError("neither an evidence record nor a time-stamp response or token")
    return kinds[first]


def verify_single(evidence: bytes, data: bytes, *, terms: Terms) -> Verdict:
    """Verify an evidence record (RFC 4998), a time-stamp response or a token (RFC 3161) over `data`."""
    kind = "evidence"
    try:
        kind = kind_of(evidence)
        gen_time, text = _record(evidence, data, terms) if kind == "record" else _stamp(kind, evidence, data, terms)
    except EvidenceError as error:
        return failure(kind, str(error))
    return Verdict(uuid=None, anchored=True, gen_time=gen_time, checks=(Check(name=kind, ok=True, text=text),))


def _record(evidence: bytes, data: bytes, terms: Terms) -> tuple[int, str]:
    if terms.query is not None:
        raise EvidenceError("a query goes with a time-stamp response, not with a record")
    record = verify_record(
        evidence, data, roots=terms.roots, untrusted=terms.untrusted, strict=terms.strict, now=terms.now
    )
    late = "; its last certificate has expired: it should have been renewed" if record.expired else ""
    return record.gen_time, (
        f"the data existed at {to_datetime(record.gen_time).isoformat()} by {record.tokens[0].tsa} "
        f"({len(record.tokens)} archive time-stamps, {record.chains} chains){late}"
    )


def _stamp(kind: str, evidence: bytes, data: bytes, terms: Terms) -> tuple[int, str]:
    if terms.strict:
        read_any_statement(data)
    token = _verified(kind, evidence, data, terms)
    moment = to_datetime(token.gen_time).isoformat()
    return token.gen_time, f"the data existed at {moment} by {token.tsa}, serial number {token.serial}"


def _verified(kind: str, evidence: bytes, data: bytes, terms: Terms) -> VerifiedToken:
    bare = evidence if kind == "token" else token_from_response(evidence)
    digest = read_token(bare).info.digest_algorithm
    imprint = hashed(data, digest)
    if kind == "response":
        return verify_response(
            evidence,
            imprint=imprint,
            digest_algorithm=digest,
            roots=terms.roots,
            untrusted=terms.untrusted,
            query=terms.query,
            now=terms.now,
        )
    if terms.query is not None:
        raise EvidenceError("a query goes with a time-stamp response, not with a bare token")
    return verify_token(
        bare, imprint=imprint, digest_algorithm=digest, roots=terms.roots, untrusted=terms.untrusted, now=terms.now
    )
