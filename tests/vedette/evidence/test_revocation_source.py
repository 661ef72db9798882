"""Fetching revocation lists from addresses that somebody else chose."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.vedette.evidence.listing import ListServer
from vedette.evidence.revocation_source import FetchError, HttpRevocationSource, _is_public


@pytest.fixture
async def server() -> AsyncIterator[ListServer]:
    made = ListServer()
    await made.start()
    yield made
    await made.stop()


async def test_a_list_of_a_host_that_is_allowed_comes_as_it_is(server: ListServer) -> None:
    server.body = bytes(range(256))
    async with HttpRevocationSource(own_hosts=["127.0.0.1"]) as source:
        assert await source.fetch(server.url) == server.body
        assert await source.fetch(server.url) == server.body
    assert server.requests == ["/list.crl"] * 2


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/list.crl",
        "http://localhost/list.crl",
        "http://[::1]/list.crl",
        "http://[::ffff:127.0.0.1]/list.crl",
        "http://10.0.0.1/list.crl",
        "http://192.168.1.1/list.crl",
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/list.crl",
        "http://[fd00::1]/list.crl",
        "http://[64:ff9b::7f00:1]/list.crl",
        "http://0.0.0.0/list.crl",
        "http://0/list.crl",
        "http://2130706433/list.crl",
        "http://224.0.0.1/list.crl",
        "http://1.1.1.1:22/list.crl",
        "http://user:password@1.1.1.1/list.crl",
        "ftp://1.1.1.1/list.crl",
        "file:///etc/passwd",
        "ldap://1.1.1.1/cn=x",
        "http:///list.crl",
        "http://1.1.1.1:99999/",
        "not an address",
    ],
)
async def test_addresses_of_our_own_network_and_strange_ones_are_not_asked(url: str) -> None:
    async with HttpRevocationSource(time_limit=5.0) as source:
        with pytest.raises(FetchError):
            await source.fetch(url)


async def test_with_a_list_of_hosts_no_other_is_asked(server: ListServer) -> None:
    async with HttpRevocationSource(own_hosts=["127.0.0.1"], only_hosts=["crl.example"]) as source:
        with pytest.raises(FetchError, match="not among the hosts"):
            await source.fetch("http://other.example/list.crl")
        assert await source.fetch(server.url) == b""


async def test_redirects_errors_too_much_and_too_slow_are_refused(server: ListServer) -> None:
    async with HttpRevocationSource(own_hosts=["127.0.0.1"], time_limit=0.3, max_bytes=1_000) as source:
        server.status, server.headers = "302 Found", f"Location: {server.url}\r\n"
        with pytest.raises(FetchError, match="redirects"):
            await source.fetch(server.url)
        server.status, server.headers = "404 Not Found", ""
        with pytest.raises(FetchError, match="404"):
            await source.fetch(server.url)
        server.status, server.body = "200 OK", bytes(1_001)
        with pytest.raises(FetchError, match="more than 1000"):
            await source.fetch(server.url)
        server.body, server.length = b"short", 100
        with pytest.raises(FetchError, match="cannot be fetched"):
            await source.fetch(server.url)
        server.silent = True
        with pytest.raises(FetchError, match="did not arrive"):
            await source.fetch(server.url)


@pytest.mark.parametrize(("address", "public"), [("1.1.1.1", True), ("2606:4700::1111", True), ("100.64.0.1", False)])
def test_what_counts_as_public(address: str, public: bool) -> None:
    assert _is_public(address) is public
