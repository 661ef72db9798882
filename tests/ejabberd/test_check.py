"""Looking at a server from outside."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from ejabberd.authority import Authority
from ejabberd.check import Target, check_server
from vedette.clock import ManualClock, SystemClock
from vedette.errors import ConfigurationError, ConnectionFailedError


def _target(server: Any, **changes: Any) -> Target:
    values = {"domain": "localhost", "host": "127.0.0.1", "port": server.embedded.port}
    return Target(**{**values, "ca_file": server.embedded.ca_file, **changes})


async def test_a_good_server_has_no_problems(server: Any) -> None:
    report = await asyncio.to_thread(check_server, _target(server))
    assert report.problems == ()
    assert report.mechanisms == ("PLAIN",)
    assert report.tls.startswith("TLSv1.3")


async def test_a_certificate_about_to_expire_is_a_problem(server: Any) -> None:
    later = ManualClock(now=SystemClock().now())
    later.advance(370 * 86_400)
    report = await asyncio.to_thread(check_server, _target(server), clock=later)
    assert any("expires" in problem for problem in report.problems)


async def test_another_authority_or_domain_is_not_trusted(server: Any, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    other.ensure()
    for changes in ({"ca_file": other.ca_file}, {"domain": "other.example"}):
        with pytest.raises(ConnectionFailedError, match="not to be trusted"):
            await asyncio.to_thread(check_server, _target(server, **changes))


async def test_a_missing_authority_is_a_matter_of_configuration(server: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        await asyncio.to_thread(check_server, _target(server, ca_file=tmp_path / "none.pem"))


@pytest.mark.parametrize("answer", [b"HTTP/1.0 400 Bad Request\r\n", b"", b"<a><b></a>"])
def test_what_is_no_xmpp_server_is_said_so(answer: bytes, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.ensure()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        target = Target(domain="localhost", host="127.0.0.1", port=port, ca_file=authority.ca_file)
        with pytest.raises(ConnectionFailedError):
            check_server(target)
        thread.join()
    with pytest.raises(ConnectionFailedError, match="cannot connect"):
        check_server(target)
