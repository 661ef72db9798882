"""Where syslog messages arrive: bounded in memory, committed as they come."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import orjson

from vedette.collection.desk import Desk
from vedette.collection.lines import RECORDS
from vedette.collection.records import AT_ONCE, commit_records
from vedette.collection.syslog import Framing, FramingError, parse_message

LINGER = 0.5
"""Seconds that messages wait for others."""

WAITING = 50_000
"""Messages that may wait; then streams are not read on, and datagrams are lost, which is counted."""

WAITING_BYTES = 32 * 1024 * 1024
"""Their bytes, likewise."""

READ = 64 * 1024
"""Bytes of a stream that are read at a time."""

_SOCKET_BUFFER = 8 * 1024 * 1024

Arrived = tuple[int, str, bytes]
"""When it came in microseconds since 1970, from where, and the message."""


class Intake:
    """Messages that came and are not committed yet."""

    def __init__(self, desk: Desk, *, form: str) -> None:
        self._desk = desk
        self._form = form
        self._waiting: list[Arrived] = []
        self._bytes = 0
        self._some = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._lost = 0

    @property
    def full(self) -> bool:
        """Whether no more is taken for the moment."""
        return len(self._waiting) >= WAITING or self._bytes >= WAITING_BYTES

    def add(self, sender: str, messages: list[bytes]) -> None:
        """Take messages; there may be more than there is room for, by those of one read."""
        now = self._desk.clock.now()
        self._waiting += [(now, sender, message) for message in messages]
        self._bytes += sum(map(len, messages))
        self._some.set()
        if self.full:
            self._room.clear()

    def lose(self) -> None:
        """Count a datagram for which there is no room."""
        self._lost += 1

    def refuse(self, reason: str) -> None:
        """Count a sender that is not listened to."""
        self._desk.report.refuse(f"{self._desk.report.uri}: {reason}")

    async def room(self) -> None:
        """Wait until more may be taken."""
        await self._room.wait()

    async def commit_as_it_comes(self) -> None:
        """Commit what came, again and again, until cancelled; then what is left."""
        # In a task of its own: what is being committed when the run is cancelled must not be cut off.
        committing = asyncio.create_task(self._commit_until_ended(), name="syslog commit")
        try:
            await asyncio.shield(committing)
        finally:
            self._desk.lasting = False
            self._some.set()
            await committing

    async def _commit_until_ended(self) -> None:
        while self._desk.lasting or self._waiting:
            await self._some.wait()
            if len(self._waiting) < RECORDS and not self.full and self._desk.lasting:
                await asyncio.sleep(LINGER)
            await self._commit()

    async def _commit(self) -> None:
        if self._lost:
            self._desk.report.fail(f"{self._desk.report.uri}: {self._lost} datagrams lost: no room")
            self._lost = 0
        while self._waiting:
            taken, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            self._bytes = sum(len(message) for _, _, message in self._waiting)
            records = await asyncio.to_thread(_records, taken)
            await commit_records(self._desk, records, url=self._desk.report.uri, form=self._form)
            if not self.full:
                self._room.set()
        if self._desk.lasting:
            self._some.clear()


def _records(arrived: list[Arrived]) -> list[bytes]:
    return [
        orjson.dumps({"received_at": at, "from": sender, **parse_message(message)}) for at, sender, message in arrived
    ]


class UdpPort(asyncio.DatagramProtocol):
    """Takes datagrams: each is a message (RFC 5426 section 3.1)."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have the kernel keep more while we are busy, as far as it lets us."""
        with contextlib.suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take a message, or count it where there is no room."""
        if self._intake.full:
            self._intake.lose()
        elif data:
            self._intake.add(f"udp {addr[0]} {addr[1]}", [data])


class Stream:
    """One sender's connection."""

    def __init__(
        self, intake: Intake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, transport: str
    ) -> None:
        host, port = (writer.get_extra_info("peername") or ("?", 0))[:2]
        self._sender = f"{transport} {host} {port}"
        self._intake = intake
        self._reader = reader
        self._writer = writer

    async def listen(self) -> None:
        """Take messages until the sender ends, or what it sends is none."""
        framing = Framing()
        try:
            while data := await self._reader.read(READ):
                self._intake.add(self._sender, framing.feed(data))
                # Not read on: TCP makes the sender wait.
                await self._intake.room()
        except FramingError as error:
            self._intake.refuse(f"{self._sender} {error}")
        except OSError as error:
            # Cut off: what was whole is taken.
            self._intake.refuse(f"{self._sender}: {error.strerror or error}")
        finally:
            self._intake.add(self._sender, framing.finish())
            self._writer.close()
