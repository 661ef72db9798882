"""Servers that exporters speak to: who is believed, and what a failure means."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ejabberd.authority import Authority
from tests.fake_search_server import SearchFake
from tests.sharing_cases import scanned
from tests.sharing_memory import KeptMemory, connect
from vedette.clock import ManualClock
from vedette.errors import ConfigurationError, ConnectionFailedError
from vedette.fetching.interface import FetchError
from vedette.sharing.endpoint import EndpointSettings, failure_of, read_endpoint, read_secret, read_settings
from vedette.sharing.exporter import ComeAgainError, ExportError, Outfit
from vedette.sharing.sinks.search import OpenSearch
from vedette.sharing.sinks.webhook import Webhook


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[SearchFake]:
    """A server over TLS whose certificate our own authority made."""
    for name in ("ours", "others"):
        certificate, key = Authority(tmp_path / name).server("localhost", names=["127.0.0.1"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = SearchFake()
    await server.start(tls=context)
    yield server
    await server.stop()


@pytest.mark.parametrize("exporter", [OpenSearch(), Webhook()], ids=["opensearch", "webhook"])
async def test_nobody_is_believed_without_a_certificate(
    secure: SearchFake, tmp_path: Path, exporter: OpenSearch | Webhook
) -> None:
    (tmp_path / "key").write_text("a-key-that-is-long-enough")
    roots = {name: str(Authority(tmp_path / name).ca_file.relative_to(tmp_path)) for name in ("ours", "others")}
    wrong: list[dict[str, Any]] = [{}, {"ca": roots["ours"]}]
    for settings in wrong:
        destination = connect(exporter, tmp_path, url=secure.url, key_file="key", **settings)
        for call in (destination.check, lambda one=destination: one.send(scanned())):
            with pytest.raises(ConnectionFailedError, match="certificate"):
                await call()
        await destination.aclose()
    assert secure.requests == []
    destination = connect(exporter, tmp_path, url=secure.url, key_file="key", ca=roots["others"])
    assert await destination.check()
    await destination.aclose()


def _outfit(folder: Path, **settings: Any) -> Outfit:
    return Outfit(clock=ManualClock(), name="there", settings=settings, folder=folder, memory=KeptMemory())


def test_a_key_is_in_no_text_of_an_endpoint(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("very-secret\n")
    outfit = _outfit(tmp_path, url="https://misp.example/path?token=very-secret", key_file="key")
    endpoint = read_endpoint(outfit, read_settings(outfit, EndpointSettings))
    assert endpoint.key == "very-secret"
    assert "very-secret" not in f"{endpoint!r} {endpoint.shown}"
    assert endpoint.shown == "https://misp.example/path?…"
    assert endpoint.policy.refusal_of_url(endpoint.target) is None
    assert endpoint.policy.only == frozenset({"misp.example"})


@pytest.mark.parametrize("content", [b"", b"  \n", b"two\nlines", b"caf\xc3\xa9", b"nul\x00", b"x" * 5_000])
def test_what_is_no_key_is_refused_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigurationError, match="one line of printable ASCII") as raised:
        read_secret(_outfit(tmp_path), "key_file", "key")
    assert "two" not in str(raised.value)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (FetchError("lost", unreachable=True), ConnectionFailedError),
        (FetchError("odd"), ExportError),
        (FetchError("no", status=400), ExportError),
        (FetchError("no", status=404), ExportError),
        (FetchError("key", status=401), ConnectionFailedError),
        (FetchError("key", status=403), ConnectionFailedError),
        (FetchError("slow", status=408), ComeAgainError),
        (FetchError("busy", status=429), ComeAgainError),
        (FetchError("down", status=502), ConnectionFailedError),
        (FetchError("down", status=503, retry_after=5), ComeAgainError),
    ],
)
def test_a_failure_means_later_again_or_never(error: FetchError, meaning: type[Exception]) -> None:
    assert type(failure_of(error)) is meaning


def test_how_long_to_wait_is_what_the_server_says() -> None:
    told, untold = (failure_of(FetchError("busy", status=429, retry_after=wait)) for wait in (7.0, None))
    assert isinstance(told, ComeAgainError)
    assert isinstance(untold, ComeAgainError)
    assert (told.seconds, untold.seconds) == (7.0, 60.0)
