"""The steps of a restore: documents, files, the store, the graph last, then what is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.backup_finish import NewEpoch, OldStore, RestoreOrder
from registry.backup_losses import Losses, LossSearch
from registry.backup_manifest import DOCUMENTS, BackupError, BackupManifest, FleetFile
from registry.backup_restore import Replaced, SqlitePlace, StorePlace
from registry.backup_restore_postgres import PostgresPlace
from registry.backup_target import PIECE, private_file, read_document_list, sync
from registry.content import ContentFolder
from registry.database import Database
from registry.document_check import document_check
from registry.engines import is_sqlite, parse_url
from registry.lock import FileLock
from registry.scratch import Scratch
from vedette.cli.actor import command_line_actor
from vedette.cli.fleet_files import REDACTED
from vedette.cli.restoring_graph import catch_up, put_graph_back, read_decisions, repeat_decisions
from vedette.clock import SystemClock, to_datetime
from vedette.configuration.fleet import FleetConfiguration, FleetPaths, load_fleet
from vedette.errors import ConfigurationError, StoreError
from vedette.messages.limits import MAX_DOCUMENT

OUTSIDE = "outside"
"""Folder for files that lay outside of the fleet's folder, when it is restored to another place."""


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restore did."""

    fleet: str
    """The configuration of the fleet."""
    made_at: int
    """Microseconds since 1970: when the safety copy was made."""
    aside: str
    """Where the store is that was there; empty where none was."""
    epochs: tuple[NewEpoch, ...]
    """The new chains."""
    withdrawn: tuple[str, ...]
    """What was taken away after the safety copy, and was again."""
    losses: Losses
    """What is known to be gone."""
    notes: tuple[str, ...]
    """What a person must know or do."""


def restore_here(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    folder: Path,
    manifest: BackupManifest,
    *,
    replace: bool,
    receipts: Sequence[Path],
) -> Restored:
    """Restore to where a fleet's configuration says.

    Raises:
        ConfigurationError: a fleet runs there.
        BackupError: there is a store and `replace` is not given, or something cannot be written.
        StoreError: somebody uses the store.
    """
    paths.make()
    fleet = FileLock(paths.run / "fleet.lock", exclusive=True)
    try:
        fleet.acquire()
    except StoreError as error:
        raise ConfigurationError(str(paths.data), "", "a fleet runs in this folder; end it first") from error
    try:
        replaced, notes = _put_back(paths, folder, manifest, replace=replace)
    finally:
        fleet.release()
    return _reported(configuration, paths, manifest, replaced, notes, receipts)


def restore_to(
    to: Path, folder: Path, manifest: BackupManifest, *, replace: bool, receipts: Sequence[Path]
) -> Restored:
    """Restore a whole fleet to a new folder, which appears when it is complete.

    Raises:
        BackupError: the folder is not empty, or the safety copy's fleet kept its store or data elsewhere.
        ConfigurationError: the configuration in the safety copy cannot be used.
        StoreError: something cannot be written.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise BackupError(f"{to}: is not an empty folder; name another one")
    main = next((file for file in manifest.files if Path(file.origin).parent == Path()), None)
    if main is None:
        raise BackupError("the safety copy has no configuration; write one and give it with --config")
    with Scratch(to, purpose="restoring") as scratch:
        moved = _write_fleet(scratch.path, folder, manifest)
        _, paths = load_fleet(scratch.path / main.origin)
        _refuse_elsewhere(paths, scratch.path)
        paths.make()
        replaced, notes = _put_back(paths, folder, manifest, replace=replace)
        try:
            scratch.path.rename(to)
            sync(to.parent)
        except OSError as error:
            raise BackupError(f"{to}: cannot be made: {error.strerror}") from error
    configuration, paths = load_fleet(to / main.origin)
    return _reported(configuration, paths, manifest, replaced, [*moved, *notes], receipts)


def _refuse_elsewhere(paths: FleetPaths, folder: Path) -> None:
    """Refuse a configuration whose data are not in the new folder: they are those of the fleet that it came from."""
    url = parse_url(paths.store_url)
    graph = parse_url(paths.graph_url)
    places = [paths.data, *(Path(str(one.database)) for one in (url, graph) if is_sqlite(one))]
    for place in places:
        if not place.is_relative_to(folder.resolve()):
            raise BackupError(
                f"its configuration keeps data in {place}; restore to there with --config, not with --to"
            )


def _write_fleet(target: Path, folder: Path, manifest: BackupManifest) -> list[str]:
    """Write the fleet's files to a new folder; return what a person must know."""
    notes = []
    for number, file in enumerate(manifest.files):
        if Path(file.origin).is_absolute() or ".." in Path(file.origin).parts:
            place = target / OUTSIDE / f"{number}-{Path(file.origin).name}"
            notes.append(f"{file.origin} lay outside of the fleet's folder: it is {OUTSIDE}/{place.name} now")
        else:
            place = target / file.origin
        _write_file(place, folder / file.part)
        if file.redacted:
            notes.append(f"{file.origin}: put the secrets back where it says {REDACTED}")
    return notes


def _write_file(place: Path, part: Path) -> None:
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with private_file(place) as file:
            file.write(part.read_bytes())
    except OSError as error:
        raise BackupError(f"{place}: cannot be written: {error.strerror}") from error


def _put_back(
    paths: FleetPaths, folder: Path, manifest: BackupManifest, *, replace: bool
) -> tuple[tuple[Replaced, OldStore], list[str]]:
    """Put documents and missing files back, then store and graph."""
    place = _place_of(paths, manifest)
    with place.held():
        if place.occupied() and not replace:
            raise BackupError(f"{_named(paths)}: there is a store already; --replace moves it aside")
        notes = _lost_revocations(manifest)
        try:
            old = place.read_old(manifest)
        except BackupError as error:
            old = OldStore()
            notes.append(f"what the store that was there had since is not known: {error}")
        _restore_documents(paths, folder, manifest, without={one for one, _ in old.withdrawn.documents})
        notes += _restore_files(paths, folder, manifest)
        order = RestoreOrder(manifest=manifest, old=old, now=SystemClock().now(), by=command_line_actor())
        decided, unread = read_decisions(paths, since=manifest.made_at)
        replaced = place.replace(folder / manifest.store, order)
        # With the store held, so that nothing is merged meanwhile.
        notes += [*unread, *put_graph_back(paths, folder, order), *repeat_decisions(paths, decided)]
    return (replaced, old), notes


def _lost_revocations(manifest: BackupManifest) -> list[str]:
    when = f"{to_datetime(manifest.made_at):%Y-%m-%d %H:%M:%S} UTC"
    return [f"agents, keys, users and passwords are as they were at {when}: look at what was changed since"]


def _place_of(paths: FleetPaths, manifest: BackupManifest) -> StorePlace:
    url = parse_url(paths.direct_store_url)
    dialect = "sqlite" if is_sqlite(url) else "postgresql"
    if dialect != manifest.dialect:
        raise BackupError(f"the safety copy is of a {manifest.dialect} store, the configuration says {dialect}")
    if dialect == "sqlite":
        return SqlitePlace(Path(str(url.database)))
    return PostgresPlace(url, lock=paths.run / "restore.lock")


def _named(paths: FleetPaths) -> str:
    return Database(paths.store_url).place


def _restore_documents(
    paths: FleetPaths, folder: Path, manifest: BackupManifest, *, without: Collection[str]
) -> None:
    """Copy the documents that are not there as they must be; those of later items stay for the store moved aside."""
    source, target = (ContentFolder(one, limit=MAX_DOCUMENT) for one in (folder / DOCUMENTS, paths.documents))
    target.prepare()
    check = document_check(target)
    for sha256 in read_document_list(folder / manifest.documents).keys() - {*manifest.missing, *without}:
        if check is not None and check(sha256):
            continue
        with source.open(sha256) as file, target.begin() as partial:
            while piece := file.read(PIECE):
                partial.write(piece)
            partial.commit()


def _restore_files(paths: FleetPaths, folder: Path, manifest: BackupManifest) -> list[str]:
    """Put back what is missing of the fleet's files; what is there stays as it is."""
    notes, base = [], paths.file.parent
    for file in manifest.files:
        place = (base / file.origin).resolve()
        if place.exists():
            if not file.redacted and place.read_bytes() != (folder / file.part).read_bytes():
                notes.append(f"{place} stays as it is; the safety copy has another one")
        elif _is_ours(place, paths) and not file.redacted:
            _write_file(place, folder / file.part)
            notes.append(f"{place} was missing and is back")
        else:
            notes.append(f"{file.origin} is missing and was not put back: {_reason(file)}")
    return notes


def _is_ours(place: Path, paths: FleetPaths) -> bool:
    return place.is_relative_to(paths.file.parent) or place.is_relative_to(paths.data)


def _reason(file: FleetFile) -> str:
    return "its secrets are not in the safety copy" if file.redacted else "it lay outside of the fleet's folder"


def _reported(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    manifest: BackupManifest,
    replaced: tuple[Replaced, OldStore],
    notes: Sequence[str],
    receipts: Sequence[Path],
) -> Restored:
    done, old = replaced
    with Database(paths.store_url) as database:
        search = LossSearch(database=database, restored=manifest.logs, old=old)
        for outbox in _outboxes([paths.outboxes, *receipts]):
            search.visit(outbox)
        losses = search.result()
        notes = [*notes, *catch_up(configuration, paths, database)]
    return Restored(
        fleet=str(paths.file),
        made_at=manifest.made_at,
        aside=done.aside,
        epochs=done.finished.epochs,
        withdrawn=done.finished.withdrawn,
        losses=losses,
        notes=(*notes, *losses.notes),
    )


def _outboxes(folders: Iterable[Path]) -> list[Path]:
    return sorted({path.resolve() for folder in folders for path in folder.glob("*.db") if path.is_file()})
