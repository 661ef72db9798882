"""The port to the hub's document service: what is handed in is streamed from its file."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import aiohttp

from vedette.errors import ConnectionFailedError, VedetteError

SLOWEST = 32 * 1024
"""Bytes a second below which an upload is given up: a dead connection looks like a slow one."""

ANSWER_TIME = 60.0
"""Seconds for connecting and for the answer, beside the time for the bytes."""

MAX_REASON = 4096
"""Bytes of a refusal that are read."""

_PERMANENT = frozenset({400, 409, 411, 413, 415, 422})


class UploadRefusedError(VedetteError):
    """The service will never take this document; the message has its status and reason."""


class DocumentClient:
    """Hands documents in, with one API key, at one address."""

    def __init__(self, *, url: str, api_key: str, ca: Path | None = None) -> None:
        """Describe the service.

        Args:
            url: its address, http or https, without a path.
            api_key: allows handing in.
            ca: PEM roots for its certificate; None: the system's.
        """
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}", "User-Agent": "vedette"}
        self._ca = ca
        self._session: aiohttp.ClientSession | None = None

    async def has(self, sha256: str) -> bool:
        """Tell whether the service has a document that we handed in.

        Raises:
            ConnectionFailedError: it cannot be reached, or does not answer as it should.
        """
        try:
            async with asyncio.timeout(ANSWER_TIME), self._opened().head(self._of(sha256)) as response:
                if response.status in (200, 404, 410):
                    return response.status == 200
                raise ConnectionFailedError(f"{self._url} answered {response.status} {response.reason}")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._failure(error) from error

    async def put(self, sha256: str, file: BinaryIO, *, content_type: str) -> None:
        """Hand a document in; after this returns it is on the service's disk. `file` is closed then.

        Raises:
            UploadRefusedError: the service will never take it.
            ConnectionFailedError: try again later: it cannot be reached, is full, broke off, or refuses the key.
        """
        size = os.fstat(file.fileno()).st_size
        headers = {"Content-Type": content_type, "Content-Length": str(size)}
        try:
            async with asyncio.timeout(ANSWER_TIME + size / SLOWEST):
                # Asking first (RFC 9110, 10.1.1) spares the bytes where the answer is no.
                request = self._opened().put(self._of(sha256), data=file, headers=headers, expect100=True)
                async with request as response:
                    await self._check(response)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._failure(error) from error
        finally:
            file.close()

    async def close(self) -> None:
        """Close the connections; harmless when there are none."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def __aenter__(self) -> DocumentClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _check(self, response: aiohttp.ClientResponse) -> None:
        if response.status in (200, 201):
            return
        reason = (await response.content.read(MAX_REASON)).decode("utf-8", "replace")
        text = f"{self._url} answered {response.status} {response.reason}: {reason[:500]}"
        raise UploadRefusedError(text) if response.status in _PERMANENT else ConnectionFailedError(text)

    def _failure(self, error: Exception) -> ConnectionFailedError:
        reason = str(error) or type(error).__name__
        return ConnectionFailedError(f"{self._url}: the document service does not answer: {reason}")

    def _of(self, sha256: str) -> str:
        return f"{self._url}/document/{sha256}"

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = ssl.create_default_context(cafile=self._ca) if self._url.startswith("https:") else True
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=context, limit=4),
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10.0),
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session
