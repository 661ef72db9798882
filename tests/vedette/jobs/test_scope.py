"""What may be probed: addresses, names with whatever they stand for, and what tries to look like something else."""

from __future__ import annotations

import socket

import pytest
from pydantic import ValidationError

from vedette.fetching.names import NameResolver
from vedette.jobs.scope import OutOfScopeError, ScopeJudge, ScopePolicy


class Names(NameResolver):
    """Knows what the test says."""

    def __init__(self, **known: list[str]) -> None:
        self._known = known

    async def addresses(self, host: str, port: int) -> list[str]:
        if host not in self._known:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return self._known[host]


def judge(*allow: str, **known: list[str]) -> ScopeJudge:
    policy = ScopePolicy(allow=list(allow)) if allow else ScopePolicy()
    return ScopeJudge(policy=policy, own_name="vedette1", names=Names(**known))


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("127.0.0.1", []),
        ("127.9.9.9", []),
        ("::1", []),
        ("localhost", ["127.0.0.1", "::1"]),
        ("vedette1", ["192.168.7.7"]),
        ("VEDETTE1.", ["10.0.0.1"]),
        ("alias", ["127.0.1.1"]),
    ],
)
async def test_this_machine_is_allowed_from_the_start(host: str, addresses: list[str]) -> None:
    await judge(**{host: addresses}).check(host)


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("192.0.2.1", []),
        ("0.0.0.0", []),
        ("0", ["0.0.0.0"]),
        ("::ffff:127.0.0.1", []),
        ("fe80::1%eth0", ["fe80::1"]),
        ("169.254.169.254", []),
        ("rebound", ["127.0.0.1", "203.0.113.9"]),
        ("www.example", ["93.184.216.34"]),
        ("nowhere", []),
        ("localhost", ["169.254.169.254"]),
        ("127.0.0.1-50", []),
        ("2130706434", ["203.0.113.1"]),
        ("localhost.evil.example", ["203.0.113.2"]),
    ],
)
async def test_all_else_is_refused_until_it_is_configured(host: str, addresses: list[str]) -> None:
    with pytest.raises(OutOfScopeError, match="scope"):
        await judge(**{host: addresses}).check(host)


@pytest.mark.parametrize(
    ("addresses", "allowed"),
    [
        (["93.184.216.34"], True),
        (["10.1.2.3"], True),
        (["10.9.9.9"], False),
        (["93.184.216.34", "169.254.169.254"], False),
        (["127.0.0.1"], False),
        ([], False),
    ],
    ids=["public", "allowed network", "other private", "metadata beside", "loopback", "none"],
)
async def test_a_pattern_allows_public_addresses_and_those_of_networks(addresses: list[str], allowed: bool) -> None:
    here = judge("*.example", "10.1.0.0/16", **{"www.example": addresses})
    if allowed:
        await here.check("www.example")
    else:
        with pytest.raises(OutOfScopeError):
            await here.check("www.example")


async def test_a_pattern_covers_neither_its_own_end_nor_what_only_looks_like_it() -> None:
    for host in ("example", "badexample", "www.example.evil"):
        with pytest.raises(OutOfScopeError):
            await judge("*.example", **{host: ["93.184.216.34"]}).check(host)


async def test_only_a_network_allows_a_metadata_service() -> None:
    for entry in ("metadata.internal", "*.internal"):
        with pytest.raises(OutOfScopeError, match="metadata"):
            await judge(entry, **{"metadata.internal": ["169.254.169.254"]}).check("metadata.internal")
    await judge("169.254.169.254").check("169.254.169.254")


async def test_an_empty_policy_allows_nothing() -> None:
    nothing = ScopeJudge(policy=ScopePolicy(allow=[]), own_name="vedette1", names=Names(localhost=["127.0.0.1"]))
    for host in ("localhost", "127.0.0.1", "vedette1"):
        with pytest.raises(OutOfScopeError):
            await nothing.check(host)


@pytest.mark.parametrize(
    "fields",
    [
        {"allow": ["10.0.0.0/33"]},
        {"allow": ["*"]},
        {"allow": ["*.*.example"]},
        {"allow": [""]},
        {"allow": ["http://x"]},
        {"commands": {"Bad Name": ["true"]}},
        {"commands": {"x": []}},
        {"commands": {"x": ["{target}"]}},
        {"commands": {"x": ["a\0b"]}},
        {"unknown": 1},
    ],
    ids=str,
)
def test_a_policy_that_nobody_can_mean_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ScopePolicy.model_validate(fields)
