"""The port to the hub's document service: what is handed in is streamed from its file; what is read is bounded."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import ssl
from pathlib import Path
from types import TracebackType
from typing import BinaryIO
from urllib.parse import quote

import aiohttp
from yarl import URL

from vedette.documents.pace import ANSWER_TIME, SLOWEST
from vedette.errors import ConnectionFailedError, VedetteError

MAX_REASON = 4096
"""Bytes of a refusal that are read."""

_DIGEST_TAG = re.compile(r'"([0-9a-f]{64})')
"""How the tag of a document begins: with its SHA-256."""

_PERMANENT = frozenset({400, 409, 411, 413, 415, 422})


class UploadRefusedError(VedetteError):
    """The service will never take this document; the message has its status and reason."""


class UnreadableDocumentError(VedetteError):
    """A document will never be read: it was deleted, is unknown, too large, or is not what its id says."""


class DocumentClient:
    """Hands documents in and reads them, with one API key, at one address."""

    def __init__(self, *, url: str, api_key: str, ca: Path | None = None) -> None:
        """Describe the service.

        Args:
            url: its address, http or https, without a path.
            api_key: allows handing in, or reading.
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

    async def find(self, name: str) -> str | None:
        """Return the SHA-256 of the document that was handed in under a name; None where there is none for this key.

        Raises:
            ConnectionFailedError: the service cannot be reached, or does not answer as it should.
        """
        url = f"{self._url}/document/{quote(name, safe='')}"
        headers = {"Accept": "application/octet-stream", "Accept-Encoding": "identity"}
        try:
            asked = self._opened().head(URL(url, encoded=True), headers=headers)
            async with asyncio.timeout(ANSWER_TIME), asked as found:
                if found.status in (400, 404, 410, 422):
                    return None
                tag = _DIGEST_TAG.match(found.headers.get("ETag", ""))
                if found.status != 200 or tag is None:
                    raise ConnectionFailedError(f"{self._url} answered {found.status} {found.reason}")
                return tag[1]
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._failure(error) from error

    async def get(self, sha256: str, *, limit: int) -> bytes:
        """Return a document, at most `limit` bytes of it; they are those that its id names.

        Raises:
            UnreadableDocumentError: there is none, no more, or it is too large.
            ConnectionFailedError: try again later: it cannot be reached, broke off, or refuses the key.
        """
        headers = {"Accept": "application/octet-stream", "Accept-Encoding": "identity"}
        try:
            async with asyncio.timeout(ANSWER_TIME + limit / SLOWEST):
                async with self._opened().get(self._of(sha256), headers=headers) as response:
                    if response.status in (404, 410):
                        reason = (await response.content.read(MAX_REASON)).decode("utf-8", "replace")
                        raise UnreadableDocumentError(f"the document {sha256} is not there: {reason[:500]}")
                    if response.status != 200:
                        raise ConnectionFailedError(f"{self._url} answered {response.status} {response.reason}")
                    data = await _read(response, sha256, limit=limit)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._failure(error) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise UnreadableDocumentError(f"what came for the document {sha256} is not what its id says")
        return data

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


async def _read(response: aiohttp.ClientResponse, sha256: str, *, limit: int) -> bytes:
    """Return a body.

    Raises:
        UnreadableDocumentError: it is longer than the limit.
    """
    parts, size = [], 0
    async for part in response.content.iter_chunked(1 << 20):
        size += len(part)
        if size > limit:
            raise UnreadableDocumentError(f"the document {sha256} has more than the {limit} bytes that are read")
        parts.append(part)
    return b"".join(parts)
