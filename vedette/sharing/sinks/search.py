"""The exporter `opensearch`: documents in an index of OpenSearch or Elasticsearch.

The index is made when it is missing (see `search_documents.py` for its fields). What it holds of an investigation is
read each time, and only what differs is written, many documents with each request; what is no longer said is deleted.
Ids are always the same, so killed anywhere and done again gives the same. A document that the server does not take is
reported with its reason, and the rest arrives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, StrictStr

from vedette.sharing.endpoint import (
    ENDPOINT_OPTIONAL,
    EndpointSettings,
    failure_of_status,
    read_endpoint,
    read_settings,
)
from vedette.sharing.exporter import (
    Destination,
    Exported,
    Exporter,
    ExportError,
    Outfit,
    Plan,
)
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.sinks.difference import Difference, Standing, compare, plan_of, shown_ids
from vedette.sharing.sinks.records import Sealing, seal
from vedette.sharing.sinks.search_documents import KEYS, MAPPING, document_of

if TYPE_CHECKING:
    from vedette.sharing.sinks.search_server import Outcome

_GONE: Final = 404
"""Status of deleting what is not there: as wanted."""

_OF_A_DOCUMENT: Final = frozenset({400, 409, 413})
"""Statuses that say something of one document; all others are of the key, the index or the server."""


class SearchSettings(EndpointSettings):
    """A server that indexes."""

    index: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")] = "vedette"
    """Name of the index, or of an alias with one index to write to."""
    scheme: Annotated[StrictStr, Field(pattern=r"^[A-Za-z]{1,20}$")] = "ApiKey"
    """Of the Authorization header: `ApiKey` or `Bearer`; a key `user:password` is sent as Basic."""


class OpenSearch(Exporter):
    """Fills an index."""

    name = "opensearch"
    summary = "Documents in an index of OpenSearch or Elasticsearch"
    required = frozenset({"url"})
    optional = ENDPOINT_OPTIONAL | {"index", "scheme"}

    def connect(self, outfit: Outfit) -> Destination:
        """Return the server that settings name."""
        return SearchDestination(outfit)


class SearchDestination(Destination):
    """An index."""

    def __init__(self, outfit: Outfit) -> None:
        """Describe it; nothing is asked yet.

        Raises:
            ConfigurationError: a setting cannot be used.
        """
        # A third of a second of processor time, for processes that may never send anything.
        from vedette.sharing.sinks.search_server import SearchServer

        settings = read_settings(outfit, SearchSettings)
        self._server = SearchServer(read_endpoint(outfit, settings), index=settings.index, scheme=settings.scheme)

    async def plan(self, investigation: Investigation) -> Plan:
        """Say which documents would be written."""
        await self._server.version()
        is_there = await self._is_there()
        sealing, difference = await self._difference(investigation, is_there=is_there)
        before = await self._server.get(shown_ids(difference)) if is_there else {}
        return plan_of(
            difference,
            before=before,
            investigation=investigation,
            withheld=list(sealing.unfit.values()),
            form=document_of,
        )

    async def send(self, investigation: Investigation, *, only: str | None = None) -> Exported:
        """Write and delete the documents that differ."""
        await self._server.version()
        is_there = await self._is_there()
        sealing, difference = await self._difference(investigation, is_there=is_there)
        withheld = [*investigation.withheld, *sealing.unfit.values()]
        if difference.total == 0:
            return Exported(unchanged=difference.unchanged, withheld=withheld, address=self._server.place)
        difference.refuse_other(only, place=self._server.place)
        if not is_there:
            await self._server.create(MAPPING)
        before = self._server.bulk_requests
        refused = await self._write(difference)
        return Exported(
            sent=difference.total - len(refused),
            unchanged=difference.unchanged,
            requests=self._server.bulk_requests - before,
            withheld=[*withheld, *refused],
            address=self._server.place,
        )

    async def check(self) -> str:
        """Ask which server it is, and which version."""
        return await self._server.version()

    async def aclose(self) -> None:
        """Close its connections."""
        await self._server.aclose()

    async def _is_there(self) -> bool:
        """Tell whether the index is there, and one that documents are found in again."""
        mappings = await self._server.mappings()
        wrong = sorted({key for fields in mappings for key in KEYS if fields.get(key, {}).get("type") != "keyword"})
        if wrong:
            reason = f"{', '.join(wrong)} are no keywords in it; choose another index, and let it be made"
            raise ExportError(f"{self._server.place}: {reason}")
        return bool(mappings)

    async def _difference(self, investigation: Investigation, *, is_there: bool) -> tuple[Sealing, Difference]:
        # Seconds for a hundred thousand records: others of this process go on meanwhile.
        sealing = await asyncio.to_thread(seal, investigation)
        there = {}
        if is_there:
            query = {"term": {"investigation": str(investigation.uuid)}}
            async for hit in self._server.found(query, fields=("digest", "kind")):
                source = hit.get("_source", {})
                kind, digest = str(source.get("kind", "")), str(source.get("digest", ""))
                there[str(hit["_id"])] = Standing(kind=kind, digest=digest)
        return sealing, compare(sealing.records, there, kept=sealing.unfit)

    async def _write(self, difference: Difference) -> list[Withheld]:
        """Write what differs; returns what the server did not take.

        Raises:
            ExportError: it took nothing at all, or something is wrong with the index.
            ComeAgainError: it was too busy for some; the rest is written.
            ConnectionFailedError: the key may not do this, or the server broke down.
        """
        refused: list[Withheld] = []
        others: list[Outcome] = []
        what = {one.record.id: one.record for one in difference.write}
        async for outcome in self._server.write(self._actions(difference)):
            if outcome.status < 300 or (outcome.status == _GONE and outcome.id not in what):
                continue
            if outcome.status in _OF_A_DOCUMENT and outcome.id in what:
                refused.append(what[outcome.id].withheld(f"the server does not take it: {outcome.reason}"))
            else:
                others.append(outcome)
        if others:
            first, place = others[0], self._server.place
            reason = f"{len(others)} of {difference.total} documents failed, the first with {first.status}"
            raise failure_of_status(first.status, f"{place}: {reason}: {first.reason}")
        difference.refuse_if_nothing_was_taken(refused, place=self._server.place)
        return refused

    def _actions(self, difference: Difference) -> Iterator[dict[str, Any]]:
        for one in difference.write:
            action = {"_op_type": "index", "_index": self._server.index, "_id": one.record.id}
            yield action | {"_source": document_of(one)}
        for _, id in difference.remove:
            yield {"_op_type": "delete", "_index": self._server.index, "_id": id}
