"""The port to an AMQP 0-9-1 broker: one connection takes, another one publishes.

Two, because RabbitMQ stops reading from connections that publish while it is short of memory: acknowledgements on the
same connection would wait, too. Neither reconnects by itself: who uses it opens another, and knows that what was on
its way is delivered again.
"""

from __future__ import annotations

import asyncio
import stat
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage
from aiormq import spec
from yarl import URL

from vedette.configuration.gateway import GatewaySection
from vedette.errors import ConfigurationError, ConnectionFailedError
from vedette.gateway.lenient import read_whatever_comes
from vedette.gateway.message import BrokerMessage, seconds_of
from vedette.gateway.outgoing import Outgoing
from vedette.tls import tls_context

CONNECT_SECONDS: Final = 10.0
"""How long connecting, and each question to the broker, may take."""

CONFIRM_SECONDS: Final = 30.0
"""How long the broker may take to confirm what was published."""

HEARTBEAT_SECONDS: Final = 10
"""Seconds between signs of life: a broker that is cut off is noticed after two or three."""

MAX_CREDENTIALS: Final = 4_096
"""Bytes of a credentials file."""

_ERRORS = (aio_pika.exceptions.AMQPError, OSError, TimeoutError, RuntimeError)
_ENDED = (*_ERRORS, asyncio.InvalidStateError)


@dataclass(frozen=True, kw_only=True)
class BrokerAccess:
    """Where the broker is, and as whom it is spoken to."""

    url: str
    """Its address, without user and password."""
    credentials_file: Path | None
    """File with `user:password`, read at each connection; None: RabbitMQ's `guest`."""
    ca_file: Path | None
    """PEM roots for its certificate; None: the system's."""

    @classmethod
    def of(cls, section: GatewaySection, *, folder: Path) -> BrokerAccess:
        """Return the access that a configuration describes; its paths are relative to `folder`."""
        credentials, roots = section.credentials_file, section.ca
        return cls(
            url=section.url,
            credentials_file=None if credentials is None else folder / credentials,
            ca_file=None if roots is None else folder / roots,
        )

    def account(self) -> tuple[str, str]:
        """Return user and password.

        Raises:
            ConfigurationError: the file cannot be read, is open to others, or has another form.
        """
        if self.credentials_file is None:
            return "guest", "guest"
        place = str(self.credentials_file)
        try:
            if self.credentials_file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigurationError(place, "", "is readable by others; chmod 600")
            with self.credentials_file.open("rb") as file:
                text = file.read(MAX_CREDENTIALS).decode("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(place, "", f"cannot be read: {error}") from error
        user, separator, password = text.partition(":")
        if not (user and separator and password) or "\n" in text:
            raise ConfigurationError(place, "", "must be one line, user:password")
        return user, password

    async def connect(self, name: str) -> AbstractConnection:
        """Return a connection; the broker shows it under a name.

        Raises:
            ConfigurationError: a file cannot be used.
            ConnectionFailedError: the broker cannot be reached or trusted, or refuses the account.
        """
        read_whatever_comes()
        user, password = await asyncio.to_thread(self.account)
        secure = urlsplit(self.url).scheme == "amqps"
        context = await asyncio.to_thread(tls_context, self.ca_file) if secure else None
        url = URL(self.url).with_user(user).with_password(password)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await aio_pika.connect(
                    url.update_query(heartbeat=HEARTBEAT_SECONDS),
                    ssl_context=context,
                    client_properties={"connection_name": name},
                )
        except _ERRORS as error:
            raise self.failure(error) from error

    def failure(self, error: BaseException | str | None) -> ConnectionFailedError:
        """Return what went wrong, with the broker's address and without the password."""
        reason = str(error) or type(error).__name__
        return ConnectionFailedError(f"{self.url}: {reason[:400]}")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A message that the broker waits for an answer to."""

    message: BrokerMessage
    """The message."""
    handle: AbstractIncomingMessage
    """Answers it, as long as its connection lasts."""


class Inlet:
    """A connection that takes what a queue of ours holds."""

    def __init__(self, *, access: BrokerAccess, section: GatewaySection, stir: Callable[[], None]) -> None:
        """Describe it.

        Args:
            access: the broker.
            section: exchange, queue, patterns and how much is handed out.
            stir: called when something came, or the connection ended.
        """
        self._access = access
        self._section = section
        self._stir = stir
        self._connection: AbstractConnection | None = None
        self.arrived: deque[Delivery] = deque()
        """What came and nobody took yet; at most as many as are handed out."""
        self.ended = ""
        """Why the connection ended; empty while it lasts."""

    async def open(self) -> None:
        """Connect, make exchange and queue where there are none, and let deliveries come.

        Raises:
            ConfigurationError: a file cannot be used.
            ConnectionFailedError: the broker cannot be reached, or has them in another form.
        """
        section = self._section
        self._connection = await self._access.connect(f"vedette {section.name} takes")
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                self._connection.close_callbacks.add(self._closed)
                channel = await self._connection.channel()
                channel.close_callbacks.add(self._closed)
                await channel.set_qos(prefetch_count=section.prefetch)
                exchange = await _topic(channel, section.exchange)
                queue = await channel.declare_queue(section.queue, durable=True)
                for pattern in section.patterns:
                    await queue.bind(exchange, pattern)
                await queue.consume(self._take)
        except BaseException as error:
            await self.close()
            if isinstance(error, _ENDED):
                raise self._access.failure(error) from error
            raise

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that it may forget messages.

        Raises:
            ConnectionFailedError: the connection ended; they are delivered again.
        """
        try:
            for delivery in deliveries:
                await delivery.handle.ack()
        except _ENDED as error:
            raise self._access.failure(self.ended or error) from error

    async def close(self) -> None:
        """End the connection; what was not acknowledged is delivered again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await _close(connection)

    async def _take(self, handle: AbstractIncomingMessage) -> None:
        self.arrived.append(Delivery(message=_message(handle), handle=handle))
        self._stir()

    def _closed(self, _: Any, error: BaseException | None = None) -> None:
        self.ended = self.ended or str(error or "the broker ended the connection")[:400]
        self._stir()


class Outlet:
    """A connection that publishes, and waits until the broker has what was published."""

    def __init__(self, *, access: BrokerAccess, name: str, exchange: str, hold: bool = False) -> None:
        """Describe it.

        Args:
            access: the broker.
            name: what the broker shows.
            exchange: where to publish.
            hold: whether there must be a queue of the exchange's name that holds everything.
        """
        self._access = access
        self._name = name
        self._exchange_name = exchange
        self._hold = hold
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None

    async def publish(self, messages: Sequence[Outgoing]) -> list[bool]:
        """Publish messages; return for each whether it is in a queue: else nobody has bound one for its key.

        Raises:
            ConfigurationError: a file cannot be used.
            ConnectionFailedError: not all of them are confirmed; some may be published.
        """
        try:
            exchange = self._exchange or await self._open()
            async with asyncio.timeout(CONFIRM_SECONDS):
                results = await asyncio.gather(*(_publish(exchange, message) for message in messages))
        except _ENDED as error:
            await self.close()
            raise self._access.failure(error) from error
        except BaseException:
            await self.close()
            raise
        return [isinstance(result, spec.Basic.Ack) for result in results]

    async def close(self) -> None:
        """End the connection; `publish` opens another."""
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            await _close(connection)

    async def _open(self) -> AbstractExchange:
        self._connection = await self._access.connect(self._name)
        async with asyncio.timeout(CONNECT_SECONDS):
            channel = await self._connection.channel(publisher_confirms=True, on_return_raises=False)
            self._exchange = await _topic(channel, self._exchange_name)
            if self._hold:
                queue = await channel.declare_queue(self._exchange_name, durable=True)
                await queue.bind(self._exchange, "#")
        return self._exchange


async def _topic(channel: AbstractChannel, name: str) -> AbstractExchange:
    return await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)


async def _publish(exchange: AbstractExchange, message: Outgoing) -> object:
    return await exchange.publish(
        aio_pika.Message(
            message.body,
            headers=dict(message.headers),
            content_type=message.content_type or None,
            content_encoding=message.content_encoding or None,
            priority=message.priority,
            timestamp=message.timestamp,
            message_id=message.message_id or None,
            type=message.kind or None,
            app_id="vedette",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        ),
        routing_key=message.routing_key,
        mandatory=True,
    )


async def _close(connection: AbstractConnection) -> None:
    with suppress(*_ENDED):
        async with asyncio.timeout(CONNECT_SECONDS):
            await connection.close()


def _message(handle: AbstractIncomingMessage) -> BrokerMessage:
    return BrokerMessage(
        exchange=handle.exchange or "",
        routing_key=handle.routing_key or "",
        body=handle.body,
        redelivered=bool(handle.redelivered),
        headers=dict(handle.headers or {}),
        content_type=handle.content_type or "",
        content_encoding=handle.content_encoding or "",
        priority=_priority(handle),
        timestamp=seconds_of(handle.timestamp),
        message_id=handle.message_id or "",
        kind=handle.type or "",
        app_id=handle.app_id or "",
    )


def _priority(handle: AbstractIncomingMessage) -> int | None:
    # The library says 0 for a message without one, which is the same to a broker.
    return handle.priority or None
