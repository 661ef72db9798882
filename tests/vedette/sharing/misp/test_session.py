"""The transport under PyMISP: what is refused, what is bounded, and where the key never appears."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ejabberd.authority import Authority
from tests.fake_misp import KEY, Failure, serving
from tests.misp_pushing import Pushing, about, addresses, pushing
from vedette.clock import SystemClock
from vedette.errors import ConfigurationError, ConnectionFailedError, VedetteError
from vedette.fetching.urls import read_url
from vedette.sharing.endpoint import Endpoint
from vedette.sharing.exporter import ExportError
from vedette.sharing.misp import session as session_module
from vedette.sharing.misp.session import MispSession


@pytest.fixture
def misp(tmp_path: Path) -> Iterator[Pushing]:
    with pushing(tmp_path) as served:
        yield served


@contextmanager
def _raw_server(*answers: bytes, keep_open: bool = False) -> Iterator[str]:
    """Answer each connection with bytes, whatever is asked."""
    listening = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        for answer in answers:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)
                if keep_open:
                    done.wait()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        done.set()
        for _ in answers:
            # Whoever still waits for a connection gets one that ends at once.
            with socket.socket() as nobody:
                nobody.settimeout(1)
                nobody.connect_ex(listening.getsockname())
        thread.join()
        listening.close()


async def _fails(misp: Pushing, url: str, kind: type[VedetteError] = ConnectionFailedError) -> str:
    misp.settings |= {"url": url}
    destination = misp.destination()
    with pytest.raises(kind) as caught:
        await destination.check()
    await destination.aclose()
    return str(caught.value)


async def test_redirects_are_not_followed(misp: Pushing) -> None:
    with serving() as elsewhere:
        head = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.url}/\r\nContent-Length: 0\r\n\r\n"
        with _raw_server(head.encode()) as url:
            assert "final address" in await _fails(misp, url, ExportError)
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<html>hi!",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n17",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad",
        b"nonsense\r\n\r\n",
        b"",
    ],
)
async def test_what_is_no_misp_is_a_connection_that_failed(misp: Pushing, answer: bytes) -> None:
    with _raw_server(answer) as url:
        assert url in await _fails(misp, url)


async def test_an_answer_has_a_size_that_is_enough(misp: Pushing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "MAX_WELCOME", 1_000)
    with _raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + b"x" * 9_999) as url:
        assert "more than 1000 bytes" in await _fails(misp, url, ExportError)


async def test_a_server_that_drips_is_left_after_the_time_limit(misp: Pushing) -> None:
    misp.settings["time_limit"] = 1
    with _raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", keep_open=True) as url:
        assert url in await _fails(misp, url)


async def test_only_a_server_whose_certificate_is_trusted_gets_the_key(misp: Pushing, tmp_path: Path) -> None:
    ours, others = Authority(tmp_path / "ours"), Authority(tmp_path / "others")
    names = {"ours": ["127.0.0.1"], "others": ["127.0.0.1"], "elsewhere": ["192.0.2.1"]}
    for name, authority in (("ours", ours), ("others", others), ("elsewhere", Authority(tmp_path / "ours"))):
        certificate, key = authority.server(f"{name}.example.org", names=names[name])
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        with serving(tls=context) as fake:
            misp.settings |= {"ca": str(ours.ca_file), "url": fake.url}
            if name == "ours":
                destination = misp.destination()
                assert (await destination.check()).startswith("MISP 2.5")
                await destination.aclose()
            else:
                assert "certificate" in await _fails(misp, fake.url)
                assert fake.requests == []


async def test_nobody_listens(misp: Pushing) -> None:
    # Bound and not listening: nobody else can take the port meanwhile.
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        await _fails(misp, f"http://127.0.0.1:{closed.getsockname()[1]}")


async def test_the_key_is_in_no_error_log_plan_or_memory(misp: Pushing, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    leak = f'{{"message": "you said {KEY}", "errors": ["{KEY}"]}}'
    for status in (400, 401, 403, 404, 405, 418, 429, 500, 503):
        for at in range(5):
            misp.fake.fail_next(Failure(kind="status", status=status, body=leak), after=at)
            try:
                await misp.send(about(*addresses(1, status % 250)))
            except VedetteError as error:
                told += [str(error), repr(error), str(error.__context__), str(error.__cause__)]
            misp.fake.failures.clear()
    told += [repr(misp.destination()), str(misp.memory.values), repr(await misp.plan(about(*addresses(9))))]
    assert len(told) > 100
    assert KEY not in "\n".join(told)
    assert KEY not in caplog.text


async def test_the_environment_says_nothing_of_how_it_is_spoken_to(
    misp: Pushing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        await asyncio.to_thread((tmp_path / ".netrc").write_text, "machine 127.0.0.1 login a password b\n")
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        await misp.send(about(*addresses(1)))
        assert proxy.requests == []
    assert misp.alive() == {"192.0.2.1"}


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"url": "http://misp.example.org"}, "url"),
        ({"key_file": "missing"}, "key_file"),
        ({"ca": "missing.pem", "url": "https://misp.example.org"}, "missing.pem"),
        ({"publish": "yes"}, "publish"),
        ({"time_limit": 0}, "time_limit"),
        ({"distribution": 9}, "distribution"),
    ],
)
async def test_settings_that_cannot_be_used_are_named(misp: Pushing, settings: dict[str, object], key: str) -> None:
    misp.settings |= settings
    with pytest.raises(ConfigurationError, match=key):
        misp.destination()


def test_a_session_says_nothing_of_its_key() -> None:
    with serving() as fake:
        session = MispSession(Endpoint(target=read_url(fake.url), key=KEY), clock=SystemClock())
        assert KEY not in repr(session)
        assert session.requests[0] == "GET servers/getVersion"
        session.close()
