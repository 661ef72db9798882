"""WebSocket `/pubsub`: the protocol of `fastapi_websocket_pubsub`, for its clients as they are.

Both sides call methods of each other: `{"request": {"method", "arguments", "call_id"}}`, answered with
`{"response": {"result", "result_type", "call_id"}}`. A client calls `subscribe`; we call its `notify`. We do not wait
for its answers: how fast it reads says how fast it is sent to. Nobody can publish here but the hub.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope
from starlette.websockets import WebSocket, WebSocketDisconnect

from registry.callers import Scope
from registry.live_events import TOPICS
from registry.scandale import ScandaleView
from vedette.errors import StoreError
from vedette.log import logger
from web.api.access import Guarded, Rule, Rules
from web.api.event_stream import CrowdedError, EventStream, StoppedError, Subscriber
from web.api.events import CHECK_EVERY, Patient
from web.api.problems import ProblemError
from web.api.pubsub_contents import Contents

PUBSUB_PATH = "/pubsub"
"""Where SCANDALE's clients connect."""

MOST = 200
"""Connections: each is sent whole items, which costs far more than an event."""

ALL_TOPICS = "__EventNotifier_ALL_TOPICS__"
"""What the library's clients say for all topics."""

MAX_TOPICS = 16
"""Topics in one call."""

_GOING_AWAY, _POLICY = 1012, 1008


class PubSubRoutes:
    """The WebSocket `/pubsub`."""

    def __init__(self, *, stream: EventStream, view: ScandaleView) -> None:
        self._stream = stream
        self._contents = Contents(view)
        self._connected = 0
        self._log = logger("pubsub")
        self.counters: Counter[str] = Counter()
        """Notifications, refused publications, too slow."""

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        rule = rules.any_of(Scope.READ)

        async def serve(scope: AsgiScope, receive: Receive, send: Send) -> None:
            await self._serve(WebSocket(scope, receive, send), rule)

        app.router.routes.append(WebSocketRoute(PUBSUB_PATH, Guarded(serve, rule=rule), name="pubsub"))

    async def _serve(self, socket: WebSocket, rule: Rule) -> None:
        if self._connected >= MOST:
            raise ProblemError(503, "as many subscribers are connected as may be", headers={"Retry-After": "5"})
        self._connected += 1
        try:
            async with self._stream.subscribe(()) as subscriber:
                await socket.accept()
                await self._converse(_Channel(socket, subscriber, self.counters), rule)
        except CrowdedError as error:
            raise ProblemError(503, str(error), headers={"Retry-After": "5"}) from error
        finally:
            self._connected -= 1

    async def _converse(self, channel: _Channel, rule: Rule) -> None:
        tasks = [
            asyncio.create_task(channel.listen()),
            asyncio.create_task(self._notify(channel, rule)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except TimeoutError as error:
            self.counters["too slow"] += 1
            channel.abort()
            raise ClientDisconnect from error
        except (StoppedError, StoreError):
            await channel.close(_GOING_AWAY, "the hub is stopping or its store failed; come again")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _notify(self, channel: _Channel, rule: Rule) -> None:
        checked = time.monotonic()
        while True:
            entries = await channel.subscriber.next()
            if time.monotonic() - checked >= CHECK_EVERY:
                if not await rule.still_good(channel.socket):
                    await channel.close(_POLICY, "the key is not good any more")
                    return
                checked = time.monotonic()
            for entry in entries:
                async for data in self._contents.of(entry):
                    await channel.notify(entry.event.topic, data)


class _Channel:
    """One connection."""

    def __init__(self, socket: WebSocket, subscriber: Subscriber, counters: Counter[str]) -> None:
        self.socket = socket
        self.subscriber = subscriber
        self._counters = counters
        self._patient = Patient(socket.scope, socket.send)
        self._id = secrets.token_hex(16)
        self._calls = 0

    def abort(self) -> None:
        """Break the connection off."""
        self._patient.abort()

    async def close(self, code: int, reason: str) -> None:
        """Close the connection."""
        await self._patient.send({"type": "websocket.close", "code": code, "reason": reason})

    async def notify(self, topic: str, data: bytes) -> None:
        """Call the client's `notify`.

        Raises:
            TimeoutError: the client does not read.
        """
        self._calls += 1
        name = topic.encode()
        subscription = b'{"id":"%b","subscriber_id":"%b","topic":"%b","notifier_id":null}' % (
            name,
            self._id.encode(),
            name,
        )
        arguments = b'{"subscription":%b,"data":%b}' % (subscription, data)
        request = b'{"method":"notify","arguments":%b,"call_id":"%x"}' % (arguments, self._calls)
        await self._send(b'{"request":%b,"response":null}' % request)
        self._counters["notifications"] += 1

    async def listen(self) -> None:
        """Answer what the client calls until it leaves."""
        try:
            while True:
                await self._hear(await self.socket.receive_text())
        except (WebSocketDisconnect, KeyError):
            # A binary message has no text, and no client of the protocol sends one.
            return

    async def _hear(self, text: str) -> None:
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            message = None
        request = message.get("request") if isinstance(message, dict) else None
        if isinstance(request, dict) and isinstance(request.get("method"), str):
            await self._answer(request)
        elif not isinstance(message, dict) or "response" not in message:
            raise ProblemError(422, "this is not a message of the protocol")

    async def _answer(self, request: dict[str, Any]) -> None:
        arguments = request.get("arguments") or {}
        topics = arguments.get("topics", []) if isinstance(arguments, dict) else []
        match request["method"]:
            case "_ping_" | "ping":
                result: bool | str = "pong"
            case "_get_channel_id_":
                result = self._id
            case "subscribe":
                result = self._subscribe(_names(topics))
            case "unsubscribe":
                self.subscriber.topics -= set(_names(topics))
                result = True
            case "publish":
                self._counters["publications refused"] += 1
                result = False
            case method:
                raise ProblemError(422, f"there is no method {method[:32]!r}")
        kind = "bool" if isinstance(result, bool) else "str"
        call = request.get("call_id")
        response = {"result": result, "result_type": kind, "call_id": call[:64] if isinstance(call, str) else None}
        await self._send(orjson.dumps({"request": None, "response": response}))

    def _subscribe(self, names: Sequence[str]) -> bool:
        known = set(names) & set(TOPICS)
        self.subscriber.topics |= known
        return known == set(names)

    async def _send(self, text: bytes) -> None:
        await self._patient.send({"type": "websocket.send", "text": text.decode()})


def _names(topics: object) -> list[str]:
    if topics == ALL_TOPICS or (isinstance(topics, list) and ALL_TOPICS in topics):
        return list(TOPICS)
    if not isinstance(topics, list) or len(topics) > MAX_TOPICS or not all(isinstance(name, str) for name in topics):
        raise ProblemError(422, f"topics must be a list of at most {MAX_TOPICS} names")
    return topics
