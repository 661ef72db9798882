"""The port to a time-stamping authority, and its client over HTTP (RFC 3161 section 3.4)."""

from __future__ import annotations

import base64
import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from vedette.clock import MICROSECONDS, Clock
from vedette.errors import EvidenceError, TimestampError
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.exchange import build_query
from vedette.evidence.token import VerifiedToken, verify_response
from vedette.fetching.client import HttpFetcher
from vedette.fetching.interface import Fetcher, FetchError, FetchLimits, FetchRequest
from vedette.fetching.policy import FetchPolicy
from vedette.fetching.urls import read_url, shown_url, split_login

__all__ = ["HttpAuthority", "TimestampAuthority", "build_query"]

QUERY_TYPE = "application/timestamp-query"
REPLY_TYPE = "application/timestamp-reply"
NONCE_BITS = 64
"""Random bits of a nonce, new for each attempt."""

MAX_RESPONSE = 65_536
"""Largest response that is read, bytes."""


class TimestampAuthority(ABC):
    """Port: whoever stamps a hash. Only tokens that both verifiers accept come out of it."""

    def __init__(self, *, name: str, external: bool, seconds_between: float = 0.0) -> None:
        self.name = name
        """What messages, metrics and files call it."""
        self.external = external
        """False: local, its time is self-asserted and proves nothing to others."""
        self.seconds_between = seconds_between
        """Pause between requests that it asks for; who sends many keeps it."""

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
        seconds_between: float = 0.0,
        fetching: FetchPolicy | None = None,
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
            seconds_between: pause between requests that it asks for; retries and their pace are the caller's.
            fetching: what the operator allows beside the URL itself; None: nothing. A redirect is never followed.
        """
        super().__init__(name=name, external=external, seconds_between=seconds_between)
        self.url = url
        self.roots = roots
        self._fetching = fetching or FetchPolicy()
        self._clock = clock
        self._policy = policy
        self._untrusted = tuple(untrusted)
        self._time_limit = time_limit
        self._max_skew = int(max_skew * MICROSECONDS)
        self._fetcher: Fetcher | None = None

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
        address, login = split_login(self.url)
        headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
        request = FetchRequest(
            url=address,
            method="POST",
            body=query,
            content_type=QUERY_TYPE,
            accept=(REPLY_TYPE,),
            headers=headers,
        )
        try:
            body = (await self._opened(address).fetch(request)).body
        except FetchError as error:
            raise TimestampError(f"{self.name}: {error}", retry_after=error.retry_after) from error
        if not body:
            raise TimestampError(f"{self.name}: {shown_url(address)}: answers with nothing")
        return body

    def _opened(self, address: str) -> Fetcher:
        """Return the client, opened on first use: it belongs to the running loop."""
        if self._fetcher is None:
            try:
                policy = self._fetching.for_endpoint(read_url(address))
            except ValueError as error:
                raise TimestampError(f"{self.name}: {shown_url(address)!r}: {error}") from error
            limits = FetchLimits(max_bytes=MAX_RESPONSE, seconds=self._time_limit, redirects=0)
            self._fetcher = HttpFetcher(policy=policy, limits=limits)
        return self._fetcher

    async def aclose(self) -> None:
        """Close the client and its connections."""
        fetcher, self._fetcher = self._fetcher, None
        if fetcher is not None:
            await fetcher.aclose()
