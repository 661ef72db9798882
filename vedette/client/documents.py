"""Documents: large payloads, handed in and fetched as streams."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import BinaryIO

from vedette.client.address import path_of
from vedette.client.connection import MAX_ANSWER, Connection
from vedette.client.files import write_new
from vedette.client.items import LARGEST
from vedette.client.listing import rows
from vedette.client.model import Model, parsed
from vedette.documents.pace import ANSWER_TIME, SLOWEST
from vedette.errors import ConfigurationError


class Document(Model):
    """A stored document."""

    sha256: str
    """SHA-256 of its bytes, hexadecimal: its id."""
    size: int
    """Bytes."""
    content_type: str
    """MIME type, as its first sender said, or who gave the name."""
    created_at: int
    """Microseconds since 1970: when it came first, or got the name."""
    created_by: str
    """Agent or key that handed it in first, or gave the name."""
    description: dict[str, str]
    """What its sender said of it: title, dates and the like."""


class Stored(Model):
    """What became of a document that was handed in."""

    key: str
    """What it is called: its SHA-256, or the name that was given."""
    size: int
    """Bytes."""
    message: str
    """Whether it was stored now or before."""


class Documents:
    """The documents of a hub."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, *, by: str | None = None, limit: int | None = None) -> AsyncIterator[Document]:
        """Iterate over documents, newest first; `by`: only those that this agent or key handed in."""
        return rows(self._connection, "/v1/documents", Document, query={"by": by}, limit=limit)

    async def metadata(self, id: str) -> Document:
        """Return what is known of a document, its bytes apart.

        Raises:
            ApiError: 404 there is none, 410 it was deleted.
        """
        return parsed(Document, await self._connection.get(path_of("v1", "documents", id)))

    async def put(
        self,
        file: Path,
        *,
        content_type: str | None = None,
        name: str | None = None,
        description: Mapping[str, str] | None = None,
    ) -> Stored:
        """Hand a file in; after this returns it is on the hub's disk.

        Args:
            file: the file, which is streamed.
            content_type: its MIME type; None: guessed from the file's name.
            name: what it shall be called; None: its SHA-256.
            description: what shall be kept with it, such as its `title`.

        Raises:
            ApiError: the hub refuses: 409 the name means another document, 413 too large, 507 no room.
            ConfigurationError: the file cannot be read.
        """
        kind = content_type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        path = path_of("document") if name is None else path_of("document", name)
        with _opened(file) as opened:
            size = os.fstat(opened.fileno()).st_size
            sending = self._connection.open(
                "PUT",
                path,
                description,
                headers={"Content-Type": kind, "Content-Length": str(size), "Accept": "application/json"},
                data=opened,
                total=ANSWER_TIME + size / SLOWEST,
            )
            async with sending as response:
                answer = b"".join([piece async for piece in self._connection.pieces(response, most=MAX_ANSWER)])
        return parsed(Stored, self._connection.read(answer))

    async def get(self, id: str, to: Path, *, most: int = LARGEST) -> int:
        """Write a document into a new file, compared with its SHA-256; returns its size.

        Raises:
            ApiError: 404 there is none, 410 it was deleted.
            ConfigurationError: the file exists or cannot be written, or the bytes are not the document's.
        """
        known = await self.metadata(id)
        # By its SHA-256: the name may mean another one by now.
        path, headers = path_of("document", known.sha256), {"Accept": "application/octet-stream"}
        async with self._connection.open("GET", path, headers=headers) as response:
            return await write_new(to, self._connection.pieces(response, most=most), sha256=known.sha256)

    async def delete(self, id: str, *, reason: str) -> None:
        """Delete a document's bytes under all its names; a tombstone with the reason stays, and so does every proof.

        Raises:
            ApiError: 404 there is none, 409 it is on hold, 410 it was deleted before.
        """
        await self._connection.send("DELETE", path_of("document", id), query={"reason": reason})


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as error:
        raise ConfigurationError(str(file), "", f"cannot be read: {error.strerror}") from error
