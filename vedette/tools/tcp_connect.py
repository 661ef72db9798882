"""`tcp-connect`: whether ports accept connections, how fast, and what they say first."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from vedette.clock import MICROSECONDS, Clock
from vedette.tools.interface import Arguments
from vedette.tools.observation import Observation, Part, Port, Seconds, StandardForm, failure, host_objection

MAX_BANNER = 512
"""Bytes of a banner."""

_AT_ONCE = 16


class TcpConnectArguments(Arguments):
    """What to connect to, and how long to wait."""

    ports: Annotated[
        tuple[Port, ...],
        Field(min_length=1, max_length=256, validation_alias=AliasChoices("ports", "port")),
    ]
    """TCP ports."""
    connect_time: Seconds = 5.0
    """Seconds for one connection."""
    banner: bool = False
    """Whether to wait for what the other side says first."""
    banner_time: Seconds = 2.0
    """Seconds to wait for it."""


class PortResult(Part):
    """One port."""

    port: int
    """Which one."""
    state: Literal["open", "refused", "timed out", "failed"]
    """What became of the connection."""
    address: str | None = None
    """The address that was connected to."""
    connect_time: int | None = None
    """Microseconds until the connection stood."""
    banner: str | None = None
    """What the other side said first; bytes that are not UTF-8 are shown as `\\x..`."""
    reason: str | None = None
    """Why it is not open."""


class TcpConnectForm(StandardForm):
    """Standard form of `tcp-connect`."""

    form: str = "tcp-connect/1"
    addresses: tuple[str, ...] = ()
    """What the name resolves to."""
    resolve_time: int | None = None
    """Microseconds."""
    ports: tuple[PortResult, ...] = ()
    """Each port, in the order asked."""


class TcpConnect(Observation[TcpConnectArguments]):
    """Connects to TCP ports."""

    name = "tcp-connect"
    summary = "TCP connect: open or not, how fast, banner"
    Arguments = TcpConnectArguments
    Form = TcpConnectForm

    def objection(self, target: str) -> str | None:
        """Return why `target` is no host."""
        return host_objection(target)

    async def observe(self, *, target: str, arguments: TcpConnectArguments, clock: Clock) -> TcpConnectForm:
        """Resolve once, then connect to each port."""
        begin = clock.monotonic()
        addresses = await resolve(target)
        resolve_time = _since(begin, clock)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(port: int) -> PortResult:
            async with gate:
                return await _connect(addresses, port, arguments, clock)

        ports = await asyncio.gather(*map(one, arguments.ports))
        closed = [f"port {entry.port}: {entry.reason}" for entry in ports if entry.state != "open"]
        return TcpConnectForm(
            target=target,
            error="; ".join(closed) or None,
            addresses=tuple(addresses),
            resolve_time=resolve_time,
            ports=tuple(ports),
        )


async def resolve(host: str) -> list[str]:
    """Return a host's addresses in the system's order of preference.

    Raises:
        OSError: the name does not resolve (`socket.gaierror`) or cannot be written in DNS.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _connect(addresses: list[str], port: int, arguments: TcpConnectArguments, clock: Clock) -> PortResult:
    """Connect to the first address that accepts; the last failure counts where none does."""
    result = PortResult(port=port, state="failed", reason="no address")
    for address in addresses:
        begin = clock.monotonic()
        try:
            async with asyncio.timeout(arguments.connect_time):
                reader, writer = await asyncio.open_connection(address, port)
        except OSError as error:
            result = PortResult(port=port, state=_state(error), address=address, reason=failure(error))
            continue
        connect_time = _since(begin, clock)
        try:
            banner = await _banner(reader, arguments.banner_time) if arguments.banner else None
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return PortResult(port=port, state="open", address=address, connect_time=connect_time, banner=banner)
    return result


async def _banner(reader: asyncio.StreamReader, seconds: float) -> str | None:
    try:
        async with asyncio.timeout(seconds):
            said = await reader.read(MAX_BANNER)
    except OSError:
        return None
    return said.decode("utf-8", errors="backslashreplace") or None


def _state(error: OSError) -> Literal["refused", "timed out", "failed"]:
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    return "timed out" if isinstance(error, TimeoutError) else "failed"


def _since(begin: float, clock: Clock) -> int:
    return round((clock.monotonic() - begin) * MICROSECONDS)
