"""Putting a safety copy back, as the command does it."""

from __future__ import annotations

from pathlib import Path

from registry.backup_finish import OldStore, RestoreOrder
from registry.backup_manifest import BackupManifest
from registry.backup_restore import Replaced, SqlitePlace, StorePlace
from registry.backup_restore_postgres import PostgresPlace
from registry.callers import Actor
from registry.engines import is_sqlite, parse_url
from tests.registry.backing_up import Filled


def place_of(url: str, tmp_path: Path) -> StorePlace:
    parsed = parse_url(url)
    if is_sqlite(parsed):
        return SqlitePlace(Path(str(parsed.database)))
    return PostgresPlace(parsed, lock=tmp_path / "restore.lock")


def put_back(filled: Filled, copy: Path, manifest: BackupManifest, *, old: OldStore | None = None) -> Replaced:
    place = place_of(filled.url, copy.parent)
    with place.held():
        known = place.read_old(manifest) if old is None else old
        return place.replace(copy / manifest.store, order(manifest, known, now=filled.clock.now()))


def order(manifest: BackupManifest, old: OldStore, *, now: int = 1) -> RestoreOrder:
    return RestoreOrder(manifest=manifest, old=old, now=now, by=Actor(who="test", origin="test"))
