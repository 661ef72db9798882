"""TLS: nothing old, cookies that stay inside it, and browsers that come back to it."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from ejabberd.authority import Authority
from registry.callers import Scope
from registry.roles import UserRole
from tests.timing import PATIENCE
from tests.web.api.whole import PASSWORD, Whole
from vedette.configuration.api import ApiSection


@pytest.fixture
async def secured(migrated: Path, tmp_path: Path) -> AsyncIterator[Whole]:
    shutil.copyfile(migrated, tmp_path / "tls.db")
    certificate, key = Authority(tmp_path).server("localhost", names=["127.0.0.1"])
    store = tmp_path / "tls.db"
    async with Whole(store=store, folder=tmp_path, certificate=certificate.name, key=key.name) as served:
        yield served


def trusting(tmp_path: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(Authority(tmp_path).ca_file))


async def test_a_login_over_tls_keeps_its_cookies_to_it(secured: Whole, tmp_path: Path) -> None:
    await secured.add("anna", UserRole.VIEWER)
    async with httpx.AsyncClient(
        base_url=secured.server.url, verify=trusting(tmp_path), trust_env=False, timeout=PATIENCE
    ) as client:
        assert secured.server.url.startswith("https://")
        done = await client.post("/login", data={"name": "anna", "password": PASSWORD})
        assert done.headers["strict-transport-security"] == "max-age=31536000"
        for cookie, name in zip(done.headers.get_list("set-cookie"), ("session", "device"), strict=True):
            assert cookie.startswith(f"__Host-vedette_{name}=")
            assert "Secure" in cookie
            assert "Path=/" in cookie
            assert "Domain" not in cookie
        assert (await client.get("/v1/me")).json()["name"] == "anna"
        session = client.cookies["__Host-vedette_session"]
        planted = {"Cookie": f"vedette_session={session}"}
        client.cookies.clear()
        assert (await client.get("/v1/me", headers=planted)).status_code == 401


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
async def test_current_versions_are_spoken(secured: Whole, tmp_path: Path, version: ssl.TLSVersion) -> None:
    context = trusting(tmp_path)
    context.minimum_version = context.maximum_version = version
    async with httpx.AsyncClient(
        base_url=secured.server.url, verify=context, trust_env=False, timeout=PATIENCE
    ) as client:
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("ciphers", ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA384"])
async def test_old_ciphers_are_not(secured: Whole, tmp_path: Path, ciphers: str) -> None:
    context = trusting(tmp_path)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    await _refused(secured, context)


async def test_old_versions_are_not(secured: Whole, tmp_path: Path) -> None:
    context = trusting(tmp_path)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    await _refused(secured, context)


async def test_without_tls_nothing_pretends_to_have_it(whole: Whole) -> None:
    async with whole.client() as client:
        assert "strict-transport-security" not in (await client.get("/healthz")).headers


async def test_behind_a_proxy_with_tls_the_cookies_are_for_tls(migrated: Path, tmp_path: Path) -> None:
    shutil.copyfile(migrated, tmp_path / "store.db")
    async with Whole(store=tmp_path / "store.db", folder=tmp_path, url="https://hub.example") as whole:
        await whole.add("anna", UserRole.VIEWER)
        async with whole.client() as client:
            done = await client.post("/login", data={"name": "anna", "password": PASSWORD})
        assert done.headers.get_list("set-cookie")[0].startswith("__Host-vedette_session=")
        key = {"X-API-Key": await whole.key(Scope.READ)}
        async with whole.client() as client:
            assert (await client.get("/v1/me", headers=key)).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "hub.example"])
def test_another_host_than_loopback_without_tls_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="must not cross a network in clear"):
        ApiSection(host=host)


@pytest.mark.parametrize("proxies", [["nonsense"], ["192.0.2.1/24"], ["192.0.2.0/33"], [""]])
def test_a_proxy_must_be_an_address_or_a_network(proxies: list[str]) -> None:
    with pytest.raises(ValidationError, match="must be an address or a network"):
        ApiSection(trusted_proxies=proxies)
    assert ApiSection(trusted_proxies=["192.0.2.1", "2001:db8::/32"]).trusted_proxies


async def _refused(whole: Whole, context: ssl.SSLContext) -> None:
    port = int(whole.server.url.rsplit(":", 1)[1])
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
