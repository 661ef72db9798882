"""Safety copies: the store in one state, the documents that it refers to, the graph, and the fleet's files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, select

from registry.backup_archive import SUFFIX, ArchiveTarget
from registry.backup_facts import StoreFacts, read_facts
from registry.backup_graph import GraphFacts, copy_graph, described, is_inside, read_graph_facts
from registry.backup_manifest import BackupError, BackupManifest, FleetFile, GraphPart, Part
from registry.backup_postgres import dump_store
from registry.backup_sqlite import copied_facts, copy_store
from registry.backup_target import BackupTarget, FolderTarget
from registry.content import ContentFolder
from registry.database import Database
from registry.document_tables import document
from registry.documents import known_documents
from registry.engines import is_sqlite, parse_url
from vedette import __version__
from vedette.clock import Clock
from vedette.errors import VedetteError

_TRIES = 3
"""Times that the store is copied when documents are deleted between its copy and theirs."""

_LIST = "documents.txt"
_NAMES = {"sqlite": "store.db", "postgresql": "store.dump"}
_STRANGE = re.compile(r"[^A-Za-z0-9@_+=,.-]")


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetEntry:
    """A file of the fleet that goes into the safety copy."""

    origin: str
    """Its path relative to `vedette.yml`; absolute where it lies elsewhere."""
    data: bytes
    """What is copied of it."""
    secret: bool
    """Whether it is a key, a password or an account."""
    redacted: bool = False
    """Whether secrets within were taken out."""


def open_target(path: Path, *, now: int) -> BackupTarget:
    """Return where to write: one file where the name ends like one, else a folder.

    Raises:
        BackupError: something else is there, or it cannot be written.
        StoreError: another process writes a safety copy to it.
    """
    if path.name.endswith(SUFFIX):
        return ArchiveTarget(path, now=now)
    return FolderTarget(path, now=now)


class Backup:
    """Copies one store; it may be used meanwhile."""

    def __init__(
        self,
        *,
        database: Database,
        store_url: str,
        documents: ContentFolder,
        files: Sequence[FleetEntry],
        secrets: bool,
        clock: Clock,
        graph_url: str | None = None,
    ) -> None:
        """Describe it.

        Args:
            database: the store, open: so nobody migrates it meanwhile.
            store_url: where it is.
            documents: the files of its documents.
            files: what else goes with it.
            secrets: whether secret ones of them do.
            clock: what tells the time.
            graph_url: where the knowledge graph is; None: there is none.
        """
        self._database = database
        self._url = parse_url(store_url)
        self._documents = documents
        self._files = [file for file in files if secrets or not file.secret]
        self._secrets = secrets
        self._clock = clock
        self._graph_url = graph_url

    def write(self, target: BackupTarget) -> BackupManifest:
        """Write a safety copy.

        Raises:
            BackupError: it cannot be written, or the store not be read.
            StoreError: the database failed, or the disk is full.
        """
        dialect: Literal["sqlite", "postgresql"] = "sqlite" if is_sqlite(self._url) else "postgresql"
        # Most documents first, so that little is left to do between the store's copy and theirs.
        for sha256 in self._database.read_sync(_document_ids):
            target.add_document(sha256, self._documents)
        made_at, (facts, inside), missing = self._copy_store(target, _NAMES[dialect])
        store = target.keep(_NAMES[dialect])
        graph, graph_part, graph_problem = self._copy_graph(target, inside)
        listed = "".join(f"{sha256} {size}\n" for sha256, size in sorted(facts.documents.items()))
        listing = _keep(target, _LIST, listed.encode())
        kept = [(entry, _keep(target, _part_name(number, entry), entry.data)) for number, entry in self._numbered()]
        manifest = BackupManifest(
            made_at=made_at,
            version=__version__,
            dialect=dialect,
            revision=facts.revision,
            store=store.path,
            documents=listing.path,
            missing=missing,
            parts=[store, *graph_part, listing, *(part for _, part in kept)],
            files=[
                FleetFile(origin=entry.origin, part=part.path, secret=entry.secret, redacted=entry.redacted)
                for entry, part in kept
            ],
            secrets=self._secrets,
            logs=list(facts.logs),
            counts=facts.counts,
            graph=graph,
            graph_problem=graph_problem,
        )
        target.finish(manifest)
        return manifest

    def _numbered(self) -> list[tuple[int, FleetEntry]]:
        return list(enumerate(self._files))

    def _copy_graph(
        self, target: BackupTarget, inside: GraphFacts | None
    ) -> tuple[GraphPart | None, list[Part], str]:
        """Copy the graph, unless the store's copy has it; else say why not: evidence does not wait for knowledge.

        After the store: what that thinks done is then in the graph. What is in the graph and still waits in the
        store changes nothing when it is merged again.
        """
        if inside is not None or self._graph_url is None:
            return described(inside, url=self._url, part=None), [], ""
        try:
            copied = copy_graph(self._graph_url, target.prepare)
        except VedetteError as error:
            return None, [], str(error)
        if copied is None:
            return None, [], ""
        part = target.keep(copied[0])
        return described(copied[1], url=parse_url(self._graph_url), part=part.path), [part], ""

    def _copy_store(
        self, target: BackupTarget, name: str
    ) -> tuple[int, tuple[StoreFacts, GraphFacts | None], list[str]]:
        """Copy the store, then the documents that it knows and the target has not.

        A document that was deleted in between would be missing from a copy that refers to it: so once more.
        """
        path = target.prepare(name)
        for _ in range(_TRIES):
            made_at = self._clock.now()
            if is_sqlite(self._url):
                copy_store(Path(str(self._url.database)), path)
                facts = copied_facts(path, self._read)
            else:
                facts = dump_store(self._url, path, self._read)
            missing = sorted(one for one in facts[0].documents if not target.add_document(one, self._documents))
            if self._are_known(missing):
                return made_at, facts, missing
        raise BackupError("documents are being deleted faster than they can be copied; try again when that is done")

    def _read(self, connection: Connection) -> tuple[StoreFacts, GraphFacts | None]:
        """Return what the store's copy holds, and the graph in it."""
        has_graph = self._graph_url is not None and is_inside(parse_url(self._graph_url), self._url)
        return read_facts(connection), read_graph_facts(connection) if has_graph else None

    def _are_known(self, ids: Sequence[str]) -> bool:
        return self._database.read_sync(lambda connection: _known(connection, ids)).issuperset(ids)


def _known(connection: Connection, ids: Sequence[str]) -> set[str]:
    return {one for start in range(0, len(ids), 500) for one in known_documents(connection, ids[start : start + 500])}


def _document_ids(connection: Connection) -> list[str]:
    return list(connection.execute(select(document.c.sha256)).scalars())


def _keep(target: BackupTarget, name: str, data: bytes) -> Part:
    path = target.prepare(name)
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(data)
    except OSError as error:
        raise BackupError(f"{path}: cannot be written: {error.strerror}") from error
    return target.keep(name)


def _part_name(number: int, entry: FleetEntry) -> str:
    return f"{number:04}-{_STRANGE.sub('_', Path(entry.origin).name)[:100]}"
