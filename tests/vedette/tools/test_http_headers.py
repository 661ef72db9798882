"""`http-headers` against real web servers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.timing import PATIENCE
from vedette.clock import SystemClock
from vedette.tools.http_headers import MAX_HEADERS, HttpHeaders, HttpHeadersArguments, HttpHeadersForm
from vedette.tools.interface import Limits, Result

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def look(target: str, **arguments: Any) -> tuple[Result, HttpHeadersForm]:
    result = await HttpHeaders().run(
        target=target,
        arguments=HttpHeadersArguments(**arguments),
        limits=Limits(time_limit=PATIENCE),
        clock=SystemClock(),
    )
    return result, HttpHeadersForm.model_validate_json(result.payload)


def answering(answer: bytes, *, seen: list[bytes] | None = None, stay: bool = False) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(request)
        writer.write(answer)
        await writer.drain()
        if stay:
            await reader.read()
        writer.write_eof() if writer.can_write_eof() else None
        await asyncio.sleep(0)

    return handler


OK = b"HTTP/1.1 200 Fine\r\nServer: test\r\nX-B: 2\r\nx-a: 1\r\nX-B: 3\r\nContent-Length: 5\r\n\r\nhello"


async def test_headers_come_in_order_with_the_body_hashed(serve: Any) -> None:
    seen: list[bytes] = []
    async with serve(answering(OK, seen=seen)) as port:
        result, form = await look(f"http://127.0.0.1:{port}/a?b=c")
    assert (result.exit_code, result.stderr, form.status, form.reason) == (0, "", 200, "Fine")
    assert form.headers == (
        ("Server", "test"), ("X-B", "2"), ("x-a", "1"), ("X-B", "3"), ("Content-Length", "5"),
    )  # fmt: skip
    assert (form.body_sha256, form.body_size, form.body_cut) == (hashlib.sha256(b"hello").hexdigest(), 5, False)
    assert (form.address, form.http_version, form.tls, form.location) == ("127.0.0.1", "1.1", None, None)
    assert seen[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert b"\r\nUser-Agent: vedette/" in seen[0]


async def test_redirects_are_recorded_and_not_followed(serve: Any) -> None:
    seen: list[bytes] = []
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with serve(answering(answer, seen=seen)) as port:
        result, form = await look(f"127.0.0.1:{port}", method="HEAD", path="/x")
    assert (result.exit_code, form.status, form.location) == (0, 302, "http://127.0.0.1:1/elsewhere")
    assert seen[0].startswith(b"HEAD /x ")
    assert len(seen) == 1


async def test_a_body_is_read_up_to_its_limit(serve: Any) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n" + b"x" * 100_000
    async with serve(answering(answer, stay=True)) as port:
        result, form = await look(f"http://127.0.0.1:{port}", body_limit=1000)
    assert (result.exit_code, form.body_size, form.body_cut) == (0, 1000, True)
    assert form.body_sha256 == hashlib.sha256(b"x" * 1000).hexdigest()


async def test_a_compressed_body_stays_as_it_was_sent(serve: Any) -> None:
    body = b"\x1f\x8b-not-really-gzip"
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    async with serve(answering(head + body)) as port:
        _, form = await look(f"http://127.0.0.1:{port}")
    assert form.body_sha256 == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("trusted", "name", "verification"),
    [
        (True, "localhost", None),
        (False, "localhost", "self-signed certificate in certificate chain"),
        (True, "other.example", "Hostname mismatch"),
    ],
)
async def test_https_is_recorded_trusted_or_not(
    authority: Any, serve: Any, trusted: bool, name: str, verification: str | None
) -> None:
    async with serve(answering(OK), authority.context(name)) as port:
        result, form = await look(f"https://localhost:{port}/", ca=authority.path if trusted else None)
    assert (result.exit_code, form.status) == (0, 200)
    assert form.tls is not None
    assert form.tls.verified == (verification is None)
    assert (form.tls.verification or "").startswith(verification or "")
    assert form.tls.protocol == "TLSv1.3"


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH\r\n", b"", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", b"\xff\0\r\n\r\n"],
)
async def test_what_is_no_http_is_a_result(serve: Any, answer: bytes) -> None:
    async with serve(answering(answer)) as port:
        result, form = await look(f"http://127.0.0.1:{port}")
    assert result.exit_code == 1
    assert form.error is not None
    assert form.status is None


async def test_very_many_headers_are_bounded(serve: Any) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(1000)) + b"\r\n"
    async with serve(answering(answer)) as port:
        _, form = await look(f"http://127.0.0.1:{port}")
    assert len(form.headers) <= MAX_HEADERS


async def test_nobody_there(closed_port: int) -> None:
    result, form = await look(f"http://127.0.0.1:{closed_port}")
    assert (result.exit_code, form.error) == (1, "connection refused")


async def test_a_name_that_does_not_resolve() -> None:
    result, _ = await look("no-such-host.invalid")
    assert result.exit_code == 1
    assert "does not resolve" in result.stderr


async def test_a_server_that_never_answers(serve: Any) -> None:
    async with serve(answering(b"HTTP/1.1 200 OK\r\n", stay=True)) as port:
        result, _ = await look(f"http://127.0.0.1:{port}", response_time=0.3)
    assert (result.exit_code, result.stderr) == (1, "timed out")


def test_targets_that_cannot_be_asked_are_objected_to() -> None:
    tool = HttpHeaders()
    for target in ("localhost", "localhost:8080", "::1", "https://a.example/x", "http://[::1]:80/"):
        assert tool.objection(target) is None
    for target in ("", "ftp://a", "http://", "http://u:p@a/", "http://a:99999/", "a b", "http://[::1"):
        assert tool.objection(target)
