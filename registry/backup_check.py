"""Whether a safety copy is whole: every byte against its manifest, and the store against itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry.backup_archive import SUFFIX, unpack
from registry.backup_dump_reading import GRAPH_TABLES, STORE_TABLES, Tables, load_dump
from registry.backup_facts import check_heads, read_facts
from registry.backup_graph import GraphFacts, read_graph_facts
from registry.backup_manifest import DOCUMENTS, BackupError, BackupManifest, GraphPart, read_manifest
from registry.backup_sqlite import integrity_findings, reading
from registry.backup_target import digest_of, read_document_list
from registry.content import ContentFolder
from registry.document_check import document_check
from registry.scratch import Scratch
from vedette.evidence.finding import Finding
from vedette.messages.limits import MAX_DOCUMENT

_UNREADABLE: Final = (BackupError, TypeError, ValueError, AttributeError)
"""What reading a database raises that holds what no release writes there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupReport:
    """What came of checking a safety copy."""

    manifest: BackupManifest
    """What it says of itself."""
    documents: int
    """Documents that were checked."""
    findings: tuple[Finding, ...]
    """What is wrong."""


@contextmanager
def opened(path: Path, *, beside: Path | None = None) -> Iterator[Path]:
    """Give the folder of a safety copy; one in a file is unpacked for that time.

    Args:
        path: the folder or file.
        beside: where to unpack to; by default beside the file.

    Raises:
        BackupError: it is not a whole safety copy, or the disk is full.
        StoreError: nothing can be written there.
    """
    if not path.name.endswith(SUFFIX):
        yield path
        return
    if not path.is_file():
        raise BackupError(f"{path}: is not a file")
    with Scratch((beside or path.parent) / path.name, purpose="unpacked") as scratch:
        unpack(path, scratch.path)
        yield scratch.path


def check_backup(folder: Path) -> BackupReport:
    """Check everything that a safety copy in a folder holds.

    Raises:
        BackupError: it is not one: the manifest is missing or was changed.
    """
    manifest = read_manifest(folder)
    findings = _part_findings(folder, manifest)
    documents: dict[str, int] = {}
    if not findings:
        documents = read_document_list(folder / manifest.documents)
        findings += _document_findings(folder, manifest, documents)
        try:
            findings += _store_findings(folder / manifest.store, manifest, documents)
        except _UNREADABLE as error:
            findings.append(Finding(kind="store", place=manifest.store, text=str(error)))
        findings += _own_graph_findings(folder, manifest.graph)
    return BackupReport(manifest=manifest, documents=len(documents), findings=tuple(findings))


def _part_findings(folder: Path, manifest: BackupManifest) -> list[Finding]:
    listed = {part.path for part in manifest.parts}
    named = {manifest.store, manifest.documents, *(file.part for file in manifest.files)}
    if manifest.graph is not None and manifest.graph.part is not None:
        named.add(manifest.graph.part)
    found = [Finding(kind="manifest", place=path, text="is no part of it") for path in sorted(named - listed)]
    for part in manifest.parts:
        try:
            if digest_of(folder / part.path) != (part.size, part.sha256):
                found.append(Finding(kind="part", place=part.path, text="is not what was written"))
        except BackupError as error:
            found.append(Finding(kind="part", place=part.path, text=str(error)))
    return found


def _document_findings(folder: Path, manifest: BackupManifest, documents: dict[str, int]) -> Iterator[Finding]:
    check = document_check(ContentFolder(folder / DOCUMENTS, limit=MAX_DOCUMENT))
    for sha256 in sorted(documents.keys() - set(manifest.missing)):
        good = check(sha256) if check is not None else None
        if good is not True:
            text = "is missing" if good is None else "is damaged"
            yield Finding(kind="document", place=sha256, text=text)


def _store_findings(store: Path, manifest: BackupManifest, documents: dict[str, int]) -> list[Finding]:
    inside = manifest.graph is not None and manifest.graph.part is None
    with _readable(store, manifest.dialect, {**STORE_TABLES, **(GRAPH_TABLES if inside else {})}) as path:
        return _database_findings(path, manifest, documents)


@contextmanager
def _readable(part: Path, dialect: str, tables: Tables) -> Iterator[Path]:
    """Give a part as an SQLite file: of a dump, the tables that are checked."""
    if dialect == "sqlite":
        yield part
        return
    with tempfile.TemporaryDirectory(prefix="vedette-dump-") as scratch:
        loaded = Path(scratch) / "dump.db"
        load_dump(part, loaded, tables)
        yield loaded


def _own_graph_findings(folder: Path, graph: GraphPart | None) -> list[Finding]:
    """Return what is wrong with a graph that has a part of its own."""
    if graph is None or graph.part is None:
        return []
    try:
        with _readable(folder / graph.part, graph.dialect, GRAPH_TABLES) as path, reading(path) as connection:
            findings = integrity_findings(connection, place="graph")
            return findings or _graph_findings(graph, read_graph_facts(connection))
    except _UNREADABLE as error:
        return [Finding(kind="graph", place=graph.part, text=str(error))]


def _graph_findings(graph: GraphPart, facts: GraphFacts | None) -> list[Finding]:
    revision, counts = (None, {}) if facts is None else (facts.revision, facts.counts)
    compared = {"revision": revision == graph.revision, "counts": counts == graph.counts}
    wrong = [name for name, same in compared.items() if not same]
    return [Finding(kind="graph", place=name, text="is not what the manifest says") for name in wrong]


def _database_findings(path: Path, manifest: BackupManifest, documents: dict[str, int]) -> list[Finding]:
    with reading(path) as connection:
        findings = integrity_findings(connection)
        if findings:
            return findings
        facts = read_facts(connection)
        compared = {
            "revision": facts.revision == manifest.revision,
            "logs": list(facts.logs) == manifest.logs,
            "counts": facts.counts == manifest.counts,
            "documents": facts.documents == documents,
        }
        wrong = [name for name, same in compared.items() if not same]
        findings = [Finding(kind="store", place=name, text="is not what the manifest says") for name in wrong]
        if manifest.graph is not None and manifest.graph.part is None:
            findings += _graph_findings(manifest.graph, read_graph_facts(connection))
        return [*findings, *check_heads(connection)]
