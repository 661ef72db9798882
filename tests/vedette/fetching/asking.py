"""Clients for tests: allowed to ask loopback, with small limits."""

from __future__ import annotations

import ssl

import pytest

from tests.vedette.fetching.origin import Origin
from vedette.fetching.client import HttpFetcher
from vedette.fetching.interface import FetchError, FetchLimits, FetchRequest
from vedette.fetching.names import NameResolver
from vedette.fetching.policy import FetchPolicy

LIMITS = FetchLimits(max_bytes=100_000, seconds=30.0, redirects=3)


def fetcher(
    origin: Origin,
    *,
    allow: tuple[str, ...] = ("127.0.0.1",),
    limits: FetchLimits = LIMITS,
    names: NameResolver | None = None,
    tls: ssl.SSLContext | None = None,
) -> HttpFetcher:
    policy = FetchPolicy.allowing(allow, ports=[origin.port])
    return HttpFetcher(policy=policy, limits=limits, names=names, tls=tls)


async def refusal(client: HttpFetcher, request: FetchRequest) -> FetchError:
    async with client:
        with pytest.raises(FetchError) as caught:
            await client.fetch(request)
    return caught.value
