"""A server that answers as OpenSearch 2 and 3 and Elasticsearch 8 do, for the few requests that are made of it.

Written from their documentation, for no such server can be had where the tests run:

- `GET /`: OpenSearch names its `distribution`, Elasticsearch has none.
- `_bulk`: always 200; `errors` and one result for each action, in order, with a status of its own: 201 created,
  200 updated or deleted, 404 nothing to delete, 400 `mapper_parsing_exception` (Elasticsearch 8:
  `document_parsing_exception`), 429 `es_rejected_execution_exception` (OpenSearch: `rejected_execution_exception`).
  A whole request can be refused with 429 or 503 as well.
- `_search` sees what was there at the last `_refresh`; `_mget` sees everything at once. Sorting by a field that is no
  keyword is refused. `size` is at most 10,000.
- A new index answers `resource_already_exists_exception` when it is made again.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Document = dict[str, Any]
Refusal = tuple[int, str, str]
"""Status, type and reason."""


@dataclass
class SearchFake:
    """The server, what it holds and what it was asked."""

    distribution: str = "opensearch"
    version: str = "2.19.1"
    key: str = ""
    """The Authorization header that it wants; empty: none."""
    behind: str = ""
    """Path that it is behind, as some proxies have it."""
    mapping: dict[str, Any] | None = None
    """Of the index; None: it is missing."""
    documents: dict[str, Document] = field(default_factory=dict)
    searchable: dict[str, Document] = field(default_factory=dict)
    """What a search sees."""
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of each."""
    refuse: Callable[[str, Document], Refusal | None] = lambda _id, _document: None
    """Says which documents are not taken."""
    answer: Callable[[str, str], web.Response | None] = lambda _method, _path: None
    """Answers instead of the server."""
    dies_after: int | None = None
    """Actions of bulk requests that are done before the connection breaks."""
    url: str = ""

    async def start(self, *, tls: ssl.SSLContext | None = None) -> None:
        application = web.Application(client_max_size=256 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Requests that changed something."""
        return [(method, path) for method, path in self.requests if path.endswith("_bulk") or method == "PUT"]

    def of(self, kind: str) -> list[Document]:
        return [one for one in self.documents.values() if one["kind"] == kind]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method, path = request.method, request.path.removeprefix(self.behind)
        self.requests.append((method, path))
        instead = self.answer(method, path)
        if instead is not None:
            return instead
        if self.key and request.headers.get("Authorization") != self.key:
            return _refused(401, "security_exception", "missing authentication credentials")
        body = await request.text()
        if path == "/":
            return web.json_response(self._root())
        if path.endswith("/_bulk"):
            return await self._bulk(request, body)
        if self.mapping is None:
            return self._without_index(method, body)
        return self._with_index(method, path.rpartition("/")[2], body)

    def _root(self) -> Document:
        distribution = {"distribution": self.distribution} if self.distribution == "opensearch" else {}
        return {"name": "node", "cluster_name": "test", "version": {"number": self.version, **distribution}}

    def _without_index(self, method: str, body: str) -> web.Response:
        if method == "PUT":
            self.mapping = json.loads(body)["mappings"]
            return web.json_response({"acknowledged": True, "index": "vedette"})
        return _refused(404, "index_not_found_exception", "no such index [vedette]")

    def _with_index(self, method: str, last: str, body: str) -> web.Response:
        if method == "HEAD":
            return web.Response()
        if method == "PUT":
            return _refused(400, "resource_already_exists_exception", "index [vedette/x] already exists")
        if last == "_mapping":
            return web.json_response({"vedette": {"mappings": self.mapping}})
        if last == "_refresh":
            self.searchable = dict(self.documents)
            return web.json_response({"_shards": {"total": 2, "successful": 1, "failed": 0}})
        if last == "_search":
            return self._search(json.loads(body))
        assert last == "_mget", f"not written: {method} {last}"
        found = [self._found(id) for id in json.loads(body)["ids"]]
        return web.json_response({"docs": found})

    def _found(self, id: str) -> Document:
        if id not in self.documents:
            return {"_index": "vedette", "_id": id, "found": False}
        return {"_index": "vedette", "_id": id, "found": True, "_source": self.documents[id]}

    def _search(self, asked: Document) -> web.Response:
        fields = (self.mapping or {}).get("properties", {})
        if fields.get("id", {}).get("type") != "keyword" or asked["size"] > 10_000:
            return _refused(400, "search_phase_execution_exception", "all shards failed")
        wanted = asked["query"]["term"]["investigation"]
        after = asked.get("search_after", [""])[0]
        found = sorted(
            id for id, one in self.searchable.items() if one["investigation"] == wanted and one["id"] > after
        )
        hits = [
            {"_id": id, "_source": {name: self.searchable[id][name] for name in asked["_source"]}, "sort": [id]}
            for id in found[: asked["size"]]
        ]
        return web.json_response({"took": 1, "timed_out": False, "hits": {"hits": hits}})

    async def _bulk(self, request: web.Request, body: str) -> web.StreamResponse:
        results: list[Document] = []
        for action, id, document in _actions(body):
            if self.dies_after is not None:
                if self.dies_after == 0:
                    transport = request.transport
                    assert transport is not None
                    transport.abort()
                    await asyncio.sleep(0)
                    return web.Response()
                self.dies_after -= 1
            results.append({action: {"_index": "vedette", "_id": id} | self._act(action, id, document)})
        errors = any(int(one["status"]) >= 400 for result in results for one in result.values())
        return web.json_response({"took": 1, "errors": errors, "items": results})

    def _act(self, action: str, id: str, document: Document) -> Document:
        if action == "delete":
            gone = self.documents.pop(id, None)
            return {"status": 404, "result": "not_found"} if gone is None else {"status": 200, "result": "deleted"}
        refusal = self.refuse(id, document)
        if refusal is not None:
            status, type, reason = refusal
            cause = {"caused_by": {"type": "illegal_argument_exception", "reason": "too strange"}}
            return {"status": status, "error": {"type": type, "reason": reason, **(cause if status == 400 else {})}}
        created = id not in self.documents
        self.documents[id] = document
        return {"status": 201 if created else 200, "result": "created" if created else "updated"}


def _actions(body: str) -> Iterator[tuple[str, str, Document]]:
    lines = iter(body.removesuffix("\n").split("\n"))
    for line in lines:
        ((action, about),) = json.loads(line).items()
        yield action, about["_id"], {} if action == "delete" else json.loads(next(lines))


def _refused(status: int, type: str, reason: str) -> web.Response:
    return web.json_response({"error": {"type": type, "reason": reason}, "status": status}, status=status)
