"""The port to what is fetched over HTTP: requests, answers, limits and failures."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self

from vedette.errors import VedetteError

Sink = Callable[[bytes], Awaitable[None]]
"""Takes the body part by part; what it raises ends the fetch and is passed on."""


class FetchError(VedetteError):
    """Something could not be fetched; the message names the URL, without its secrets, and the cause."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        unreachable: bool = False,
        excerpt: str = "",
    ) -> None:
        self.unreachable = unreachable
        """Whether no whole answer came at all."""
        self.excerpt = excerpt
        """How the answer begins, printable; empty unless it was asked for."""
        self.status = status
        """HTTP status, where that is the cause."""
        self.retry_after = retry_after
        """Seconds after which the server wants to be asked again, where it says so."""
        super().__init__(message)


class FetchRefusedError(FetchError):
    """The rules do not let us ask: trying again does not help."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchLimits:
    """How much is taken and how long is waited."""

    max_bytes: int = 64 * 1024 * 1024
    """Bytes of a body, as it comes and after decompression."""
    seconds: float = 30.0
    """From looking up the name to the last byte, redirects included."""
    redirects: int = 5
    """Redirects that are followed; 0: none."""

    def at_most(self, *, max_bytes: int, seconds: float) -> FetchLimits:
        """Return these limits, none of them above the ones given."""
        return replace(self, max_bytes=min(self.max_bytes, max_bytes), seconds=min(self.seconds, seconds))


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchRequest:
    """What is asked for."""

    url: str
    """`http` or `https`, without credentials."""
    method: Literal["GET", "POST", "HEAD"] = "GET"
    """Only these fetch; HEAD asks for what is said of the body, without it."""
    body: bytes | None = None
    """What is posted."""
    content_type: str = ""
    """What the body is."""
    accept: tuple[str, ...] = ()
    """Media types that the answer may have; empty: any."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers, such as Authorization; a redirect to another origin does not get them."""
    etag: str = ""
    """Entity tag of what we have: an unchanged one is not sent again (RFC 9110 section 13.1.2)."""
    last_modified: str = ""
    """When what we have was changed, as the server said it."""
    compressed: bool = False
    """Whether the body may come compressed."""
    excerpt: int = 0
    """Bytes of a refusal's body that the error shows."""
    on_redirect: Callable[[str], Awaitable[None]] | None = None
    """Told each URL that a redirect leads to, before it is asked; what it raises ends the fetch and is passed on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What came."""

    url: str
    """Where it came from after redirects, for messages."""
    status: int
    """HTTP status: 2xx, or 304 where what we have is current."""
    content_type: str
    """Media type, lower case, without parameters; empty where the server names none."""
    etag: str
    """Entity tag, for the next time."""
    last_modified: str
    """When it was changed, for the next time."""
    size: int = 0
    """Bytes of the body, decompressed."""
    body: bytes = b""
    """The body; empty where it went elsewhere."""
    location: str = ""
    """The same as `url` in full, for joining links to it; not for messages."""
    charset: str = ""
    """Encoding that the server names; empty: none."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the server said, names in lower case, without cookies: so much of it as is worth keeping."""

    @property
    def not_modified(self) -> bool:
        """Whether what we have is current."""
        return self.status == 304


class Fetcher(ABC):
    """Port: whoever fetches."""

    @abstractmethod
    async def stream(self, request: FetchRequest, sink: Sink) -> Fetched:
        """Hand the body to `sink` as it comes, and return the rest.

        Raises:
            FetchError: refused by the rules, unreachable, late, too large, or not what was asked for.
        """

    async def fetch(self, request: FetchRequest) -> Fetched:
        """Return what is there, body and all.

        Raises:
            FetchError: as `stream`.
        """
        body = bytearray()

        async def take(part: bytes) -> None:
            body.extend(part)

        return replace(await self.stream(request, take), body=bytes(body))

    async def save(self, request: FetchRequest, file: Path) -> Fetched:
        """Put the body into a file, which appears whole or not at all; with 304 it stays as it is.

        Raises:
            FetchError: as `stream`.
            OSError: the file cannot be written.
        """
        part = file.with_name(f".{file.name}.{secrets.token_hex(8)}.part")
        try:
            with await asyncio.to_thread(_create, part) as opened:

                async def take(data: bytes) -> None:
                    await asyncio.to_thread(opened.write, data)

                fetched = await self.stream(request, take)
                await asyncio.to_thread(_sync, opened)
            if not fetched.not_modified:
                await asyncio.to_thread(part.replace, file)
            return fetched
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    async def aclose(self) -> None:
        """Release what is held; nothing by default."""
        return

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.aclose()


def _create(path: Path) -> BinaryIO:
    return path.open("xb")


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
