"""The guarded client over HTTP/1.1: whatever a server does, it ends in bounded time and memory, with a reason."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.typedefs import LooseHeaders

from vedette.fetching.decoding import ENCODINGS, Decoder
from vedette.fetching.interface import (
    Fetched,
    Fetcher,
    FetchError,
    FetchLimits,
    FetchRefusedError,
    FetchRequest,
    Sink,
)
from vedette.fetching.policy import FetchPolicy
from vedette.fetching.resolution import AddressRefusedError, GuardedResolver, NameResolver, SystemResolver
from vedette.fetching.urls import FetchUrl, read_redirect, read_url, shown_url

USER_AGENT = "vedette"
CONNECTIONS = 16
"""Connections that are open at a time."""

_KEEPS_METHOD = frozenset({307, 308})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_WAIT = 86_400.0
_MAX_CAUSE = 200
_MAX_TYPE = 100


class _SinkFailedError(Exception):
    """The sink raised; kept apart from what the network raises."""

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
    ) -> None:
        """Make a client; it connects when it is first used.

        Args:
            policy: whom it asks.
            limits: how much it takes; None: the defaults.
            names: who knows the addresses of names; None: the system.
            tls: how servers are verified; None: against the system's roots.
        """
        self.policy = policy
        self.limits = limits or FetchLimits()
        self._resolver = GuardedResolver(policy=policy, names=names or SystemResolver())
        self._tls = tls
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
            raise FetchError(f"{shown}: no whole answer within {self.limits.seconds:g} s") from error
        except AddressRefusedError as error:
            raise FetchRefusedError(f"{shown}: {error}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchError(f"{shown}: cannot be reached: {_cause(error)}") from error

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
                data=request.body,
                headers=_headers(request, with_own=target.origin == first.origin),
                allow_redirects=False,
            ) as response:
                if response.status not in _REDIRECTS:
                    return await self._take(request, target, response, sink)
                target = self._redirected(request, target, response)
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
                retry_after=_retry_after(response),
            )
        size = 0
        if response.status != 304:
            self._check_head(request, target, response)
            async for part in self._parts(target, response):
                size += len(part)
                if size > self.limits.max_bytes:
                    raise self._too_much(target)
                try:
                    await sink(part)
                except Exception as error:
                    raise _SinkFailedError(error) from error
        return Fetched(
            url=target.shown,
            status=response.status,
            content_type=_media_type(response),
            etag=response.headers.get("ETag", ""),
            last_modified=response.headers.get("Last-Modified", ""),
            size=size,
        )

    def _check_head(self, request: FetchRequest, target: FetchUrl, response: aiohttp.ClientResponse) -> None:
        """Refuse what cannot be right before its body is read."""
        kind = _media_type(response)
        if request.accept and kind not in request.accept:
            wanted = " or ".join(request.accept)
            raise FetchError(f"{target.shown}: answers with {kind or 'no media type'}, not {wanted}")
        encoding = _encoding(response)
        if encoding and not (request.compressed and encoding in ENCODINGS):
            raise FetchError(f"{target.shown}: answers with a content encoding that was not asked for")
        if response.content_length is not None and response.content_length > self.limits.max_bytes:
            raise self._too_much(target)

    async def _parts(self, target: FetchUrl, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """Yield the body in parts, decompressed; both what comes and what it stands for are bounded."""
        encoding = _encoding(response)
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
                limit=CONNECTIONS,
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


def _cause(error: Exception) -> str:
    """Return what went wrong, as one line; aiohttp's own text of some errors has the whole URL in it."""
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return _printable(" ".join(text.split()))[:_MAX_CAUSE] or type(error).__name__


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "�" for char in text)


def _headers(request: FetchRequest, *, with_own: bool) -> LooseHeaders:
    headers = {
        "User-Agent": USER_AGENT,
        "Accept": ", ".join(request.accept) or "*/*",
        "Accept-Encoding": "gzip, deflate" if request.compressed else "identity",
    }
    if request.content_type:
        headers["Content-Type"] = request.content_type
    if request.etag:
        headers["If-None-Match"] = request.etag
    if request.last_modified:
        headers["If-Modified-Since"] = request.last_modified
    return {**headers, **request.headers} if with_own else headers


def _media_type(response: aiohttp.ClientResponse) -> str:
    return _printable(response.content_type.lower())[:_MAX_TYPE] if "Content-Type" in response.headers else ""


def _encoding(response: aiohttp.ClientResponse) -> str:
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    return "" if encoding == "identity" else encoding


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """Return the seconds to wait that a server asks for (RFC 9110 section 10.2.3), within reason."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _MAX_WAIT)
    try:
        # By the server's own clock: ours may differ.
        moment = parsedate_to_datetime(text) - parsedate_to_datetime(response.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(moment.total_seconds(), 0.0), _MAX_WAIT)
