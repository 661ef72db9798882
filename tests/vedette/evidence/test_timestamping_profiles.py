"""Public authorities by name; each is used against a local server that behaves like it."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

import pytest

from tests.vedette.evidence.lying import LyingAuthority
from vedette.clock import SystemClock
from vedette.errors import ConfigurationError
from vedette.evidence.exchange import read_query
from vedette.evidence.profiles import PROFILES, profile_named
from vedette.evidence.timestamping import HttpAuthority

IMPRINT = hashlib.sha256(b"a batch root").digest()


@pytest.mark.parametrize("name", PROFILES)
async def test_a_profile_is_all_that_a_client_needs_beside_the_roots(
    name: str, lying_authority: LyingAuthority
) -> None:
    profile = profile_named(name)
    assert urlsplit(profile.url).scheme in {"http", "https"}
    async with HttpAuthority(
        name=profile.name,
        url=lying_authority.url,
        roots=lying_authority.chain.roots,
        external=True,
        clock=SystemClock(),
        policy=profile.policy,
    ) as authority:
        token = await authority.stamp(IMPRINT)
    assert profile.policy in {None, token.policy}
    assert read_query(lying_authority.requests[0]).policy == profile.policy


def test_a_name_that_nobody_knows_gets_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"^tsa: digicet: no such profile; did you mean 'digicert'\?"):
        profile_named("digicet")
    with pytest.raises(ConfigurationError, match="known are freetsa, digicert, sectigo"):
        profile_named("zzz")
