"""The port to a time-stamping authority, and its client over HTTP (RFC 3161 section 3.4)."""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import aiohttp

from vedette.clock import MICROSECONDS, Clock
from vedette.errors import EvidenceError, TimestampError
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.exchange import build_query
from vedette.evidence.token import VerifiedToken, verify_response

__all__ = ["HttpAuthority", "TimestampAuthority", "build_query"]

QUERY_TYPE = "application/timestamp-query"
REPLY_TYPE = "application/timestamp-reply"
NONCE_BITS = 64
"""Random bits of a nonce, new for each attempt."""

MAX_RESPONSE = 65_536
"""Largest response that is read, bytes."""


class TimestampAuthority(ABC):
    """Port: whoever stamps a hash. Only tokens that both verifiers accept come out of it."""

    def __init__(self, *, name: str, external: bool) -> None:
        self.name = name
        """What messages, metrics and files call it."""
        self.external = external
        """False: local, its time is self-asserted and proves nothing to others."""

    @abstractmethod
    async def stamp(self, imprint: bytes, *, digest_algorithm: str = "sha256") -> VerifiedToken:
        """Return a verified token over a hash.

        Args:
            imprint: the hash.
            digest_algorithm: its algorithm: `sha256`, `sha384` or `sha512`.

        Raises:
            TimestampError: there is none; the message names the authority and the cause.
        """

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


class HttpAuthority(TimestampAuthority):
    """An authority behind a URL. Whatever it does wrong ends in a `TimestampError`, in bounded time and memory."""

    def __init__(
        self,
        *,
        name: str,
        url: str,
        roots: TrustRoots,
        external: bool,
        clock: Clock,
        policy: str | None = None,
        untrusted: Sequence[bytes] = (),
        time_limit: float = 10.0,
        max_skew: float = 60.0,
        proxy: str | None = None,
    ) -> None:
        """Make a client; it connects when it is first used.

        Args:
            name: what messages call it.
            url: `http` or `https`; a name and password in it are sent, never shown.
            roots: where the chain of its tokens must end.
            external: whether somebody else keeps its clock.
            clock: ours, which genTime is held against.
            policy: policy to ask for and insist on, dotted; None: the authority's choice.
            untrusted: further certificates in DER for the chain.
            time_limit: seconds for one attempt, from connecting to the last byte.
            max_skew: seconds that genTime may lie before the request or after the answer.
            proxy: URL of an HTTP proxy; the environment is not looked at.
        """
        super().__init__(name=name, external=external)
        self.url = url
        self.roots = roots
        self._shown_url = _without_password(url)
        self._proxy = proxy
        self._clock = clock
        self._policy = policy
        self._untrusted = tuple(untrusted)
        self._time_limit = time_limit
        self._max_skew = int(max_skew * MICROSECONDS)
        self._session: aiohttp.ClientSession | None = None

    async def stamp(self, imprint: bytes, *, digest_algorithm: str = "sha256") -> VerifiedToken:
        """Return a verified token over a hash, asked for once: retries are the caller's.

        Raises:
            TimestampError: refused, late, unreachable, or the answer does not verify; says which.
        """
        nonce = secrets.randbits(NONCE_BITS)
        asked_at = self._clock.now()
        try:
            query = build_query(imprint, digest_algorithm=digest_algorithm, nonce=nonce, policy=self._policy)
            response = await self._exchange(query)
            token = verify_response(
                response,
                imprint=imprint,
                digest_algorithm=digest_algorithm,
                roots=self.roots,
                untrusted=self._untrusted,
                nonce=nonce,
                policy=self._policy,
                query=query,
            )
        except EvidenceError as error:
            raise TimestampError(f"{self.name}: {error}") from error
        self._check_time(token, asked_at)
        return token

    def _check_time(self, token: VerifiedToken, asked_at: int) -> None:
        """Refuse a time that cannot be when it was stamped: ours or the authority's clock is wrong."""
        # A stated accuracy widens what is believed, but never beyond the skew that was configured.
        slack = self._max_skew + min(token.accuracy or 0, self._max_skew)
        early, late = asked_at - slack - token.gen_time, token.gen_time - self._clock.now() - slack
        for beyond, direction in ((early, "before it was asked for"), (late, "in the future")):
            if beyond > 0:
                seconds = (beyond + slack) // MICROSECONDS
                raise TimestampError(f"{self.name}: genTime is {seconds} s {direction}; check both clocks")

    async def _exchange(self, query: bytes) -> bytes:
        """Send a request and return the bytes of the answer.

        Raises:
            TimestampError: no answer, too late, too large, or not a time-stamp reply.
        """
        try:
            async with asyncio.timeout(self._time_limit):
                return await self._post(query)
        except TimeoutError as error:
            raise TimestampError(
                f"{self.name}: no answer within {self._time_limit:g} s from {self._shown_url}"
            ) from error
        except aiohttp.InvalidURL as error:
            raise TimestampError(f"{self.name}: {self._shown_url!r} is not a usable URL") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise TimestampError(f"{self.name}: cannot reach {self._shown_url}: {reason}") from error

    async def _post(self, query: bytes) -> bytes:
        """Post over the kept session; a redirect is an answer like any other that is not 200."""
        headers = {"Content-Type": QUERY_TYPE, "Accept": REPLY_TYPE, "Accept-Encoding": "identity"}
        session = self._open_session()
        async with session.post(
            self.url, data=query, headers=headers, allow_redirects=False, proxy=self._proxy
        ) as response:
            self._check_head(response)
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_RESPONSE:
                    response.close()
                    raise TimestampError(f"{self.name}: answers with more than {MAX_RESPONSE} bytes")
        if not body:
            raise TimestampError(f"{self.name}: answers with nothing")
        return bytes(body)

    def _check_head(self, response: aiohttp.ClientResponse) -> None:
        """Refuse what cannot be a time-stamp reply before its body is read."""
        if 300 <= response.status < 400:
            raise TimestampError(f"{self.name}: redirects elsewhere, which is refused; use the final URL")
        if response.status != 200:
            raise TimestampError(f"{self.name}: answers HTTP status {response.status}")
        if response.content_type != REPLY_TYPE:
            raise TimestampError(f"{self.name}: answers with {response.content_type}, not {REPLY_TYPE}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise TimestampError(f"{self.name}: answers with a content encoding that was not asked for")

    def _open_session(self) -> aiohttp.ClientSession:
        """Return the session, opened on first use: it belongs to the running loop."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                auto_decompress=False, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    async def aclose(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _without_password(url: str) -> str:
    """Return a URL without the name and password that it may hold."""
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{mark}{authority.rpartition('@')[2]}{slash}{path}"
