"""The port to an OpenSearch or Elasticsearch server: the few requests that are needed, over opensearch-py.

Its client follows redirects, and reads answers without end: ours does neither, and asks one origin only.
"""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

import aiohttp
import orjson
import yarl
from opensearchpy import AIOHttpConnection, AsyncOpenSearch, JSONSerializer
from opensearchpy._async.http_aiohttp import OpenSearchClientResponse
from opensearchpy.exceptions import ConnectionError as ClientConnectionError
from opensearchpy.exceptions import OpenSearchException, SerializationError, TransportError
from opensearchpy.helpers import async_streaming_bulk

from vedette.errors import ConnectionFailedError, VedetteError
from vedette.fetching.authorization import authorization, without_key
from vedette.fetching.urls import shown_url
from vedette.sharing.endpoint import MAX_ANSWER, MAX_EXCERPT, Endpoint, failure_of_status
from vedette.sharing.exporter import ExportError
from vedette.sharing.sinks.records import as_base64

PAGE: Final = 5_000
"""Documents of one answer; servers refuse more than 10,000."""

BULK_DOCUMENTS: Final = 2_000
"""Documents of one request."""

BULK_BYTES: Final = 8 * 1024 * 1024
"""Bytes of one request, unless one document is larger."""

_CONNECTIONS: Final = 4

_WHOLE: Final = {"track_total_hits": "false", "allow_partial_search_results": "false"}
"""A search that leaves out what a broken shard holds would let us write it again, and delete nothing of it."""

_OLDEST: Final = {"opensearch": 1, "elasticsearch": 7}
"""Major versions that know all that is asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a server did with one document."""

    id: str
    status: int
    """HTTP status."""
    reason: str = ""
    """What it says, where it did not take it."""


class SearchServer:
    """A server and one index of it. Its methods raise ExportError, ComeAgainError and ConnectionFailedError."""

    def __init__(self, endpoint: Endpoint, *, index: str, scheme: str) -> None:
        """Describe it; nothing is asked yet.

        Args:
            endpoint: where it is.
            index: name of the index.
            scheme: of the Authorization header, where the key is no `user:password`.
        """
        self._endpoint = endpoint
        self.index = index
        self.place = f"{endpoint.shown} index {index}"
        """What it is called in messages."""
        self._counts: Counter[str] = Counter()
        self._client = AsyncOpenSearch(
            hosts=[_host_of(endpoint)],
            connection_class=_OneOrigin,
            counts=self._counts,
            ssl_context=endpoint.tls,
            headers=authorization(endpoint.key, scheme=scheme),
            timeout=endpoint.seconds,
            serializer=_Serializer(),
            max_retries=0,
            retry_on_status=(),
        )

    @property
    def bulk_requests(self) -> int:
        """How many requests wrote."""
        return self._counts["_bulk"]

    async def version(self) -> str:
        """Return which server it is, such as `opensearch 2.19.1`; others, and too old ones, are refused."""
        with self._failing():
            told = await self._client.info()
        version = told.get("version") if isinstance(told, dict) else None
        if not isinstance(version, dict) or not isinstance(version.get("number"), str):
            raise ExportError(f"{self._endpoint.shown}: answers, but is neither OpenSearch nor Elasticsearch")
        name = str(version.get("distribution", "elasticsearch"))[:40]
        number = version["number"][:40]
        major = number.partition(".")[0]
        if name not in _OLDEST or not major.isdecimal() or int(major) < _OLDEST[name]:
            wanted = " or ".join(f"{name} {oldest}" for name, oldest in _OLDEST.items())
            raise ExportError(f"{self._endpoint.shown}: is {name} {number}; at least {wanted} is needed")
        return f"{name} {number}"

    async def mappings(self) -> list[Mapping[str, Any]]:
        """Return the fields of the index, or of each that an alias stands for; none: there is no such index."""
        with self._failing():
            if not await self._client.indices.exists(index=self.index):
                return []
            found = await self._client.indices.get_mapping(index=self.index)
        return [one.get("mappings", {}).get("properties", {}) for one in found.values()]

    async def create(self, mapping: Mapping[str, Any]) -> None:
        """Make the index, unless somebody else just did."""
        try:
            with self._failing():
                await self._client.indices.create(index=self.index, body={"mappings": mapping})
        except ExportError as error:
            if "resource_already_exists_exception" not in str(error):
                raise

    async def found(self, query: Mapping[str, Any], *, fields: Sequence[str]) -> AsyncIterator[Mapping[str, Any]]:
        """Yield the documents that a query finds, by `id`; what was written last is among them."""
        with self._failing():
            await self._client.indices.refresh(index=self.index)
        asked = {"query": query, "_source": list(fields), "sort": [{"id": "asc"}], "size": PAGE}
        while True:
            with self._failing():
                answer = await self._client.search(index=self.index, body=asked, params=_WHOLE)
            hits = answer["hits"]["hits"]
            for hit in hits:
                yield hit
            if len(hits) < PAGE:
                return
            asked["search_after"] = hits[-1]["sort"]

    async def get(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return documents by their ids, without what is large in them."""
        if not ids:
            return {}
        with self._failing():
            answer = await self._client.mget(
                index=self.index, body={"ids": list(ids)}, params={"_source_excludes": "raw,bundle,text"}
            )
        return {one["_id"]: one.get("_source", {}) for one in answer["docs"] if one.get("found")}

    async def write(self, actions: Iterable[Mapping[str, Any]]) -> AsyncIterator[Outcome]:
        """Write and delete documents, many with each request; yields what became of each."""
        done = async_streaming_bulk(
            self._client,
            actions,
            chunk_size=BULK_DOCUMENTS,
            max_chunk_bytes=BULK_BYTES,
            raise_on_error=False,
        )
        with self._failing():
            async for _, answer in done:
                for result in answer.values():
                    reason = without_key(_reason(result.get("error")), self._endpoint.key)
                    yield Outcome(id=result["_id"], status=int(result["status"]), reason=reason)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.close()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn what goes wrong into errors of ours, without key and values."""
        try:
            yield
        except OpenSearchException as error:
            # Its text is what the server said, which may be the key that it was sent.
            raise self._failure(error) from None
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ExportError(f"{self.place}: answers what such a server does not: {type(error).__name__}") from error

    def _failure(self, error: OpenSearchException) -> VedetteError:
        if isinstance(error, ClientConnectionError):
            cause = error.info
            if isinstance(cause, VedetteError):
                return cause
            reason = without_key(_line(str(error.error)), self._endpoint.key)
            return ConnectionFailedError(f"{self.place}: cannot be reached: {reason}")
        if isinstance(error, TransportError) and isinstance(error.status_code, int):
            information = error.info if isinstance(error.info, dict) else {}
            told = without_key(_reason(information.get("error")) or _line(str(error.error)), self._endpoint.key)
            if 300 <= error.status_code < 400:
                return ExportError(f"{self.place}: redirects elsewhere, which is refused; use the final URL")
            message = f"{self.place}: answers HTTP status {error.status_code}: {told}"
            return failure_of_status(error.status_code, message)
        return ExportError(f"{self.place}: {without_key(_line(str(error)), self._endpoint.key)}")


class _Serializer(JSONSerializer):
    """JSON by the library that everything here uses, with bytes as base64."""

    def dumps(self, data: Any) -> Any:
        """Return a value as JSON; a text is JSON already."""
        return data if isinstance(data, str) else orjson.dumps(data, default=as_base64).decode()

    def loads(self, s: str) -> Any:
        """Return the value of an answer."""
        try:
            return orjson.loads(s)
        except orjson.JSONDecodeError as error:
            raise SerializationError("the answer is no JSON", error) from error


class _Session:
    """Sends requests: none is led elsewhere, large ones hold nothing up, and those that write are counted."""

    def __init__(self, session: aiohttp.ClientSession, counts: Counter[str]) -> None:
        self._session = session
        self._counts = counts

    def request(self, method: str, url: yarl.URL, *, data: bytes | None, **arguments: Any) -> Any:
        """Send a request."""
        self._counts[url.path.rpartition("/")[2]] += 1
        body = None if data is None else io.BytesIO(data)
        return self._session.request(method, url, data=body, allow_redirects=False, **arguments)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


class _OneOrigin(AIOHttpConnection):
    """A connection whose requests stay at their origin, and whose answers are bounded."""

    def __init__(self, *, counts: Counter[str], **arguments: Any) -> None:
        super().__init__(**arguments)
        self._counts = counts

    async def _create_aiohttp_session(self) -> None:
        session = aiohttp.ClientSession(
            headers=self.headers,
            skip_auto_headers=("accept", "accept-encoding"),
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=_BoundedAnswer,
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=self._ssl_context or True),
            trust_env=False,
        )
        self.session = cast(aiohttp.ClientSession, _Session(session, self._counts))
        self.loop = asyncio.get_running_loop()

    def _raise_warnings(self, warning_headers: Any) -> None:
        """Say nothing: what a server warns of its own settings is for its operators."""


class _BoundedAnswer(OpenSearchClientResponse):
    """An answer that ends."""

    async def read(self) -> bytes:
        """Return the whole body."""
        body = bytearray()
        async for part in self.content.iter_any():
            body += part
            if len(body) > MAX_ANSWER:
                self.close()
                raise ExportError(f"{shown_url(str(self.url))}: answers with more than {MAX_ANSWER} bytes")
        self._body: bytes | None = bytes(body)
        return self._body


def _host_of(endpoint: Endpoint) -> dict[str, Any]:
    target = endpoint.target
    return {
        "host": target.host,
        "port": target.port,
        "use_ssl": target.scheme == "https",
        "url_prefix": target.url.raw_path.strip("/"),
    }


def _reason(error: Any) -> str:
    """Return what a server says of an error: an object with type and reason, or a text."""
    if isinstance(error, Mapping):
        cause = error.get("caused_by")
        deeper = f" ({_reason(cause)})" if isinstance(cause, Mapping) and "caused_by" not in cause else ""
        return _line(f"{error.get('type', 'error')}: {error.get('reason', 'no reason')}{deeper}")
    return _line(str(error)) if error else ""


def _line(text: str) -> str:
    """Return a stranger's text as one line of bounded length."""
    shown = " ".join(text[: 4 * MAX_EXCERPT].split())
    return "".join(char if char.isprintable() else "\ufffd" for char in shown)[:MAX_EXCERPT]
