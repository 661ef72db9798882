"""What the database knows of documents: rows as values, and the changes of them, each in a caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, func, insert, select, update

from registry.content import check_id
from registry.document_tables import document, document_name, document_tombstone
from vedette.errors import RefusedError
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable

NOTHING_SAID = "{}"
"""The description of a document of which nothing was said."""

_FIELDS = ("sha256", "size", "content_type", "created_at", "created_by", "description")


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What is known of a stored document."""

    sha256: str
    """SHA-256 of its bytes, hexadecimal: its id."""
    size: int
    """Bytes."""
    content_type: str
    """MIME type, as its first sender said, or who gave the name."""
    created_at: int
    """Microseconds since 1970: when it came first, or got the name."""
    created_by: str
    """Who handed it in first, or gave the name."""
    description: str = NOTHING_SAID
    """Canonical JSON of what was said of it."""
    name: str = ""
    """The name that it was found by; empty where that is its id."""

    @property
    def key(self) -> str:
        """What its client calls it."""
        return self.name or self.sha256


@dataclass(frozen=True, kw_only=True, slots=True)
class Tombstone:
    """What is left of a deleted document."""

    sha256: str
    """Its id."""
    size: int
    """Bytes that it had."""
    content_type: str
    """MIME type."""
    created_at: int
    """Microseconds since 1970: when it came."""
    created_by: str
    """Who handed it in."""
    deleted_at: int
    """Microseconds since 1970."""
    deleted_by: str
    """Who deleted it."""
    reason: str
    """Why."""


def find_document(connection: Connection, id: str) -> Document | Tombstone | None:
    """Return the document of an id or a name, what is left of it, or None."""
    try:
        return find_content(connection, check_id(id))
    except RefusedError:
        named = find_name(connection, id)
    if named is None:
        return None
    found = find_content(connection, named.sha256)
    return replace(named, size=found.size) if isinstance(found, Document) else found


def find_content(connection: Connection, sha256: str) -> Document | Tombstone | None:
    """Return the document of an id, what is left of it, or None."""
    query = select(*(document.c[name] for name in _FIELDS)).where(document.c.sha256 == sha256)
    row = connection.execute(query).mappings().one_or_none()
    if row is not None:
        return Document(**row)
    return next(iter(tombstones_of(connection, sha256)), None)


def find_name(connection: Connection, name: str) -> Document | None:
    """Return what a name means, of size 0; the document may be deleted."""
    table = document_name
    columns = [table.c[field] for field in (*_FIELDS, "name") if field != "size"]
    row = connection.execute(select(*columns).where(table.c.name == name)).mappings().one_or_none()
    return None if row is None else Document(size=0, **row)


def enter_document(connection: Connection, entry: Document) -> tuple[Document, bool]:
    """Store the row of a document, if it has none, and of its name; returns what is known, and what was new."""
    found = find_content(connection, entry.sha256)
    new = not isinstance(found, Document)
    if new:
        connection.execute(insert(document).values({name: getattr(entry, name) for name in _FIELDS}))
    if not entry.name:
        return (found if isinstance(found, Document) else entry), new
    known = find_name(connection, entry.name)
    if known is not None and known.sha256 == entry.sha256 and not new:
        return replace(known, size=entry.size), False
    # A name whose document was deleted may be given again.
    connection.execute(delete(document_name).where(document_name.c.name == entry.name))
    values = {name: getattr(entry, name) for name in (*_FIELDS, "name") if name != "size"}
    connection.execute(insert(document_name).values(values))
    return entry, True


def bury_document(connection: Connection, sha256: str, *, at: int, by: str, reason: str) -> Tombstone | None:
    """Put a tombstone where a document was, and forget what was said of it; None where there is none.

    The caller removes the file once this is committed.
    """
    found = find_content(connection, sha256)
    if not isinstance(found, Document):
        return None
    tombstone = Tombstone(
        sha256=found.sha256,
        size=found.size,
        content_type=found.content_type,
        created_at=found.created_at,
        created_by=found.created_by,
        deleted_at=at,
        deleted_by=storable(by, limit=MAX_TEXT),
        reason=storable(reason, limit=MAX_TEXT),
    )
    values = {name: getattr(tombstone, name) for name in Tombstone.__dataclass_fields__}
    connection.execute(insert(document_tombstone).values(values))
    connection.execute(delete(document).where(document.c.sha256 == sha256))
    named = document_name.c.sha256 == sha256
    connection.execute(update(document_name).where(named).values(description=NOTHING_SAID))
    return tombstone


def tombstones_of(connection: Connection, sha256: str) -> list[Tombstone]:
    """Return what is left of a deleted document, the last deletion first."""
    table = document_tombstone
    query = select(*(table.c[name] for name in Tombstone.__dataclass_fields__)).where(table.c.sha256 == sha256)
    return [Tombstone(**row) for row in connection.execute(query.order_by(table.c.id.desc())).mappings()]


def deleted_ids(connection: Connection) -> list[str]:
    """Return the ids of deleted documents that did not come again."""
    table = document_tombstone
    again = select(document.c.sha256).where(document.c.sha256 == table.c.sha256).exists()
    return list(connection.execute(select(table.c.sha256).where(~again).distinct()).scalars())


def known_documents(connection: Connection, ids: Collection[str], *, kept: bool = False) -> dict[str, int]:
    """Return the sizes in bytes of those documents that are stored; `kept`: none goes before the transaction ends."""
    if not ids:
        return {}
    query = select(document.c.sha256, document.c.size).where(document.c.sha256.in_(list(ids)))
    query = query.with_for_update(read=True) if kept else query
    return {sha256: size for sha256, size in connection.execute(query)}


def bytes_of(connection: Connection, holder: str) -> int:
    """Return the bytes of all documents that a key or agent handed in first."""
    query = select(func.coalesce(func.sum(document.c.size), 0)).where(document.c.created_by == holder)
    return int(connection.execute(query).scalar_one())


def page_of_ids(connection: Connection, *, after: str, limit: int) -> list[str]:
    """Return the next ids in their order."""
    query = select(document.c.sha256).where(document.c.sha256 > after).order_by(document.c.sha256)
    return list(connection.execute(query.limit(limit)).scalars())
