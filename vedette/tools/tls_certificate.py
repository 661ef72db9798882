"""`tls-certificate`: protocol, cipher and certificate chain of a TLS server, trusted or not."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from xml.sax.saxutils import quoteattr

from pydantic import Field

from vedette.clock import Clock
from vedette.tools.certificate import CertificateForm, read_certificate
from vedette.tools.interface import Arguments
from vedette.tools.observation import Observation, ObservationError, Port, Seconds, StandardForm, host_objection
from vedette.tools.tls import Verification, connect_recording, peer_chain

MAX_CHAIN = 20
"""Certificates of a chain that are kept."""

_MAX_GREETING = 64 * 1024
_DEFAULT_PORT = {"none": 443, "xmpp": 5222, "smtp": 25}

Starttls = Literal["none", "xmpp", "smtp"]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class TlsCertificateArguments(Arguments):
    """Where to connect and what to trust."""

    port: Port | None = None
    """TCP port; without it 443, 5222 with `starttls xmpp`, 25 with `starttls smtp`."""
    server_name: Annotated[str, Field(max_length=253)] | None = None
    """Name for SNI (RFC 6066, section 3) and for verification; the target without it."""
    starttls: Starttls = "none"
    """TLS at once, or after asking for it: XMPP (RFC 6120, section 5) or SMTP (RFC 3207)."""
    ca: Path | None = None
    """PEM file of the only authorities to trust; the system's without it."""
    connect_time: Seconds = 15.0
    """Seconds for one connection with its handshake."""

    @property
    def real_port(self) -> int:
        """The port, by default that of the protocol."""
        return self.port or _DEFAULT_PORT[self.starttls]


class TlsCertificateForm(StandardForm):
    """Standard form of `tls-certificate`."""

    form: str = "tls-certificate/1"
    port: int | None = None
    """TCP port."""
    server_name: str | None = None
    """Name for SNI and verification."""
    starttls: Starttls = "none"
    """How TLS was started."""
    address: str | None = None
    """The address that was connected to."""
    protocol: str | None = None
    """Negotiated protocol, such as `TLSv1.3`."""
    cipher: str | None = None
    """Negotiated cipher suite, by OpenSSL's name."""
    verified: bool | None = None
    """Whether chain, validity and name are good."""
    verification: str | None = None
    """Why not."""
    trust: Literal["system", "given"] | None = None
    """Against which authorities."""
    days_left: int | None = None
    """Whole days that the server's own certificate is still valid."""
    chain: tuple[CertificateForm, ...] = ()
    """What the server sent, its own certificate first."""


@dataclass(frozen=True, kw_only=True)
class _Handshake:
    """What one connection showed."""

    address: str | None
    protocol: str | None
    cipher: str | None
    chain: list[bytes]


class TlsCertificate(Observation[TlsCertificateArguments]):
    """Looks at a TLS server's certificate chain."""

    name = "tls-certificate"
    summary = "TLS certificate: chain, names, expiry, protocol, trusted or not"
    Arguments = TlsCertificateArguments
    Form = TlsCertificateForm

    def objection(self, target: str) -> str | None:
        """Return why `target` is no host."""
        return host_objection(target)

    async def observe(self, *, target: str, arguments: TlsCertificateArguments, clock: Clock) -> TlsCertificateForm:
        """Make one handshake; a second one without verification where the first is refused by us."""
        name = arguments.server_name or target

        async def connect(context: ssl.SSLContext) -> _Handshake:
            async with asyncio.timeout(arguments.connect_time):
                return await _shake_hands(target, arguments.real_port, name, arguments.starttls, context)

        handshake, verification = await connect_recording(connect, ca=arguments.ca)
        return _form(target, arguments, handshake, verification, now=clock.now())


def _form(
    target: str, arguments: TlsCertificateArguments, handshake: _Handshake, verification: Verification, *, now: int
) -> TlsCertificateForm:
    chain = tuple(read_certificate(der, now=now) for der in handshake.chain[:MAX_CHAIN])
    return TlsCertificateForm(
        target=target,
        error=None if chain else "the server sent no certificate",
        port=arguments.real_port,
        server_name=arguments.server_name or target,
        starttls=arguments.starttls,
        address=handshake.address,
        protocol=handshake.protocol,
        cipher=handshake.cipher,
        verified=verification.verified,
        verification=verification.reason,
        trust="given" if arguments.ca else "system",
        days_left=chain[0].days_left if chain else None,
        chain=chain,
    )


async def _shake_hands(host: str, port: int, name: str, starttls: Starttls, context: ssl.SSLContext) -> _Handshake:
    reader, writer = await asyncio.open_connection(host, port, limit=_MAX_GREETING)
    try:
        if starttls == "xmpp":
            await _ask_xmpp(reader, writer, name)
        elif starttls == "smtp":
            await _ask_smtp(reader, writer)
        await writer.start_tls(context, server_hostname=name)
        connection = writer.get_extra_info("ssl_object")
        cipher = connection.cipher()
        peer = writer.get_extra_info("peername")
        return _Handshake(
            address=str(peer[0]) if peer else None,
            protocol=connection.version(),
            cipher=cipher[0] if cipher else None,
            chain=peer_chain(connection),
        )
    finally:
        # Closing would wait for a close_notify that many servers never send, and for ever within a handshake.
        writer.transport.abort()


async def _ask_xmpp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> None:
    header = (
        f"<?xml version='1.0'?><stream:stream to={quoteattr(name)} version='1.0' "
        "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
    )
    writer.write(header.encode())
    features = await _until(reader, b"</stream:features>")
    if b"urn:ietf:params:xml:ns:xmpp-tls" not in features:
        raise ObservationError("the XMPP server does not offer STARTTLS")
    writer.write(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    if b"<proceed" not in await _until(reader, b">"):
        raise ObservationError("the XMPP server refused STARTTLS")


async def _ask_smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _smtp_reply(reader, "220")
    writer.write(b"EHLO probe.invalid\r\n")
    await _smtp_reply(reader, "250")
    writer.write(b"STARTTLS\r\n")
    await _smtp_reply(reader, "220")


async def _smtp_reply(reader: asyncio.StreamReader, code: str) -> None:
    for _ in range(100):
        line = (await _until(reader, b"\n")).decode("ascii", errors="replace").strip()
        if not line.startswith(code):
            raise ObservationError(f"the SMTP server answered {line[:100]!r} instead of {code}")
        if line[3:4] != "-":
            return
    raise ObservationError("the SMTP server's reply does not end")


async def _until(reader: asyncio.StreamReader, end: bytes) -> bytes:
    try:
        return await reader.readuntil(end)
    except asyncio.LimitOverrunError as error:
        raise ObservationError(f"the server's greeting has more than {_MAX_GREETING} bytes") from error
