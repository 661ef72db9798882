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
    roots_url: str
    """Where its root is published, PEM or DER."""
    root_sha256: str
    """SHA-256 of that root, hexadecimal, as others have seen it; what is shown beside it, never trust by itself."""
    seconds_between: float
    """Pause that it asks for between requests, seconds; 0: none is known."""


# Addresses, roots and fingerprints were compared between independent records in public repositories: the authorities'
# own download addresses, root programmes (Mozilla NSS, Android's and Java's), and lists made from live tokens.
PROFILES = {
    profile.name: profile
    for profile in (
        # Root 2016-2041, unchanged in archived copies of 2016 and 2019. Signs with P-384 over SHA-512.
        AuthorityProfile(
            name="freetsa",
            url="https://freetsa.org/tsr",
            policy="1.2.3.4.1",
            roots_url="https://freetsa.org/files/cacert.pem",
            root_sha256="a6379e7cecc05faa3cbf076013d745e327bbbaa38c0b9af22469d4701d18aabc",
            seconds_between=0.0,
        ),
        # DigiCert Trusted Root G4, 2013-2038, in Mozilla's root programme. Its tokens carry a cross-certificate, too.
        AuthorityProfile(
            name="digicert",
            url="http://timestamp.digicert.com",
            policy=None,
            roots_url="https://cacerts.digicert.com/DigiCertTrustedRootG4.crt.pem",
            root_sha256="552f7bdcf1a7af9e6ce672017f4f12abf77240c78e761ac203d1d9d20ac89988",
            seconds_between=0.0,
        ),
        # Sectigo Public Time Stamping Root R46, 2021-2046. Published over plain HTTP only: compare the fingerprint.
        # The pause of 15 s is Sectigo's own wish for scripts.
        AuthorityProfile(
            name="sectigo",
            url="http://timestamp.sectigo.com",
            policy=None,
            roots_url="http://crt.sectigo.com/SectigoPublicTimeStampingRootR46.crt",
            root_sha256="4941b001b8a97e961b7817c9d9e960ec4b056bfc915a8c1aabf6ef6b3ac046a5",
            seconds_between=15.0,
        ),
        # GlobalSign Root CA R6, 2014-2034, in the public root programmes.
        AuthorityProfile(
            name="globalsign",
            url="http://timestamp.globalsign.com/tsa/r6advanced1",
            policy=None,
            roots_url="https://secure.globalsign.com/cacert/root-r6.crt",
            root_sha256="2cabeafe37d06ca22aba7391c0033d25982952c453647349763a3ab5ad6ccf69",
            seconds_between=0.0,
        ),
        # Apple Root CA, 2006-2035, as www.apple.com/certificateauthority lists it.
        AuthorityProfile(
            name="apple",
            url="http://timestamp.apple.com/ts01",
            policy=None,
            roots_url="https://www.apple.com/appleca/AppleIncRootCertificate.cer",
            root_sha256="b0b1730ecbc7ff4505142c49f1295e6eda6bcaed7e2c68c5be91b5a11001f024",
            seconds_between=0.0,
        ),
        # Certum Trusted Network CA 2, 2011-2046, in the public root programmes.
        AuthorityProfile(
            name="certum",
            url="http://time.certum.pl",
            policy=None,
            roots_url="https://repository.certum.pl/ctnca2.cer",
            root_sha256="b676f2eddae8775cd36cb0f63cd1d4603961f49e6265ba013a2f0307b6d0b804",
            seconds_between=0.0,
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
