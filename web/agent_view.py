"""An agent's own HTML view: one page from its state document, served on loopback by default."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from vedette.errors import ConnectionFailedError
from vedette.log import logger
from vedette.messages.state import AgentState
from web.head_time import HEAD_TIME, HeadTime
from web.rendering import render_agent, render_problem
from web.security import SECURITY_HEADERS, host_is_ours
from web.static_files import static_files

MAX_CONNECTIONS = 64
"""Open connections: a browser needs six, and one person opens a few of them."""

MAX_REQUEST_LINE = 2048
"""Bytes of the request line; our own addresses are shorter than 100."""

MAX_HEADER = 8190
"""Bytes of one header: other programs on localhost share their cookies with every port."""

MAX_HEADERS = 64
"""Headers of a request."""

KEEP_ALIVE = 15.0
"""Seconds that an idle connection stays open: longer than a page takes to ask again."""

STOP_PATIENCE = 1.0
"""Seconds that an answer in progress may still take when the view stops."""

_ADVICE = {
    404: "There is nothing at this address. The agent's page is at /.",
    405: "This view only shows; it takes GET and HEAD.",
    421: "This name is not the view's. Open it by the address that the agent printed.",
    500: "The agent could not describe itself. Its log has the reason.",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AgentView:
    """Serves what `state` returns, as a page and as JSON; it changes nothing and takes no input."""

    def __init__(
        self,
        *,
        state: Callable[[], AgentState],
        host: str = "127.0.0.1",
        port: int = 0,
        head_time: float = HEAD_TIME,
    ) -> None:
        self._state = state
        self._head_time = head_time
        self._host = host
        self._port = port
        self._failure = ""
        self._log = logger("view")
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The address to open.

        Raises:
            ConnectionFailedError: the view is not being served.
        """
        if self._listener is None or not self._listener.sockets:
            raise ConnectionFailedError("the view is not being served; start it first")
        port = self._listener.sockets[0].getsockname()[1]
        return f"http://{_reachable(self._host)}:{port}/"

    async def start(self) -> None:
        """Listen; port 0 takes any free one.

        Raises:
            ConnectionFailedError: the port is taken, not allowed, or the host is not this machine's.
        """
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            logger=_protocol_log(),
            keepalive_timeout=KEEP_ALIVE,
            shutdown_timeout=STOP_PATIENCE,
            max_line_size=MAX_REQUEST_LINE,
            max_field_size=MAX_HEADER,
            max_headers=MAX_HEADERS,
        )
        await runner.setup()
        try:
            bounded = _bounded(runner, head_time=self._head_time)
            self._listener = await asyncio.get_running_loop().create_server(bounded, self._host, self._port)
        except (OSError, OverflowError) as error:
            await runner.cleanup()
            raise ConnectionFailedError(_refusal(error, self._host, self._port)) from error
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening and close what is open; harmless when not started."""
        listener, runner = self._listener, self._runner
        self._listener = self._runner = None
        if listener is not None:
            listener.close()
        if runner is not None:
            await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard])
        application.on_response_prepare.append(_secure)
        application.router.add_get("/", self._page)
        application.router.add_get("/static/{name}", _static)
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse foreign names, and answer every problem with a page of ours."""
        if not host_is_ours(request.headers.get("Host"), names=[self._host]):
            return _problem(request, 421, "Misdirected Request")
        try:
            return await handler(request)
        except web.HTTPException as error:
            response = _problem(request, error.status, error.reason)
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
            return response
        except Exception as error:  # noqa: BLE001  a view that fails must not take the agent with it
            self._report(error)
            return _problem(request, 500, "Internal Server Error")

    def _report(self, error: Exception) -> None:
        """Log a failure when it begins: an open page asks again every two seconds."""
        failure = f"{type(error).__name__}: {error}"
        if failure != self._failure:
            self._failure = failure
            self._log.error("state not available", error=failure, exc_info=error)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        as_json = _wants_json(request)
        state = self._state()
        if as_json:
            response = web.Response(text=state.model_dump_json(), content_type="application/json")
        else:
            response = web.Response(text=render_agent(state, live=True), content_type="text/html")
        self._failure = ""
        response.headers["Vary"] = "Accept"
        return response


async def _static(request: web.Request) -> web.StreamResponse:
    file = static_files().get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    return web.Response(body=file.body, content_type=file.content_type, charset="utf-8")


async def _secure(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(SECURITY_HEADERS)


def _wants_json(request: web.Request) -> bool:
    """Tell whether JSON is asked for, by the query or by Accept; the query wins."""
    wanted = request.query.get("format")
    if wanted is not None:
        return wanted == "json"
    accept = request.headers.get("Accept", "")
    return "application/json" in accept and "text/html" not in accept


def _problem(request: web.Request, status: int, title: str) -> web.Response:
    advice = _ADVICE.get(status, "The view cannot answer this.")
    if _wants_json(request):
        body = orjson.dumps({"status": status, "error": title, "advice": advice})
        return web.Response(status=status, body=body, content_type="application/json")
    page = render_problem(status=status, title=title, advice=advice)
    return web.Response(status=status, text=page, content_type="text/html")


class _Full(asyncio.Protocol):
    """Closes a connection that is one too many, before it costs anything."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _bounded(runner: web.AppRunner, *, head_time: float) -> Callable[[], asyncio.BaseProtocol]:
    """Return what makes the protocol of a new connection, with their number and the time of heads limited."""

    def connect() -> asyncio.BaseProtocol:
        server = runner.server
        if server is None or len(server.connections) >= MAX_CONNECTIONS:
            return _Full()
        return HeadTime(server(), seconds=head_time)

    return connect


def _protocol_log() -> logging.Logger:
    """Return the log for malformed requests: silent, or any port scan would fill the agent's log."""
    log = logging.getLogger("vedette.view.protocol")
    log.setLevel(logging.CRITICAL + 1)
    return log


def _reachable(host: str) -> str:
    """Return the host as it stands in an address; every address means this machine here."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"[{address}]" if address.version == 6 else str(address)


def _refusal(error: OSError | OverflowError, host: str, port: int) -> str:
    """Return why nothing can be served there, and what to do."""
    if isinstance(error, OverflowError):
        return f"{port} is not a port; choose a view port from 0 to 65535"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken by another program; choose another view port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} on {host} is not allowed to this user; choose a view port above 1023"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; choose another view host"
    return f"cannot serve the view on {host}, port {port}: {error.strerror or error}"
