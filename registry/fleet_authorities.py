"""The time-stamping authorities that a fleet's configuration names."""

from __future__ import annotations

from vedette.clock import Clock
from vedette.configuration.fleet import AuthoritySection, FleetConfiguration, FleetPaths
from vedette.evidence.certificates import TrustRoots, load_certificates
from vedette.evidence.timestamping import HttpAuthority, TimestampAuthority
from vedette.fetching.policy import FetchPolicy


def authorities(
    configuration: FleetConfiguration, paths: FleetPaths, *, local_url: str, clock: Clock
) -> list[TimestampAuthority]:
    """Return the configured time-stamping authorities.

    Raises:
        ConfigurationError: a file of roots cannot be used.
    """
    rules = configuration.fetching.policy
    return [
        _authority(section, paths, local_url=local_url, fetching=rules, clock=clock) for section in configuration.tsa
    ]


def _authority(
    section: AuthoritySection, paths: FleetPaths, *, local_url: str, fetching: FetchPolicy, clock: Clock
) -> TimestampAuthority:
    roots = paths.roots if section.roots is None else paths.near(section.roots)
    untrusted = () if section.untrusted is None else load_certificates(paths.near(section.untrusted))
    return HttpAuthority(
        name=section.name,
        url=local_url if section.local else section.url,
        roots=TrustRoots.load(roots),
        external=not section.local,
        policy=section.policy,
        untrusted=untrusted,
        time_limit=section.time_limit,
        fetching=fetching,
        seconds_between=section.pace,
        clock=clock,
    )
