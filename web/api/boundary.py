"""The boundary around every route: nothing escapes it, no connection is left half read, headers are set."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from registry.content import NoRoomError
from vedette.errors import RefusedError, StoreError
from vedette.log import Logger
from web.api.problems import ProblemError, problem_response
from web.security import SECURITY_HEADERS

DRAINED = 64 * 1024
"""Bytes of a refused request's body that are read and dropped: a client that still sends would not see the answer."""

DRAIN_TIME = 2.0
"""Seconds for that."""


STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
"""Where there is TLS: browsers use nothing else here for a year (RFC 6797)."""

_USUAL = tuple((name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items())

POLICY_VIOLATION, INTERNAL_ERROR = 1008, 1011
"""Codes with which a WebSocket is closed (RFC 6455 section 7.4.1)."""


class Boundary:
    """An ASGI middleware: answers every error, and reads or cuts off what a refused request still sends."""

    def __init__(self, app: ASGIApp, *, log: Logger) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or one WebSocket."""
        if scope["type"] == "websocket":
            await self._converse(scope, receive, send)
            return
        if scope["type"] != "http":
            # There are no others yet; deny by default.
            return
        exchange = _Exchange(scope, receive, send)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001  the boundary: one request must not take the hub with it
            await self._answer(scope, exchange, error)

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        conversation = _Conversation(scope, receive, send)
        try:
            await self._app(scope, receive, conversation.send)
        except (ClientDisconnect, WebSocketDisconnect):
            return
        except Exception as error:  # noqa: BLE001  the boundary: one WebSocket must not take the hub with it
            await conversation.refuse(self._problem_of(scope, error))

    async def _answer(self, scope: Scope, exchange: _Exchange, error: Exception) -> None:
        problem = self._problem_of(scope, error)
        if exchange.started:
            # Too late to say so: the client sees that the answer is shorter than it was announced.
            self._log.error("an answer broke off", path=scope["path"], reason=str(error))
            raise ClientDisconnect from error
        response = problem_response(problem.status, problem.detail, headers=problem.headers)
        await response(scope, exchange.receive, exchange.send)

    def _problem_of(self, scope: Scope, error: Exception) -> ProblemError:
        if isinstance(error, ProblemError):
            return error
        if isinstance(error, RefusedError):
            return ProblemError(422, str(error))
        if isinstance(error, NoRoomError):
            self._log.error("no room", path=scope["path"], reason=str(error))
            return ProblemError(507, "there is no room for it now; try again later")
        if isinstance(error, StoreError):
            self._log.error("the store failed", path=scope["path"], reason=str(error))
            return ProblemError(503, "the store failed; try again later", headers={"Retry-After": "5"})
        self._log.error("a request failed", path=scope["path"], exc_info=error)
        return ProblemError(500, "something failed here; the log has the reason")


def problem_of_http(error: HTTPException) -> ProblemError:
    """Return a problem for what the router itself refuses: no such path, no such method."""
    return ProblemError(error.status_code, str(error.detail), headers=dict(error.headers or {}))


class _Exchange:
    """One request and its answer, watched."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        headers = dict(scope["headers"])
        self._unread = b"content-length" in headers or b"transfer-encoding" in headers
        self._small = int(headers.get(b"content-length", b"0")) <= DRAINED
        self._waits = b"expect" in headers
        self.started = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._unread = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            await self._settle()
            message["headers"] = _complete(message.get("headers", []), scope=self._scope, closing=self._unread)
        await self._send(message)

    async def _settle(self) -> None:
        # A client that asked first (RFC 9110, 10.1.1) sends nothing; to read would tell it to.
        if not self._unread or not self._small or self._waits:
            return
        try:
            async with asyncio.timeout(DRAIN_TIME):
                dropped = 0
                while self._unread and dropped <= DRAINED:
                    dropped += len((await self.receive()).get("body", b""))
        except TimeoutError:
            return


class _Conversation:
    """One WebSocket, watched: whether it was accepted, and whether it is closed."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._accepted = False
        self._closed = False

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.http.response.start":
            message["headers"] = _complete(message.get("headers", []), scope=self._scope, closing=False)
        elif kind == "websocket.accept":
            self._accepted = True
        self._closed = self._closed or kind in ("websocket.close", "websocket.http.response.body")
        await self._send(message)

    async def refuse(self, problem: ProblemError) -> None:
        """Answer the handshake with the problem; one that is accepted already is closed."""
        if self._closed:
            return
        if self._accepted:
            code = POLICY_VIOLATION if problem.status < 500 else INTERNAL_ERROR
            await self.send({"type": "websocket.close", "code": code, "reason": problem.detail[:100]})
            return
        response = problem_response(problem.status, problem.detail, headers=problem.headers)
        # As a denial: starlette puts the answer into the messages that a handshake has for it.
        await response(self._scope, self._receive, self.send)


def _complete(headers: Iterable[tuple[bytes, bytes]], *, scope: Scope, closing: bool) -> list[tuple[bytes, bytes]]:
    """Add what every answer carries; what the route set itself stays."""
    own = [(name.lower(), value) for name, value in headers]
    names = {name for name, _ in own}
    usual = list(_USUAL)
    if scope.get("scheme") in ("https", "wss"):
        usual.append(STRICT_TRANSPORT)
    if closing:
        # What still comes would be taken for the next request.
        usual.append((b"connection", b"close"))
    return [*own, *(header for header in usual if header[0] not in names)]
