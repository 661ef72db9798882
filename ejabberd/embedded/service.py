"""The embedded server's own process: one listener on loopback, until its parent or a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import sqlite3
import ssl
from dataclasses import dataclass
from pathlib import Path

from ejabberd.embedded.address import Address
from ejabberd.embedded.login import Login
from ejabberd.embedded.pubsub import PubSub
from ejabberd.embedded.roster import Rosters
from ejabberd.embedded.router import Router
from ejabberd.embedded.wire import ClientStream, Wiring
from vedette.errors import ConfigurationError, ConnectionFailedError, StoreError

HOST = "127.0.0.1"
"""The only address that it ever listens on."""

ACCOUNTS_PERIOD = 1.0
"""Seconds between looks at whether an account was removed."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where the server finds what it needs."""

    folder: Path
    """Holds accounts.sqlite, rosters.sqlite and pubsub.sqlite."""
    certificate: Path
    """PEM, with the chain."""
    key: Path
    """PEM."""


class Service:
    """The listener and everything behind it."""

    def __init__(self, *, files: Files, domain: str) -> None:
        self._streams: set[ClientStream] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._listener: asyncio.Server | None = None
        try:
            self._login = Login(files.folder, domain=domain)
            self._rosters = Rosters(files.folder / "rosters.sqlite")
            self._pubsub = PubSub(files.folder / "pubsub.sqlite", domain=domain)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{files.folder}: cannot open the server's databases: {error}") from error
        self._router = Router(domain=domain, rosters=self._rosters, exists=self._login.exists)
        self._pubsub.attach(self._router)
        self._wiring = Wiring(router=self._router, login=self._login, tls=_context(files))
        self._wiring.configure()

    async def listen(self, port: int) -> int:
        """Start listening and return the port: `port`, or a free one for 0.

        Raises:
            ConnectionFailedError: the port is taken or not allowed.
        """
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(self._stream, host=HOST, port=port, backlog=256)
        except OSError as error:
            reason = "is taken by another program" if error.errno == errno.EADDRINUSE else f"({error.strerror})"
            raise ConnectionFailedError(
                f"cannot start the XMPP server: port {port} on {HOST} {reason}; choose another port"
            ) from error
        return int(self._listener.sockets[0].getsockname()[1])

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then close every stream."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), ACCOUNTS_PERIOD)
            if self._login.has_changed():
                self._end_removed()
        await self._close()

    def _stream(self) -> ClientStream:
        stream = ClientStream(wiring=self._wiring, ended=self._forget)
        self._streams.add(stream)
        self._empty.clear()
        return stream

    def _forget(self, stream: ClientStream) -> None:
        self._streams.discard(stream)
        if not self._streams:
            self._empty.set()

    def _end_removed(self) -> None:
        removed: set[Address] = set()
        for stream in list(self._streams):
            if stream.session is None:
                continue
            stored = self._login.stored(stream.user)
            if stored is None:
                removed.add(stream.session.address.bare)
            if stored != stream.credential:
                stream.fail("not-authorized")
        for user in self._rosters.owners():
            if user in removed or not self._login.exists(user):
                self._router.presence.remove_user(user)

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for stream in list(self._streams):
            stream.fail("system-shutdown")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), 1.0)
        for database in (self._login, self._rosters, self._pubsub):
            database.close()


def _context(files: Files) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            str(files.certificate), "", f"cannot be used as the server's certificate: {error}"
        ) from error
    return context
