"""Real servers and real clients (slixmpp, and a bare TLS stream for what no library would send)."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from slixmpp import ClientXMPP

from ejabberd.accounts import EmbeddedAccounts, new_password
from ejabberd.api import EjabberdAccounts
from ejabberd.configuration import initialise
from ejabberd.embedded import EmbeddedServer, EmbeddedSettings
from ejabberd.server import EjabberdServer, find_installation
from ejabberd.settings import XmppSettings
from tests.timing import PATIENCE
from vedette.errors import ConfigurationError

Until = Callable[[Callable[[], Any]], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """Wait until a condition holds."""

    async def wait(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, "the condition never held"
            await asyncio.sleep(0.01)

    return wait


class Client(ClientXMPP):
    """A slixmpp client that verifies the server and keeps what it receives."""

    def __init__(self, jid: str, password: str, ca_file: Path) -> None:
        super().__init__(jid, password)
        self.ca_certs = ca_file
        self.enable_direct_tls = False
        self.auto_reconnect = False
        self.failed = asyncio.Event()
        self.messages: list[Any] = []
        self.presences: list[Any] = []
        self.iqs: list[Any] = []
        for plugin in ("xep_0030", "xep_0060", "xep_0199"):
            self.register_plugin(plugin)
        self.add_event_handler("message", self.messages.append)
        self.add_event_handler("message_error", self.messages.append)
        for event in ("failed_auth", "failed_all_auth"):
            self.add_event_handler(event, lambda _: self.failed.set())
        self.add_filter("in", self._notice)
        self.add_event_handler("presence", self.presences.append)
        self.roster.auto_authorize = None
        self.roster.auto_subscribe = False

    def _notice(self, stanza: Any) -> Any:
        # Being refused at binding has no event of its own.
        if stanza.name == "iq" and stanza["type"] == "error" and stanza["error"]["condition"] == "not-allowed":
            self.failed.set()
        return stanza

    def seen(self, kind: str, sender: str) -> list[Any]:
        """Return the presences of that type from a JID (bare or full)."""
        return [
            stanza
            for stanza in self.presences
            if stanza.xml.get("type", "available") == kind and sender in {str(stanza["from"]), stanza["from"].bare}
        ]

    def kill(self) -> None:
        """Drop the connection without a word, as the kernel does for a killed process."""
        self.transport.abort()


Connect = Callable[..., Awaitable[Client]]


class Server:
    """An embedded server with its accounts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.accounts = EmbeddedAccounts(folder)
        self.passwords: dict[str, str] = {}
        self.embedded = EmbeddedServer(EmbeddedSettings(folder=folder))

    def add(self, name: str) -> str:
        """Make an account and return its password."""
        self.passwords[name] = new_password()
        self.accounts.create(name, self.passwords[name])
        return self.passwords[name]

    def client(self, name: str, *, resource: str = "main", password: str | None = None) -> Client:
        """Return a client that is not connected yet."""
        jid = f"{name}@localhost/{resource}"
        return Client(jid, password or self.passwords[name], self.embedded.ca_file)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A running embedded server with the accounts a, b and c."""
    server = Server(tmp_path / "xmpp")
    for name in "abc":
        server.add(name)
    async with server.embedded:
        yield server
    log = (tmp_path / "xmpp" / "server.log").read_text()
    assert "Traceback" not in log, log


@pytest.fixture
async def connect(server: Server) -> AsyncIterator[Connect]:
    """Log in to the embedded server, with presence of priority 1 unless told not to."""
    clients: list[Client] = []

    async def go(name: str, *, resource: str = "main", available: bool = True) -> Client:
        client = server.client(name, resource=resource)
        clients.append(client)
        client.connect("127.0.0.1", server.embedded.port)
        await client.wait_until("session_start", PATIENCE)
        await client.get_roster()
        if available:
            client.send_presence(ppriority=1)
            # The answer comes after the presence was taken in: what others send now arrives.
            await client.plugin["xep_0199"].ping("localhost", timeout=PATIENCE)
        return client

    yield go
    for client in clients:
        client.auto_reconnect = False
        await client.disconnect(wait=0.5)


class Stream:
    """A client's stream by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, text: str | bytes) -> None:
        """Send as it is."""
        self.writer.write(text.encode() if isinstance(text, str) else text)

    def open(self) -> None:
        """Send a stream header with an XML declaration, as RFC 6120 section 11.5 asks for."""
        self.send(
            "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
            "xmlns:stream='http://etherx.jabber.org/streams'>"
        )

    async def until(self, end: bytes) -> bytes:
        """Read up to and with `end`."""
        return await asyncio.wait_for(self.reader.readuntil(end), PATIENCE)

    async def rest(self) -> bytes:
        """Read until the server closes."""
        return await asyncio.wait_for(self.reader.read(), PATIENCE)

    async def secure(self, ca_file: Path) -> None:
        """STARTTLS with verification, and the header again."""
        self.open()
        await self.until(b"</stream:features>")
        self.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        await self.until(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        await self.writer.start_tls(ssl.create_default_context(cafile=ca_file), server_hostname="localhost")
        self.open()

    async def login(self, name: str, password: str) -> None:
        """PLAIN, and bind the resource `raw`."""
        await self.until(b"</stream:features>")
        text = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
        self.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{text}</auth>")
        await self.until(b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        self.open()
        await self.until(b"</stream:features>")
        bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>raw</resource></bind>"
        self.send(f"<iq type='set' id='bind'>{bind}</iq>")
        await self.until(b"</iq>")


@pytest.fixture
async def stream(server: Server) -> AsyncIterator[Callable[[], Awaitable[Stream]]]:
    """Open TCP connections to the embedded server."""
    streams: list[Stream] = []

    async def go() -> Stream:
        streams.append(Stream(*await asyncio.open_connection("127.0.0.1", server.embedded.port)))
        return streams[-1]

    yield go
    for opened in streams:
        opened.writer.transport.abort()


@contextmanager
def _open_folder() -> Iterator[Path]:
    """A folder that the user `ejabberd` can reach, which pytest's own are not; skips without ejabberd but in CI."""
    try:
        find_installation()
    except ConfigurationError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have it: {error}")
        pytest.skip(str(error))
    folder = Path(tempfile.mkdtemp(prefix="vedette-ejabberd-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that ejabberd's own user can reach."""
    with _open_folder() as folder:
        yield folder


class Production:
    """A real ejabberd with clients."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        initialise(folder, XmppSettings(domain="localhost", port=0))
        self.ejabberd = EjabberdServer(folder)
        self.accounts = EjabberdAccounts(folder)
        self.clients: list[Client] = []

    def client(self, name: str, password: str, *, certificate: tuple[Path, Path] | None = None) -> Client:
        """Begin to connect."""
        client = Client(f"{name}@localhost/main", password, self.ejabberd.ca_file)
        if certificate is not None:
            client.certfile, client.keyfile = map(str, certificate)
        self.clients.append(client)
        client.connect("127.0.0.1", self.ejabberd.port)
        return client

    async def connect(self, name: str, password: str) -> Client:
        """Log in, with presence of priority 1."""
        client = self.client(name, password)
        await client.wait_until("session_start", PATIENCE)
        await client.get_roster()
        client.send_presence(ppriority=1)
        await client.plugin["xep_0199"].ping("localhost", timeout=PATIENCE)
        return client


@pytest.fixture(scope="module")
def started_once() -> Iterator[Production]:
    """A running ejabberd: a start takes seconds, so the tests of a module share one."""
    with _open_folder() as folder:
        production = Production(folder / "xmpp")
        asyncio.run(production.ejabberd.start())
        yield production
        asyncio.run(production.ejabberd.stop())


@pytest.fixture
async def production(started_once: Production) -> AsyncIterator[Production]:
    """The same, running and without accounts or clients of other tests."""
    if not started_once.ejabberd.pid:
        await started_once.ejabberd.start()
    yield started_once
    for client in started_once.clients:
        await client.disconnect(wait=0.5)
    started_once.clients.clear()
    for name in started_once.accounts.names():
        started_once.accounts.remove(name)
