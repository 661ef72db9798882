"""The guarded client over HTTP/1.1: whatever a server does, it ends in bounded time and memory, with a reason."""

from __future__ import annotations

import asyncio
import contextlib
import io
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import aiohttp

from vedette.fetching.authorization import key_of, without_key
from vedette.fetching.decoding import ENCODINGS, Decoder
from vedette.fetching.heads import (
    charset,
    content_encoding,
    kept_headers,
    media_type,
    printable,
    request_headers,
    retry_after,
)
from vedette.fetching.interface import (
    Fetched,
    Fetcher,
    FetchError,
    FetchLimits,
    FetchRefusedError,
    FetchRequest,
    Sink,
)
from vedette.fetching.names import NameResolver, SystemResolver
from vedette.fetching.policy import FetchPolicy
from vedette.fetching.resolution import AddressRefusedError, GuardedResolver
from vedette.fetching.urls import FetchUrl, read_redirect, read_url, shown_url

CONNECTIONS = 16
"""Connections that are open at a time."""

_KEEPS_METHOD = frozenset({307, 308})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_CAUSE = 200


Told = TypeVar("Told")


class _SinkFailedError(Exception):
    """The caller's own part raised; kept apart from what the network raises."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause
        super().__init__(str(cause))


class HttpFetcher(Fetcher):
    """Fetches over HTTP under rules; looks at no proxy, cookie or login of its environment."""

    def __init__(
        self,
        *,
        policy: FetchPolicy,
        limits: FetchLimits | None = None,
        names: NameResolver | None = None,
        tls: ssl.SSLContext | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        """Make a client; it connects when it is first used.

        Args:
            policy: whom it asks.
            limits: how much it takes; None: the defaults.
            names: who knows the addresses of names; None: the system.
            tls: how servers are verified; None: against the system's roots.
            connections: how many are open at a time.
        """
        self.policy = policy
        self.limits = limits or FetchLimits()
        self._resolver = GuardedResolver(policy=policy, names=names or SystemResolver())
        self._tls = tls
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def stream(self, request: FetchRequest, sink: Sink) -> Fetched:
        """Hand the body to `sink` as it comes, and return the rest.

        Raises:
            FetchError: refused by the rules, unreachable, late, too large, or not what was asked for.
        """
        target, shown = self._target(request.url), shown_url(request.url)
        try:
            async with asyncio.timeout(self.limits.seconds):
                return await self._follow(request, target, sink)
        except _SinkFailedError as error:
            raise error.cause from None
        except TimeoutError as error:
            reason = f"{shown}: no whole answer within {self.limits.seconds:g} s"
            raise FetchError(reason, unreachable=True) from error
        except AddressRefusedError as error:
            raise FetchRefusedError(f"{shown}: {error}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchError(f"{shown}: cannot be reached: {_cause(error)}", unreachable=True) from error

    def _target(self, text: str) -> FetchUrl:
        try:
            target = read_url(text)
        except ValueError as error:
            raise FetchRefusedError(f"{shown_url(text)!r}: {error}") from error
        reason = self.policy.refusal_of_url(target)
        if reason is not None:
            raise FetchRefusedError(f"{target.shown}: {reason}")
        return target

    async def _follow(self, request: FetchRequest, target: FetchUrl, sink: Sink) -> Fetched:
        """Ask, and ask where the answer points to, as far as the rules let us."""
        first = target
        for _ in range(self.limits.redirects + 1):
            if target.address is not None:
                self._resolver.trust(str(target.address))
            async with self._opened().request(
                request.method,
                target.url,
                # Bytes would go out in one piece, and hold everything else up when they are many.
                data=None if request.body is None else io.BytesIO(request.body),
                headers=request_headers(request, with_own=target.origin == first.origin),
                allow_redirects=False,
            ) as response:
                if response.status not in _REDIRECTS:
                    return await self._take(request, target, response, sink)
                target = self._redirected(request, target, response)
            if request.on_redirect is not None:
                await _told(request.on_redirect, str(target.url))
        raise FetchError(f"{first.shown}: redirects more than {self.limits.redirects} times")

    def _redirected(self, request: FetchRequest, source: FetchUrl, response: aiohttp.ClientResponse) -> FetchUrl:
        """Return where a redirect leads to."""
        if self.limits.redirects == 0:
            raise FetchRefusedError(f"{source.shown}: redirects elsewhere, which is refused; use the final URL")
        if request.method == "POST" and response.status not in _KEEPS_METHOD:
            raise FetchError(f"{source.shown}: redirects a POST with {response.status}, which would lose its body")
        location = response.headers.get("Location", "")
        try:
            target = read_redirect(source, location)
        except ValueError as error:
            raise FetchRefusedError(f"{source.shown}: redirects to {shown_url(location)!r}, which {error}") from error
        reason = self.policy.refusal_of_redirect(source, target)
        if reason is not None:
            raise FetchRefusedError(f"{source.shown}: {reason}")
        return target

    async def _take(
        self, request: FetchRequest, target: FetchUrl, response: aiohttp.ClientResponse, sink: Sink
    ) -> Fetched:
        """Check an answer's head and hand its body on."""
        conditional = bool(request.etag or request.last_modified)
        if not (200 <= response.status < 300 and response.status != 206) and not (
            response.status == 304 and conditional
        ):
            raise FetchError(
                f"{target.shown}: answers HTTP status {response.status}",
                status=response.status,
                retry_after=retry_after(response),
                excerpt=await _excerpt(response, request),
            )
        size = 0
        if response.status != 304 and request.method != "HEAD":
            self._check_head(request, target, response)
            async for part in self._parts(target, response):
                size += len(part)
                if size > self.limits.max_bytes:
                    raise self._too_much(target)
                await _told(sink, part)
        return Fetched(
            url=target.shown,
            status=response.status,
            content_type=media_type(response),
            etag=response.headers.get("ETag", ""),
            last_modified=response.headers.get("Last-Modified", ""),
            size=size,
            location=str(target.url),
            charset=charset(response),
            headers=kept_headers(response),
        )

    def _check_head(self, request: FetchRequest, target: FetchUrl, response: aiohttp.ClientResponse) -> None:
        """Refuse what cannot be right before its body is read."""
        kind = media_type(response)
        if request.accept and kind not in request.accept:
            wanted = " or ".join(request.accept)
            raise FetchError(f"{target.shown}: answers with {kind or 'no media type'}, not {wanted}")
        encoding = content_encoding(response)
        if encoding and not (request.compressed and encoding in ENCODINGS):
            raise FetchError(f"{target.shown}: answers with a content encoding that was not asked for")
        if response.content_length is not None and response.content_length > self.limits.max_bytes:
            raise self._too_much(target)

    async def _parts(self, target: FetchUrl, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """Yield the body in parts, decompressed; both what comes and what it stands for are bounded."""
        encoding = content_encoding(response)
        decoder = Decoder(encoding) if encoding else None
        came = 0
        async for data in response.content.iter_any():
            came += len(data)
            if came > self.limits.max_bytes:
                raise self._too_much(target)
            for part in (data,) if decoder is None else decoder.decode(data):
                yield part
        if decoder is not None:
            decoder.finish()

    def _too_much(self, target: FetchUrl) -> FetchError:
        return FetchError(f"{target.shown}: answers with more than {self.limits.max_bytes} bytes")

    def _opened(self) -> aiohttp.ClientSession:
        """Return the session, opened on first use: it belongs to the running loop."""
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(
                resolver=self._resolver,
                socket_factory=self._resolver.open_socket,
                use_dns_cache=False,
                limit=self._connections,
                ssl=self._tls or True,
            )
            # Lines and headers are bounded by aiohttp: 8,190 bytes a line, 128 headers.
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                requote_redirect_url=False,
            )
        return self._session

    async def aclose(self) -> None:
        """Close the session and its connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


async def _told(listener: Callable[[Told], Awaitable[None]], what: Told) -> None:
    """Tell the caller something; what that raises is not the network's fault."""
    try:
        await listener(what)
    except Exception as error:
        raise _SinkFailedError(error) from error


async def _excerpt(response: aiohttp.ClientResponse, request: FetchRequest) -> str:
    """Return how a refusal begins: what a server says of its reasons, without the key if it repeats that."""
    size = request.excerpt
    if size == 0 or content_encoding(response):
        return ""
    data = bytearray()
    # The status says more than that its explanation broke off.
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async for part in response.content.iter_any():
            data += part
            if len(data) >= size:
                break
    said = " ".join(data[:size].decode("utf-8", errors="replace").split())
    for name, value in request.headers.items():
        if name.lower() == "authorization":
            said = without_key(said, key_of(value))
    return printable(said)


def _cause(error: Exception) -> str:
    """Return what went wrong, as one line; aiohttp's own text of some errors has the whole URL in it."""
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return printable(" ".join(text.split()))[:_MAX_CAUSE] or type(error).__name__
