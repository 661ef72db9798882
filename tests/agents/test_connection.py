"""Connecting: what goes wrong ends in one clear error in a few seconds; what was lost comes back."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from spade.message import Message

from agents import connection
from agents.base import BaseAgent
from agents.connection import ServerAddress
from agents.identity import Identity
from behaviours.exchange import compose
from ejabberd.embedded import EmbeddedServer, EmbeddedSettings
from tests.agents.station import DOMAIN, Sender, Station, Until, make_item
from tests.timing import bound
from vedette.clock import SystemClock
from vedette.errors import ConfigurationError, ConnectionFailedError
from vedette.messages.card import Role
from vedette.messages.envelope import Action, Performative

PATIENCE = 0.5
"""Seconds that an unreachable server is tried again in these tests."""


async def _refused(identity: Identity, *, within: float = 5.0) -> str:
    """Return the one line that an agent's start ends with."""
    agent = BaseAgent(identity=identity, clock=SystemClock(), view_port=0, patience=PATIENCE)
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(ConnectionFailedError) as refused:
        await agent.start()
    assert loop.time() - started < bound(within)
    await agent.stop()
    (line,) = str(refused.value).splitlines()
    return line


@pytest.fixture
async def identity(station: Station) -> Identity:
    """An enrolled agent that could connect."""
    return await station.identity("visitor", Role.PROBE)


async def test_a_wrong_password_or_unknown_account_is_said(identity: Identity) -> None:
    line = await _refused(replace(identity, password="not the password"))
    assert line.endswith(f"it refuses the account {identity.jid}: wrong name or password, or revoked")
    line = await _refused(replace(identity, jid=f"nobody@{DOMAIN}"))
    assert f"it refuses the account nobody@{DOMAIN}" in line


async def test_an_unknown_host_or_refused_port_is_said(identity: Identity, unused_tcp_port: int) -> None:
    for host, port in (("no-such-host.invalid", 5222), ("127.0.0.1", unused_tcp_port)):
        line = await _refused(replace(identity, server=replace(identity.server, host=host, port=port)))
        assert line.startswith(f"XMPP server {host}:{port}: cannot connect: ")


async def test_a_ca_file_that_cannot_be_used_is_said(identity: Identity, tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("no certificate")
    for name in ("none.pem", "bad.pem"):
        server = replace(identity.server, ca_file=tmp_path / name)
        with pytest.raises(ConfigurationError, match=f"{name}: cannot be used as CA file"):
            BaseAgent(identity=replace(identity, server=server), clock=SystemClock(), view_port=None)


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A CA and a server certificate of it, as files."""

    ca: Path
    chain: Path


def issue(folder: Path, *, name: str = DOMAIN, expired: bool = False) -> Issued:
    """Make a CA and a certificate."""
    folder.mkdir(exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)
    begins = now - datetime.timedelta(days=30)
    ends = now + datetime.timedelta(days=-1 if expired else 30)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"CA {folder.name}")])

    def certificate(subject: x509.Name, public: ec.EllipticCurvePublicKey, *, is_ca: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends if not is_ca else now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )

    ca = certificate(issuer, ca_key.public_key(), is_ca=True).sign(ca_key, hashes.SHA256())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    leaf = certificate(subject, key.public_key(), is_ca=False).add_extension(names, critical=False)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    signed = leaf.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (folder / "server.pem").write_bytes(private + signed)
    return Issued(ca=folder / "ca.pem", chain=folder / "server.pem")


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    """Serve TCP on a free loopback port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def starttls(issued: Issued) -> Handler:
    """Be an XMPP server as far as STARTTLS (RFC 6120 section 5.4)."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(issued.chain)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"<stream:stream")
        await reader.readuntil(b">")
        writer.write(
            b"<?xml version='1.0'?><stream:stream from='localhost' id='1' version='1.0' xmlns='jabber:client'"
            b" xmlns:stream='http://etherx.jabber.org/streams'><stream:features>"
            b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
        )
        await reader.readuntil(b"starttls")
        await reader.readuntil(b">")
        writer.write(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        await writer.drain()
        await writer.start_tls(context)
        await reader.read()

    return handler


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("expired", "certificate has expired"),
        ("another CA", "unable to get local issuer certificate"),
        ("another name", "Hostname mismatch"),
    ],
)
async def test_a_certificate_that_does_not_verify_is_said(
    identity: Identity, tmp_path: Path, case: str, reason: str
) -> None:
    issued = issue(
        tmp_path / "a", expired=case == "expired", name="other.example" if case == "another name" else DOMAIN
    )
    trusted = issue(tmp_path / "b").ca if case == "another CA" else issued.ca
    async with serving(starttls(issued)) as port:
        address = ServerAddress(host="127.0.0.1", port=port, ca_file=trusted)
        line = await _refused(replace(identity, server=address))
    assert line.startswith(f"XMPP server 127.0.0.1:{port}: its certificate is not trusted: ")
    assert reason in line


async def test_a_server_without_tls_gets_no_password(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ATTEMPT_WITHIN", 1.0)
    received = bytearray()

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"<?xml version='1.0'?><stream:stream from='localhost' id='1' version='1.0' xmlns='jabber:client'"
            b" xmlns:stream='http://etherx.jabber.org/streams'><stream:features><mechanisms"
            b" xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
        )
        while data := await reader.read(4096):
            received.extend(data)

    async with serving(plain) as port:
        line = await _refused(replace(identity, server=replace(identity.server, port=port)))
    assert line
    assert b"<auth" not in received


async def test_a_server_that_is_not_xmpp_or_never_answers_is_said(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def shut(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        return

    for handler, reason in (
        (http, "closed the connection"),
        (silent, "no session after 1 s; is it an XMPP server for localhost?"),
        (shut, "closed the connection"),
    ):
        # Only who never answers may run into the limit, however slow the others are.
        monkeypatch.setattr(connection, "ATTEMPT_WITHIN", 1.0 if handler is silent else 40.0)
        async with serving(handler) as port:
            line = await _refused(replace(identity, server=replace(identity.server, port=port)))
        assert line.startswith(f"XMPP server 127.0.0.1:{port}: ")
        assert reason in line, line


async def test_a_taken_port_for_the_page_is_said_before_anything_connects(identity: Identity) -> None:
    async def nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        return

    async with serving(nothing) as port:
        agent = BaseAgent(identity=identity, clock=SystemClock(), view_port=port)
        with pytest.raises(ConnectionFailedError, match=f"port {port} on 127.0.0.1 is taken"):
            await agent.start()
        assert agent.session == 0
        await agent.stop()


async def test_a_start_that_failed_leaves_no_task_behind(identity: Identity, unused_tcp_port: int) -> None:
    before = asyncio.all_tasks()
    await _refused(replace(identity, server=replace(identity.server, port=unused_tcp_port)))
    await asyncio.sleep(0)
    left = {task.get_coro() for task in asyncio.all_tasks() - before if not task.done()}
    assert not left


async def test_after_a_restart_of_the_server_everybody_registers_again_and_delivers_what_waited(
    tmp_path: Path, until: Until
) -> None:
    folder = tmp_path / "xmpp"
    server = EmbeddedServer(EmbeddedSettings(folder=folder, domain=DOMAIN))
    await server.start()
    station = Station(server=server, folder=tmp_path)
    station.database.migrate()
    station.database.open()
    try:
        await station.start_hub()
        sender = await station.sender()
        await sender.observe(make_item(b"before"))
        await until(lambda: sender.delivering.counters["confirmed"] == 1)
        await server.stop()
        await until(lambda: not sender.online)
        assert sender.state().presence.show == "unknown"
        await sender.observe(make_item(b"while it is away"))
        assert sender.send(_heartbeat(station)) is False

        server = EmbeddedServer(EmbeddedSettings(folder=folder, domain=DOMAIN, port=server.port))
        await server.start()
        await until(lambda: sender.delivering.counters["confirmed"] == 2)
        assert await station.count() == 2
        await until(lambda: _registered(sender) == 2)
        await until(lambda: {sender.session, station.engine.session, station.registry.session} == {2})

        async def all_available() -> bool:
            return {entry.show for entry in await station.directory.agents()} == {"available"}

        await until(all_available)
        assert {agent.counters["connections lost"] for agent in (sender, station.engine, station.registry)} == {1}
    finally:
        await station.close()
        await server.stop()


def _registered(sender: Sender) -> int:
    return next(state.counters["registered"] for state in sender.state().behaviours if state.name == "register")


def _heartbeat(station: Station) -> Message:
    return compose(to=station.jid("registry"), performative=Performative.INFORM, action=Action.HEARTBEAT, value={})
