"""The port to the hub: bounded in time and size, with refusals and failures told apart."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from vedette.client.address import Query, check_key, check_url, query_of
from vedette.client.errors import ApiError, UnexpectedAnswerError
from vedette.delivery.backoff import Backoff
from vedette.errors import ConfigurationError, ConnectionFailedError

if TYPE_CHECKING:
    # A fifth of a second of processor time, for commands that in most calls open the store and ask nobody.
    import aiohttp

MAX_ANSWER = 32 * 1024 * 1024
"""Bytes of an answer that is held in memory, unpacked."""

MAX_REFUSAL = 64 * 1024
"""Bytes of a refusal that are read."""

ANSWER_TIME = 60.0
"""Seconds for a whole answer that is held in memory, and between two pieces of one that is streamed."""

CONNECT_TIME = 10.0
"""Seconds for connecting."""

ATTEMPTS = 3
"""How often a GET is tried when the connection fails: it changes nothing, so it may be repeated."""


class Connection:
    """One hub and one key."""

    def __init__(self, *, url: str, api_key: str, ca: Path | None = None) -> None:
        """Describe it; nothing is sent yet.

        Raises:
            ConfigurationError: the address or the key cannot be used.
        """
        self.url = check_url(url)
        """The hub's address, without a slash at its end."""
        self._headers = {"Authorization": f"Bearer {check_key(api_key)}", "User-Agent": "vedette-client"}
        self._ca = ca
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str, query: Query | None = None) -> Any:
        """Return what the hub has there, from JSON; tried again when the connection fails.

        Raises:
            ApiError: the hub refuses.
            ConnectionFailedError: it cannot be reached.
            UnexpectedAnswerError: the answer is no JSON, or too large.
        """
        backoff = Backoff(first=0.2, most=2.0)
        while True:
            try:
                return await self._exchange("GET", path, query, None)
            except LostError:
                if backoff.failures >= ATTEMPTS - 1:
                    raise
                await asyncio.sleep(backoff.next())

    async def send(self, method: str, path: str, body: Any = None, *, query: Query | None = None) -> Any:
        """Let the hub do something, and return its answer; never tried twice.

        Raises:
            ApiError: the hub refuses.
            ConnectionFailedError: it cannot be reached, or broke off: it may have been done all the same.
            UnexpectedAnswerError: the answer is no JSON, or too large.
        """
        return await self._exchange(method, path, query, None if body is None else orjson.dumps(body))

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        total: float | None = None,
        silence: float = ANSWER_TIME,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and give its answer, whose body is still to be read.

        Args:
            method: of the request.
            path: of the request.
            query: its parameters.
            headers: more headers.
            data: its body.
            total: seconds for all of it; None: as long as it takes.
            silence: seconds between two pieces.

        Raises:
            ApiError: the hub refuses.
            ConnectionFailedError: it cannot be reached.
        """
        import aiohttp
        from yarl import URL

        timeout = aiohttp.ClientTimeout(total=total, sock_connect=CONNECT_TIME, sock_read=silence)
        url = URL(f"{self.url}{path}{query_of(query or {})}", encoded=True)
        # A redirect would take the key to somebody else.
        asking = self._opened().request(
            method,
            url,
            headers=headers,
            data=data,
            timeout=timeout,
            allow_redirects=False,
            expect100=data is not None and not isinstance(data, bytes),
        )
        try:
            response = await asking
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self.failure(error) from error
        async with response:
            if response.status >= 300:
                raise ApiError(status=response.status, detail=await self._refusal(response))
            yield response

    async def pieces(self, response: aiohttp.ClientResponse, *, most: int) -> AsyncGenerator[bytes, None]:
        """Yield an answer's body, unpacked.

        Raises:
            ConnectionFailedError: it broke off.
            UnexpectedAnswerError: it is more than `most` bytes.
        """
        import aiohttp

        size = 0
        while True:
            try:
                # What there is, up to a bound: an event must not wait for the next one.
                piece = await response.content.readany()
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise self.failure(error) from error
            if not piece:
                return
            size += len(piece)
            if size > most:
                raise UnexpectedAnswerError(
                    f"{self.url}: the answer has more than {most} bytes; allow more, or ask for less"
                )
            yield piece

    def failure(self, error: Exception) -> ConnectionFailedError:
        """Return what went wrong with the connection; what it may help to try again is a `LostError`."""
        import aiohttp

        text = f"{self.url} does not answer: {str(error) or type(error).__name__}"
        refused = isinstance(error, (aiohttp.ClientSSLError, TimeoutError))
        return ConnectionFailedError(text) if refused else LostError(text)

    async def close(self) -> None:
        """Close the connections; harmless when there are none."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(self, method: str, path: str, query: Query | None, body: bytes | None) -> Any:
        headers = {"Accept": "application/json"} | ({} if body is None else {"Content-Type": "application/json"})
        async with self.open(method, path, query, headers=headers, data=body, total=ANSWER_TIME) as response:
            whole = b"".join([piece async for piece in self.pieces(response, most=MAX_ANSWER)])
        return self.read(whole)

    @staticmethod
    def read(body: bytes) -> Any:
        """Return an answer's JSON.

        Raises:
            UnexpectedAnswerError: it is none.
        """
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise UnexpectedAnswerError("what answers sends something else than JSON; is it a hub?") from error

    async def _refusal(self, response: aiohttp.ClientResponse) -> str:
        import aiohttp

        try:
            body = orjson.loads(await response.content.read(MAX_REFUSAL))
            detail = body["detail"] if isinstance(body, dict) else ""
        except (aiohttp.ClientError, OSError, TimeoutError, KeyError, orjson.JSONDecodeError):
            detail = ""
        return str(detail)[:1000] or response.reason or "no reason"

    def _opened(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._trust(), limit=8),
                headers=self._headers,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            # aiohttp would send a DELETE or PUT a second time when the connection breaks before the answer.
            self._session._retry_connection = False
        return self._session

    def _trust(self) -> ssl.SSLContext | bool:
        if not self.url.lower().startswith("https:"):
            return True
        try:
            return ssl.create_default_context(cafile=self._ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(str(self._ca), "", f"is no PEM file of roots: {error}") from error


class LostError(ConnectionFailedError):
    """The connection failed in a way that may pass."""
