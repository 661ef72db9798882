"""Revocation lists and answers kept with the evidence: which revocations void a time-stamp, and which do not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum

from vedette.clock import to_datetime
from vedette.errors import EvidenceError
from vedette.evidence.ocsp import read_answer
from vedette.evidence.record import VerifiedRecord
from vedette.evidence.revocation_points import Revocation, RevocationFinding, read_list
from vedette.evidence.token import VerifiedToken


class StatusKind(StrEnum):
    """The two forms in which an issuer says what it revoked; the value ends a file's name."""

    LIST = "crl"
    """A certificate revocation list (RFC 5280 section 5)."""
    ANSWER = "ocsp"
    """A responder's answer (RFC 6960)."""


def read_status(kind: StatusKind, data: bytes, chain: Sequence[bytes]) -> RevocationFinding:
    """Return what a list or an answer (DER) says about the certificates of a chain (DER, root last).

    Raises:
        EvidenceError: it is not one, or its signer may not speak of any of them.
    """
    return read_answer(data, chain) if kind is StatusKind.ANSWER else read_list(data, chain)


def covered_since(records: Iterable[VerifiedRecord]) -> dict[bytes, int]:
    """Return since when (microseconds since 1970) each token is covered by a later one of another chain.

    A token is judged at the time of the next (RFC 4998 section 5.3), so what happens to its key after is harmless.
    """
    found: dict[bytes, int] = {}
    for record in records:
        for place, token in enumerate(record.tokens):
            later = (other.gen_time for other in record.tokens[place + 1 :] if other.chain != token.chain)
            if (moment := next(later, None)) is not None:
                found[token.token] = moment
    return found


def check_revocation(
    kept: Mapping[str, bytes], tokens: Iterable[VerifiedToken], *, covered: Mapping[bytes, int] | None = None
) -> str:
    """Check kept revocation lists and responders' answers (DER, by file name) against verified tokens.

    Returns what was found. `covered` says since when a token is covered by a renewal, as `covered_since` does.

    Raises:
        EvidenceError: one is not what its name says, its signer may not speak of a certificate that a token leads
            through, or it revokes one in a way that voids its token: compromise, no stated reason, or before genTime.
    """
    known = tuple(tokens)
    if not kept:
        return "no revocation lists were kept: the authorities named none, or none could be had"
    chains = tuple(dict.fromkeys(token.chain for token in known))
    unknown: dict[str, None] = {}
    for name, data in kept.items():
        findings = _findings(name, data, chains)
        for token in known:
            for revocation in findings[token.chain].revocations if token.chain in findings else ():
                _check_revocation(revocation, token, (covered or {}).get(token.token))
        unknown.update(dict.fromkeys(name for finding in findings.values() for name in finding.unknown))
    return f"{_counted(kept)}, none voids a time-stamp" + "".join(
        f"; UNKNOWN: a responder says that it does not know {name}" for name in unknown
    )


def _findings(
    name: str, data: bytes, chains: Iterable[tuple[bytes, ...]]
) -> dict[tuple[bytes, ...], RevocationFinding]:
    """Return what it says of each chain that it speaks of: of one at least."""
    found: dict[tuple[bytes, ...], RevocationFinding] = {}
    flaw: EvidenceError | None = None
    for chain in chains:
        try:
            found[chain] = read_status(_kind(name), data, chain)
        except EvidenceError as error:
            flaw = error
    if not found:
        raise EvidenceError(f"crls/{name}: {flaw or 'there is no time-stamp that it could speak of'}") from flaw
    return found


def _kind(name: str) -> StatusKind:
    return StatusKind.ANSWER if name.endswith(f".{StatusKind.ANSWER}") else StatusKind.LIST


def _counted(kept: Collection[str]) -> str:
    answers = sum(_kind(name) is StatusKind.ANSWER for name in kept)
    lists = len(kept) - answers
    parts = [f"{lists} revocation lists"] if lists else []
    return " and ".join([*parts, f"{answers} answers of responders"] if answers else parts)


def _check_revocation(revocation: Revocation, token: VerifiedToken, covered: int | None) -> None:
    if not revocation.voids(token.gen_time) or (covered is not None and covered < revocation.at):
        return
    moment = to_datetime(revocation.at).isoformat()
    raise EvidenceError(f"{revocation.name} was revoked at {moment} ({revocation.reason}): its time-stamps are void")
