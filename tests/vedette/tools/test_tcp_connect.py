"""`tcp-connect` against real sockets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.timing import PATIENCE
from vedette.clock import SystemClock
from vedette.tools.interface import Limits, Result
from vedette.tools.tcp_connect import MAX_BANNER, TcpConnect, TcpConnectArguments, TcpConnectForm

LIMITS = Limits(time_limit=PATIENCE)


async def look(target: str, *, limits: Limits = LIMITS, **arguments: Any) -> tuple[Result, TcpConnectForm]:
    result = await TcpConnect().run(
        target=target, arguments=TcpConnectArguments(**arguments), limits=limits, clock=SystemClock()
    )
    assert result.content_type == "application/json"
    return result, TcpConnectForm.model_validate_json(result.payload)


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-test\xff\r\n" + b"x" * 10_000)
    await reader.read()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_an_open_port_with_its_banner(serve: Any) -> None:
    async with serve(greet) as port:
        result, form = await look("localhost", ports=(port,), banner=True)
    assert (result.exit_code, result.stderr, result.format) == (0, "", "tcp-connect/1")
    assert result.command == ("vedette:tcp-connect", "--ports", str(port), "--banner", "true", "localhost")
    assert "127.0.0.1" in form.addresses
    (entry,) = form.ports
    assert (entry.state, entry.address) == ("open", "127.0.0.1")
    assert entry.connect_time is not None
    assert entry.connect_time >= 0
    assert entry.banner is not None
    assert entry.banner.startswith("SSH-2.0-test\\xff")
    assert len(entry.banner) <= MAX_BANNER + 3


async def test_a_silent_server_has_no_banner(serve: Any) -> None:
    async with serve(silence) as port:
        _, form = await look("127.0.0.1", ports=(port,), banner=True, banner_time=0.1)
    assert (form.ports[0].state, form.ports[0].banner) == ("open", None)


async def test_open_and_closed_ports_in_one_look(serve: Any, closed_port: int) -> None:
    async with serve(silence) as port:
        result, form = await look("127.0.0.1", ports=(closed_port, port))
    assert [entry.state for entry in form.ports] == ["refused", "open"]
    assert result.exit_code == 1
    assert result.stderr == form.error == f"port {closed_port}: connection refused"


async def test_a_name_that_does_not_resolve() -> None:
    result, form = await look("no-such-host.invalid", ports=(1,))
    assert result.exit_code == 1
    assert "does not resolve" in result.stderr
    assert form.error == result.stderr


async def test_a_name_that_dns_cannot_hold() -> None:
    result, _ = await look("a" * 70 + ".invalid", ports=(1,))
    assert result.exit_code == 1
    assert "does not resolve" in result.stderr


async def test_an_unreasonable_time_limit_is_a_result(serve: Any) -> None:
    async with serve(silence) as port:
        result, form = await look(
            "127.0.0.1", ports=(port,), banner=True, banner_time=60, limits=Limits(time_limit=0.2)
        )
    assert (result.exit_code, result.timed_out) == (1, True)
    assert form.error == "ended at its time limit of 0.2 s"


async def test_a_form_that_does_not_fit_is_a_result(serve: Any) -> None:
    async with serve(greet) as port:
        result, form = await look(
            "127.0.0.1", ports=(port,), banner=True, limits=Limits(time_limit=PATIENCE, output_limit=400)
        )
    assert (result.exit_code, result.truncated) == (1, True)
    assert form.error is not None
    assert "output_limit is 400" in form.error
    assert json.loads(result.payload)["target"] == "127.0.0.1"


def test_targets_that_are_no_hosts_are_objected_to() -> None:
    tool = TcpConnect()
    assert tool.objection("::1") is None
    for target in ("", "http://a", "a b", "a/b", "x" * 300):
        assert tool.objection(target)
