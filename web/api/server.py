"""Serving the API inside the hub's own event loop: bounded, and stopped with it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from vedette.errors import ConnectionFailedError
from vedette.log import logger
from web.api.concurrency import REQUESTS, STREAMS
from web.api.tls import tls_context
from web.api.wire import BoundedHttp, BoundedWebSocket

CONNECTIONS = REQUESTS + STREAMS
"""Open connections; one more is answered 503 at once. What they may do at the same time is bounded, too."""

OTHER_FILES = 1024
"""Files that the process has open besides connections."""

MAX_MESSAGE = 64 * 1024
"""Bytes of a message that a client sends over a WebSocket."""

PING = 20.0
"""Seconds between pings over a WebSocket, and for the answer to one."""

KEEP_ALIVE = 10
"""Seconds that an idle connection stays open."""

STOP_PATIENCE = 2
"""Seconds that answers in progress may still take when the server stops."""


class _Server(uvicorn.Server):
    """A server that leaves signals to the process it runs in, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ApiServer:
    """Serves an application at one address."""

    def __init__(
        self,
        *,
        app: ASGIApp,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        """Describe the server; port 0 takes any free one, `certificate` and `key` (PEM files) make it TLS."""
        self._host = host
        self._port = port
        self._tls = certificate is not None
        self._task: asyncio.Task[None] | None = None
        self._address = ("", 0)
        self._server = _Server(
            uvicorn.Config(
                app,
                http=BoundedHttp,
                ws=BoundedWebSocket,
                ws_max_size=MAX_MESSAGE,
                ws_ping_interval=PING,
                ws_ping_timeout=PING,
                # Unpacking costs memory for each connection, and lets a small frame become a large one.
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                # Below, it logs the paths of WebSockets with their keys.
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=STOP_PATIENCE,
                ssl_certfile=certificate,
                ssl_keyfile=key,
                ssl_context_factory=None if certificate is None else tls_context,
            )
        )

    @property
    def url(self) -> str:
        """The address to connect to, without a slash at its end.

        Raises:
            ConnectionFailedError: it is not being served.
        """
        if self._task is None:
            raise ConnectionFailedError("the API is not being served; start it first")
        host, port = self._address
        return f"{'https' if self._tls else 'http'}://{host}:{port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            ConnectionFailedError: the port is taken or not allowed, the host not this machine's, or the
                certificate cannot be used.
        """
        _allow_connections()
        listener = self._listen()
        self._address = (_reachable(listener.getsockname()[0]), listener.getsockname()[1])
        try:
            self._server.config.load()
        except OSError as error:
            listener.close()
            raise ConnectionFailedError(f"the API's certificate or key cannot be used: {error}") from error
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="api")
        await self._server.listening.wait()

    async def stop(self) -> None:
        """Stop listening, let what is in progress end for a moment; harmless when not started."""
        task, self._task = self._task, None
        if task is not None:
            self._server.should_exit = True
            await asyncio.wait([task])

    def _listen(self) -> socket.socket:
        try:
            (family, *_, address), *_ = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            # asyncio turns Nagle's algorithm off only where the protocol is said; with it, an answer waits 40 ms.
            listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        except OSError as error:
            raise ConnectionFailedError(f"{self._host} is not an address of this machine; change api.host") from error
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError as error:
            listener.close()
            raise ConnectionFailedError(_refusal(error, self._host, self._port)) from error
        return listener


def _allow_connections() -> None:
    """Let this process have as many open files as it may have connections: the usual limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
    if allowed < wanted:
        logger("api").warning("fewer connections than usual: raise the limit of open files", limit=allowed)


def _refusal(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken by another program; choose another api.port"
    return f"the API cannot be served on {host}, port {port}: {error.strerror}"


def _reachable(host: str) -> str:
    """Return the address as it stands in a URL; all addresses means this machine here."""
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"[{address}]" if address.version == 6 else str(address)
