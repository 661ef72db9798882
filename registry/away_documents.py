"""The documents of a fleet for an engine that has not their folder: asked of the hub, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from vedette.documents.client import DocumentClient, UnreadableDocumentError
from vedette.errors import ConnectionFailedError, StoreError


class DocumentReader(Protocol):
    """Where the bytes of documents are read: their folder, or the hub."""

    def read(self, sha256: str, *, limit: int) -> bytes | None:
        """Return the bytes of a document, None where they are more than `limit`; blocking.

        Raises:
            StoreError: it is not there, or damaged.
            AwayError: nobody can be asked now; try again later.
        """
        ...


class AwayError(StoreError):
    """The hub, which has the documents, cannot be asked now; the message says why."""


class AwayDocuments:
    """Documents at the hub."""

    def __init__(self, client: Callable[[], DocumentClient]) -> None:
        """Describe them; `client` makes a client of the hub's document service."""
        self._client = client

    def read(self, sha256: str, *, limit: int) -> bytes | None:
        """Return the bytes of a document, None where there are none to read; blocking: call it in a thread.

        Raises:
            AwayError: the hub cannot be asked now.
        """
        try:
            return asyncio.run(self._get(sha256, limit=limit))
        except UnreadableDocumentError:
            return None
        except ConnectionFailedError as error:
            raise AwayError(f"the document {sha256} cannot be read at the hub now: {error}") from error

    async def _get(self, sha256: str, *, limit: int) -> bytes:
        async with self._client() as client:
            return await client.get(sha256, limit=limit)
