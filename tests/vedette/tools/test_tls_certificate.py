"""`tls-certificate` against real TLS servers, good and bad."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from tests.timing import PATIENCE
from vedette.clock import SystemClock
from vedette.tools.certificate import read_certificate
from vedette.tools.interface import Limits, Result
from vedette.tools.tls_certificate import TlsCertificate, TlsCertificateArguments, TlsCertificateForm


async def look(target: str, **arguments: Any) -> tuple[Result, TlsCertificateForm]:
    result = await TlsCertificate().run(
        target=target,
        arguments=TlsCertificateArguments(**arguments),
        limits=Limits(time_limit=PATIENCE),
        clock=SystemClock(),
    )
    return result, TlsCertificateForm.model_validate_json(result.payload)


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_a_trusted_server(authority: Any, serve: Any) -> None:
    async with serve(silence, authority.context()) as port:
        result, form = await look("localhost", port=port, ca=authority.path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (form.verified, form.verification, form.trust) == (True, None, "given")
    assert (form.protocol, form.address, form.server_name) == ("TLSv1.3", "127.0.0.1", "localhost")
    assert form.days_left == 30
    own, root = form.chain
    assert (own.subject, own.issuer) == ("CN=localhost", "CN=Test CA")
    assert own.names == ("DNS:localhost", "IP:127.0.0.1")
    assert (own.public_key, own.signature_algorithm) == ("EC secp256r1", "ecdsa-with-SHA256")
    der = authority.certificate.public_bytes(serialization.Encoding.DER)
    assert root.sha256 == hashlib.sha256(der).hexdigest()


async def test_an_address_is_verified_against_the_addresses(authority: Any, serve: Any) -> None:
    async with serve(silence, authority.context()) as port:
        _, form = await look("127.0.0.1", port=port, ca=authority.path)
    assert form.verified


@pytest.mark.parametrize(
    ("name", "days", "ca", "reason"),
    [
        ("localhost", (-5, 30), False, "self-signed certificate in certificate chain"),
        ("localhost", (-5, -2), True, "certificate has expired"),
        ("localhost", (2, 30), True, "certificate is not yet valid"),
        ("other.example", (-5, 30), True, "Hostname mismatch"),
    ],
)
async def test_untrusted_servers_are_recorded_with_the_reason(
    authority: Any, serve: Any, name: str, days: tuple[int, int], ca: bool, reason: str
) -> None:
    async with serve(silence, authority.context(name, days=days)) as port:
        result, form = await look("localhost", port=port, ca=authority.path if ca else None)
    assert result.exit_code == 0
    assert form.verified is False
    assert form.verification is not None
    assert form.verification.startswith(reason)
    assert form.days_left == days[1]
    assert len(form.chain) == 2
    assert form.trust == ("given" if ca else "system")


async def test_the_name_for_sni_can_be_another(authority: Any, serve: Any) -> None:
    seen: list[str | None] = []
    context = authority.context("other.example")
    context.sni_callback = lambda connection, name, context: seen.append(name)
    async with serve(silence, context) as port:
        _, form = await look("127.0.0.1", port=port, ca=authority.path, server_name="other.example")
    assert form.verified
    assert seen == ["other.example"]


async def test_an_old_protocol_is_recorded(authority: Any, serve: Any) -> None:
    context = authority.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serve(silence, context) as port:
        _, form = await look("localhost", port=port, ca=authority.path)
    assert (form.verified, form.protocol) == (True, "TLSv1.2")


async def xmpp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
    header = await reader.readuntil(b"streams'>")
    assert b'to="localhost"' in header
    writer.write(b"<?xml version='1.0'?><stream:stream id='1'><stream:features>")
    writer.write(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>")
    await reader.readuntil(b"/>")
    writer.write(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await writer.start_tls(context)
    await reader.read()


async def smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
    writer.write(b"220-hello\r\n220 there\r\n")
    await reader.readuntil(b"\n")
    writer.write(b"250-test\r\n250 STARTTLS\r\n")
    assert await reader.readuntil(b"\n") == b"STARTTLS\r\n"
    writer.write(b"220 go\r\n")
    await writer.start_tls(context)
    await reader.read()


@pytest.mark.parametrize(("starttls", "dialogue"), [("xmpp", xmpp), ("smtp", smtp)])
@pytest.mark.parametrize("trusted", [True, False])
async def test_starttls(authority: Any, serve: Any, starttls: str, dialogue: Any, trusted: bool) -> None:
    context = authority.context()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await dialogue(reader, writer, context)

    async with serve(handler) as port:
        result, form = await look("localhost", port=port, starttls=starttls, ca=authority.path if trusted else None)
    assert (result.exit_code, form.verified) == (0, trusted)
    assert form.chain[0].subject == "CN=localhost"


async def test_a_server_without_starttls(serve: Any) -> None:
    async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 no service\r\n")
        await writer.drain()
        await reader.read()

    async with serve(refusing) as port:
        result, _ = await look("localhost", port=port, starttls="smtp")
    assert result.exit_code == 1
    assert result.stderr == "the SMTP server answered '554 no service' instead of 220"


async def test_an_endless_greeting_is_cut_off(serve: Any) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with serve(endless) as port:
        result, _ = await look("localhost", port=port, starttls="xmpp")
    assert "has more than" in result.stderr


async def test_a_server_that_speaks_no_tls(serve: Any) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with serve(plain) as port:
        result, form = await look("localhost", port=port)
    assert result.exit_code == 1
    assert "TLS failed" in result.stderr
    assert form.chain == ()


async def test_nobody_there(closed_port: int) -> None:
    result, form = await look("localhost", port=closed_port)
    assert (result.exit_code, form.error) == (1, "connection refused")


async def test_a_server_that_never_answers(serve: Any) -> None:
    async with serve(silence) as port:
        result, _ = await look("localhost", port=port, connect_time=0.2)
    assert (result.exit_code, result.stderr, result.timed_out) == (1, "timed out", False)


async def test_a_missing_authority_is_a_result(authority: Any, serve: Any) -> None:
    async with serve(silence, authority.context()) as port:
        result, _ = await look("localhost", port=port, ca=authority.folder / "none.pem")
    assert (result.exit_code, result.stderr) == (1, "No such file or directory")


def test_a_broken_certificate_keeps_its_fingerprint() -> None:
    form = read_certificate(b"not a certificate", now=0)
    assert form.sha256 == hashlib.sha256(b"not a certificate").hexdigest()
    assert form.problem
