"""Asking a time-stamping authority who it is, before it is trusted."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from vedette.clock import Clock, to_datetime
from vedette.configuration.fetching import FetchingSection
from vedette.errors import ConfigurationError
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.introduction import AuthorityFacts, CertificateFacts, authority_facts, read_roots
from vedette.evidence.profiles import AuthorityProfile
from vedette.evidence.timestamping import HttpAuthority
from vedette.evidence.token import VerifiedToken
from vedette.fetching.client import HttpFetcher
from vedette.fetching.interface import FetchRequest

MAX_ROOTS_FILE = 256 * 1024
"""Bytes of a file of roots."""

TIME_LIMIT = 30.0
"""Seconds for fetching roots, and for the first token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Introduction:
    """An authority that answered."""

    facts: AuthorityFacts
    """What a person judges."""
    roots: TrustRoots
    """What would be trusted."""
    token: VerifiedToken
    """The first token, over a random hash."""


async def fetch_roots(url: str, *, fetching: FetchingSection) -> TrustRoots:
    """Return the roots that an authority publishes; whether they are its own, only a person can tell.

    Raises:
        FetchError: they cannot be fetched.
        ConfigurationError: what came is none.
    """
    limits = fetching.limits.at_most(max_bytes=MAX_ROOTS_FILE, seconds=TIME_LIMIT)
    async with HttpFetcher(policy=fetching.policy, limits=limits) as fetcher:
        fetched = await fetcher.fetch(FetchRequest(url=url))
    return read_roots(fetched.body, place=fetched.url)


def load_roots(file: Path) -> TrustRoots:
    """Return the roots of a file that a person has.

    Raises:
        ConfigurationError: it cannot be read, or holds none.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_ROOTS_FILE + 1)
    except OSError as error:
        raise ConfigurationError(str(file), "", f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_ROOTS_FILE:
        raise ConfigurationError(str(file), "", f"is larger than {MAX_ROOTS_FILE} bytes; is it a file of roots?")
    return read_roots(data, place=str(file))


async def introduce(
    *,
    name: str,
    url: str,
    policy: str | None,
    roots: TrustRoots,
    untrusted: tuple[bytes, ...],
    fetching: FetchingSection,
    clock: Clock,
) -> Introduction:
    """Ask for a token over a random hash, and say what it shows.

    Raises:
        TimestampError: there is none that these roots verify.
    """
    async with HttpAuthority(
        name=name,
        url=url,
        roots=roots,
        external=True,
        clock=clock,
        policy=policy,
        untrusted=untrusted,
        time_limit=TIME_LIMIT,
        fetching=fetching.policy,
    ) as authority:
        asked_at = clock.now()
        token = await authority.stamp(secrets.token_bytes(32))
        answered_at = clock.now()
    facts = authority_facts(token, roots=roots, asked_at=asked_at, answered_at=answered_at)
    return Introduction(facts=facts, roots=roots, token=token)


def described(facts: AuthorityFacts, profile: AuthorityProfile | None) -> list[str]:
    """Return what a person is shown, line by line."""
    accuracy = "not stated" if facts.accuracy is None else f"{facts.accuracy / 1_000_000:g} s"
    offset, round_trip = (moment / 1_000_000 for moment in (facts.offset, facts.round_trip))
    lines = []
    for root in facts.roots:
        lines += ["Root, which would be trusted:", *_certificate_lines(root)]
        if profile is not None:
            same = root.sha256 == profile.root_sha256
            lines.append("  the one that this release knows" if same else "  NOT the one that this release knows")
    return [
        *lines,
        "Signs with:",
        *_certificate_lines(facts.signer),
        f"Policy {facts.policy}, over {facts.digest}, accuracy {accuracy}.",
        f"Its clock less ours: {offset:+.3f} s, in a round trip of {round_trip:.3f} s.",
    ]


def _certificate_lines(certificate: CertificateFacts) -> list[str]:
    first, last = (to_datetime(moment).date() for moment in (certificate.not_before, certificate.not_after))
    digits = certificate.sha256.upper()
    pairs = ":".join(digits[start : start + 2] for start in range(0, len(digits), 2))
    return [f"  {certificate.subject}", f"  valid {first.isoformat()} to {last.isoformat()}", f"  SHA-256 {pairs}"]
