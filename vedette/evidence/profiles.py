"""Public time-stamping authorities by name: where they are and what they ask of those who use them.

A profile carries no trust: roots are fetched from the authority and confirmed by a person, by their fingerprints.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from vedette.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class AuthorityProfile:
    """What is known of a public authority."""

    name: str
    """How configuration and commands call it."""
    url: str
    """Where requests are posted. Plain `http` is the authorities' own choice: tokens are signed, nonces are new."""
    policy: str | None
    """The policy that its tokens name, dotted; None: not pinned, it may change."""
    roots_url: str | None
    """Where its root is published, PEM; None: no lasting address is known, take it from the authority's own pages."""
    seconds_between: float
    """Pause that it asks for between requests, seconds; 0: none is known."""


PROFILES = {
    profile.name: profile
    for profile in (
        AuthorityProfile(
            name="freetsa",
            url="https://freetsa.org/tsr",
            policy="1.2.3.4.1",
            roots_url="https://freetsa.org/files/cacert.pem",
            seconds_between=0.0,
        ),
        AuthorityProfile(
            name="digicert",
            url="http://timestamp.digicert.com",
            policy=None,
            roots_url=None,
            seconds_between=0.0,
        ),
        AuthorityProfile(
            name="sectigo",
            url="http://timestamp.sectigo.com",
            policy=None,
            roots_url=None,
            seconds_between=15.0,
        ),
    )
}
"""The profiles by name."""


def profile_named(name: str) -> AuthorityProfile:
    """Return a profile.

    Raises:
        ConfigurationError: there is none of that name; the message has the nearest that there is.
    """
    profile = PROFILES.get(name)
    if profile is None:
        near = difflib.get_close_matches(name.lower(), PROFILES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(PROFILES)}"
        raise ConfigurationError("tsa", name, f"no such profile; {hint}")
    return profile
