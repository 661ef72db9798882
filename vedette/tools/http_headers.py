"""`http-headers`: status, headers in order and a digest of the body; redirects are recorded, not followed."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import aiohttp
from aiohttp.connector import Connection
from pydantic import Field

from vedette import __version__
from vedette.clock import MICROSECONDS, Clock
from vedette.tools.interface import Arguments
from vedette.tools.observation import Observation, ObservationError, Part, Seconds, StandardForm, host_objection
from vedette.tools.tls import Verification, connect_recording

MAX_HEADER = 16 * 1024
"""Bytes of one header line, and characters of a value that are kept."""

MAX_HEADERS = 200
"""Headers that are kept."""


class HttpHeadersArguments(Arguments):
    """How to ask."""

    method: Literal["GET", "HEAD"] = "GET"
    """HTTP method (RFC 9110, section 9.3)."""
    path: Annotated[str, Field(pattern=r"^/[^\s#]*$", max_length=2048)] | None = None
    """Path to ask for where the target is only a host."""
    ca: Path | None = None
    """PEM file of the only authorities to trust; the system's without it."""
    body_limit: Annotated[int, Field(ge=0, le=64 * 1024 * 1024)] = 1024 * 1024
    """Bytes of the body that are read and hashed."""
    response_time: Seconds = 30.0
    """Seconds for one request with its answer."""


class HttpTls(Part):
    """The TLS part of a connection."""

    protocol: str | None
    """Negotiated protocol, such as `TLSv1.3`."""
    cipher: str | None
    """Negotiated cipher suite, by OpenSSL's name."""
    verified: bool
    """Whether chain, validity and name are good."""
    verification: str | None
    """Why not."""


class HttpHeadersForm(StandardForm):
    """Standard form of `http-headers`."""

    form: str = "http-headers/1"
    url: str | None = None
    """What was asked for."""
    method: str | None = None
    """With which method."""
    http_version: str | None = None
    """Such as `1.1`."""
    status: int | None = None
    """Status code (RFC 9110, section 15)."""
    reason: str | None = None
    """Reason phrase."""
    headers: tuple[tuple[str, str], ...] = ()
    """Names and values as they came, in order."""
    location: str | None = None
    """Where a redirect leads; not followed."""
    body_sha256: str | None = None
    """SHA-256 of the body as sent (content codings kept), of its first bytes where it is cut."""
    body_size: int | None = None
    """Bytes hashed."""
    body_cut: bool = False
    """Whether there was more body than `body_limit`."""
    address: str | None = None
    """The address that answered."""
    response_time: int | None = None
    """Microseconds until the headers were there."""
    tls: HttpTls | None = None
    """Only for https."""


class HttpHeaders(Observation[HttpHeadersArguments]):
    """Asks a web server once."""

    name = "http-headers"
    summary = "HTTP(S) headers: status, headers in order, redirect, body digest"
    Arguments = HttpHeadersArguments
    Form = HttpHeadersForm

    def objection(self, target: str) -> str | None:
        """Return why `target` is neither an http(s) URL nor a host."""
        if "://" not in target:
            return host_objection(target.partition(":")[0] if target.count(":") == 1 else target)
        try:
            parts = urlsplit(target)
            port = parts.port
        except ValueError as error:
            return f"is not a URL: {error}"
        if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
            return "must be an http or https URL, or a host name"
        if parts.username is not None or parts.password is not None:
            return "holds a user or password, which would end up in the record; leave it out"
        return None

    async def observe(self, *, target: str, arguments: HttpHeadersArguments, clock: Clock) -> HttpHeadersForm:
        """Ask once; a second time without verification where the certificate is not trusted."""
        url = _url(target, arguments.path)
        verification: Verification | None = None
        try:
            async with asyncio.timeout(arguments.response_time):
                if url.startswith("https:"):
                    form, verification = await connect_recording(
                        lambda context: _ask(target, url, arguments, clock, context), ca=arguments.ca
                    )
                else:
                    form = await _ask(target, url, arguments, clock, None)
        except aiohttp.ClientConnectorError as error:
            raise error.os_error from error
        except aiohttp.ClientError as error:
            raise ObservationError(f"the answer is not HTTP: {str(error)[:300] or type(error).__name__}") from error
        if verification is None or form.tls is None:
            return form
        tls = form.tls.model_copy(update={"verified": verification.verified, "verification": verification.reason})
        return form.model_copy(update={"tls": tls})


def _url(target: str, path: str | None) -> str:
    if "://" in target:
        return target
    host = f"[{target}]" if target.count(":") > 1 else target
    return f"http://{host}{path or '/'}"


class _Response(aiohttp.ClientResponse):
    """A response that remembers its connection, which aiohttp lets go as soon as a short body is there."""

    tls: HttpTls | None = None
    address: str | None = None

    async def start(self, connection: Connection) -> _Response:
        """Read the status and headers."""
        transport = connection.transport
        if transport is not None:
            peer = transport.get_extra_info("peername")
            self.address = str(peer[0]) if peer else None
            secured = transport.get_extra_info("ssl_object")
            self.tls = _tls(secured) if secured is not None else None
        await super().start(connection)
        return self


def _tls(connection: ssl.SSLObject) -> HttpTls:
    cipher = connection.cipher()
    return HttpTls(
        protocol=connection.version(), cipher=cipher[0] if cipher else None, verified=False, verification=None
    )


async def _ask(
    target: str, url: str, arguments: HttpHeadersArguments, clock: Clock, context: ssl.SSLContext | None
) -> HttpHeadersForm:
    connector = aiohttp.TCPConnector(
        ssl=context if context is not None else False, force_close=True, resolver=aiohttp.ThreadedResolver()
    )
    async with aiohttp.ClientSession(
        connector=connector,
        response_class=_Response,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"vedette/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"},
        auto_decompress=False,
        max_line_size=MAX_HEADER,
        max_field_size=MAX_HEADER,
        timeout=aiohttp.ClientTimeout(total=None),
    ) as session:
        begin = clock.monotonic()
        try:
            async with session.request(arguments.method, url, allow_redirects=False) as response:
                taken = round((clock.monotonic() - begin) * MICROSECONDS)
                return await _form(target, response, arguments, taken)
        except aiohttp.ClientConnectorCertificateError as error:
            raise error.certificate_error from error
        except aiohttp.ClientConnectorSSLError as error:
            raise error.os_error from error


async def _form(
    target: str, response: aiohttp.ClientResponse, arguments: HttpHeadersArguments, taken: int
) -> HttpHeadersForm:
    body = hashlib.sha256()
    size = 0
    cut = False
    async for chunk in response.content.iter_chunked(64 * 1024):
        room = arguments.body_limit - size
        body.update(chunk[:room])
        size += min(len(chunk), room)
        cut = len(chunk) > room
        if cut:
            break
    headers = tuple((_text(name), _text(value)) for name, value in response.raw_headers[:MAX_HEADERS])
    version = response.version
    return HttpHeadersForm(
        target=target,
        url=str(response.url),
        method=arguments.method,
        http_version=f"{version.major}.{version.minor}" if version else None,
        status=response.status,
        reason=response.reason,
        headers=headers,
        location=next((value for name, value in headers if name.lower() == "location"), None),
        body_sha256=body.hexdigest(),
        body_size=size,
        body_cut=cut,
        address=response.address if isinstance(response, _Response) else None,
        response_time=taken,
        tls=response.tls if isinstance(response, _Response) else None,
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="backslashreplace")[:MAX_HEADER]
