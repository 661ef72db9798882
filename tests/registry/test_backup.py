"""Safety copies: one state of a store that is in use, whole or not there, and what damage looks like."""

from __future__ import annotations

import io
import shutil
import sqlite3
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from registry.backup import FleetEntry, open_target
from registry.backup_archive import unpack
from registry.backup_check import check_backup, opened
from registry.backup_facts import check_heads
from registry.backup_manifest import MANIFEST, BackupError, read_manifest
from registry.backup_sqlite import reading
from registry.backup_target import FolderTarget
from registry.content import ContentFolder
from tests.registry.backing_up import Filled, left_beside
from vedette.errors import StoreError
from vedette.evidence.finding import Finding

TARGETS = ["copy", "copy.tar.zst"]


@pytest.fixture
async def filled(store_url: str, tmp_path: Path) -> AsyncIterator[Filled]:
    """A store of 250 items and 3 documents, in both databases."""
    made = Filled(url=store_url, folder=tmp_path)
    await made.open()
    await made.commit(250)
    for data in (b"one", b"two", b"x" * 3_000_000):
        await made.put(data)
    yield made
    made.close()


@pytest.fixture
async def small(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Filled]:
    """The same in SQLite alone, where the database does not matter."""
    path = tmp_path / "store.db"
    shutil.copyfile(migrated_file, path)
    made = Filled(url=f"sqlite:///{path}", folder=tmp_path)
    await made.open()
    await made.commit(50)
    await made.put(b"one")
    yield made
    made.close()


def findings(path: Path) -> list[Finding]:
    with opened(path) as folder:
        return list(check_backup(folder).findings)


@pytest.mark.parametrize("name", TARGETS)
async def test_a_copy_under_ingest_is_one_state_of_the_store(filled: Filled, tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    with filled.busy():
        manifest = filled.backup(target)

    (log,) = manifest.logs
    assert (manifest.counts["items"], manifest.counts["documents"]) == (log.next_index, 3)
    assert log.next_index >= 250
    assert (manifest.missing, manifest.secrets, manifest.version) == ([], False, manifest.version)
    with opened(target) as folder:
        report = check_backup(folder)
        assert (report.findings, report.documents, report.manifest) == ((), 3, manifest)
        assert all(path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*"))
    assert not [name for name in left_beside(tmp_path) if name.startswith(".")]


async def test_the_next_copy_in_a_folder_copies_only_what_is_new(small: Filled, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    small.backup(target)
    document = next((target / "documents").glob("??/*"))
    before = document.stat()
    gone = await small.put(b"soon gone")
    await small.commit(10)
    small.backup(target)
    await small.documents.delete(gone.sha256, by="test", reason="test")
    await small.put(b"new")
    manifest = small.backup(target)

    after = document.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert manifest.counts["items"] == 60
    ids = set(ContentFolder(target / "documents", limit=1).ids())
    assert (len(ids), gone.sha256 in ids) == (2, False)
    assert len([path for path in target.iterdir() if path.is_dir()]) == 2
    assert findings(target) == []


async def test_a_copy_that_fails_leaves_the_one_before(small: Filled, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    before = small.backup(target)
    await small.commit(10)
    await small.put(b"late")
    broken = open_target(target, now=small.clock.now())
    broken.prepare("store.db").write_bytes(b"half")
    broken.close()

    assert read_manifest(target) == before
    assert findings(target) == []


@pytest.mark.parametrize("name", TARGETS)
async def test_what_is_not_finished_is_no_safety_copy(small: Filled, tmp_path: Path, name: str) -> None:
    target = open_target(tmp_path / name, now=small.clock.now())
    target.prepare("store.db").write_bytes(b"half")
    target.keep("store.db")
    target.close()

    with pytest.raises(BackupError, match="no manifest|is not a file"):
        findings(tmp_path / name)
    small.backup(tmp_path / name)
    assert findings(tmp_path / name) == []


async def test_two_at_once_into_one_folder(small: Filled, tmp_path: Path) -> None:
    first = FolderTarget(tmp_path / "copy", now=small.clock.now())
    with pytest.raises(StoreError, match="another process holds the lock"):
        small.backup(tmp_path / "copy")
    first.close()


async def test_nothing_else_is_overwritten(small: Filled, tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "home" / "x.tar.zst"
    home.mkdir()
    file.write_text("somebody's")
    for target in (home, file):
        with pytest.raises(BackupError, match="name another"):
            small.backup(target)
    assert (left_beside(home), file.read_text()) == ({"x.tar.zst"}, "somebody's")


async def test_a_document_whose_file_is_damaged_or_missing_is_said(small: Filled, tmp_path: Path) -> None:
    lost, damaged = await small.put(b"lost"), await small.put(b"damaged")
    small.folder.path_of(lost.sha256).unlink()
    small.folder.path_of(damaged.sha256).write_bytes(b"dama9ed")

    for name in TARGETS:
        manifest = small.backup(tmp_path / name)
        assert manifest.missing == sorted([lost.sha256, damaged.sha256])
        assert findings(tmp_path / name) == []


async def test_a_good_copy_of_a_document_outlives_its_damage(small: Filled, tmp_path: Path) -> None:
    document = await small.put(b"precious")
    small.backup(tmp_path / "copy")
    small.folder.path_of(document.sha256).unlink()

    assert small.backup(tmp_path / "copy").missing == []
    assert findings(tmp_path / "copy") == []


async def test_a_document_that_is_deleted_meanwhile_is_in_no_copy(
    small: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = await small.put(b"soon gone")
    original, deleted = FolderTarget.add_document, []

    def delete_before_copying(target: FolderTarget, sha256: str, source: ContentFolder) -> bool:
        # Between the store's copy and the documents': the first pass is over once the store was copied.
        if sha256 == document.sha256 and not target.prepare("store.db").exists():
            return True
        if sha256 == document.sha256 and not deleted:
            deleted.append(True)
            with closing(sqlite3.connect(tmp_path / "store.db")) as store, store:
                store.execute("DELETE FROM document WHERE sha256 = ?", (sha256,))
            source.remove(sha256)
        return original(target, sha256, source)

    monkeypatch.setattr(FolderTarget, "add_document", delete_before_copying)
    manifest = small.backup(tmp_path / "copy")

    assert (deleted, manifest.missing, manifest.counts["documents"]) == ([True], [], 1)
    assert findings(tmp_path / "copy") == []


async def test_files_and_secrets(small: Filled, tmp_path: Path) -> None:
    files = (
        FleetEntry(origin="vedette.yml", data=b"data: var\n", secret=False),
        FleetEntry(origin="var/credentials/a b\u202e.key", data=b"key", secret=True),
    )
    assert [file.origin for file in small.backup(tmp_path / "one", files=files).files] == ["vedette.yml"]
    assert b"key" not in b"".join(path.read_bytes() for path in (tmp_path / "one").rglob("0*"))
    manifest = small.backup(tmp_path / "two.tar.zst", files=files, secrets=True)
    assert [file.secret for file in manifest.files] == [False, True]
    assert findings(tmp_path / "two.tar.zst") == []


def flip(path: Path, place: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


def store_of(copy: Path) -> Path:
    return copy / read_manifest(copy).store


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "store": (lambda copy: flip(store_of(copy), 5000), "part"),
    "store cut": (lambda copy: store_of(copy).write_bytes(store_of(copy).read_bytes()[:-4096]), "part"),
    "store gone": (lambda copy: store_of(copy).unlink(), "part"),
    "list": (lambda copy: flip(copy / read_manifest(copy).documents), "part"),
    "document": (lambda copy: flip(next((copy / "documents").glob("??/*"))), "document"),
    "document gone": (lambda copy: next((copy / "documents").glob("??/*")).unlink(), "document"),
}


@pytest.mark.parametrize("damage", sorted(DAMAGES))
async def test_damage_is_found(small: Filled, tmp_path: Path, damage: str) -> None:
    small.backup(tmp_path / "copy")
    work, kind = DAMAGES[damage]
    work(tmp_path / "copy")
    assert {finding.kind for finding in findings(tmp_path / "copy")} == {kind}


async def test_a_manifest_that_was_changed_is_none(small: Filled, tmp_path: Path) -> None:
    small.backup(tmp_path / "copy")
    manifest = tmp_path / "copy" / MANIFEST
    whole = manifest.read_bytes()
    for changed in (whole.replace(b'"items":50', b'"items":51'), whole[:-1], b"", b"[]", whole[: len(whole) // 2]):
        manifest.write_bytes(changed)
        with pytest.raises(BackupError, match="is not the manifest"):
            findings(tmp_path / "copy")


async def test_an_archive_that_was_cut_or_changed_is_none(small: Filled, tmp_path: Path) -> None:
    small.backup(tmp_path / "copy.tar.zst")
    whole = (tmp_path / "copy.tar.zst").read_bytes()
    for number, length in enumerate((0, 10, len(whole) // 2, len(whole) * 3 // 4)):
        cut = tmp_path / f"{number}.tar.zst"
        cut.write_bytes(whole[:length])
        with pytest.raises(BackupError, match="whole"):
            findings(cut)
    flip(tmp_path / "copy.tar.zst", len(whole) // 2)
    with pytest.raises(BackupError):
        findings(tmp_path / "copy.tar.zst")
    assert not [name for name in left_beside(tmp_path) if name.startswith(".")]


async def test_a_store_that_was_rewritten_is_found_by_its_heads(filled: Filled, tmp_path: Path) -> None:
    def rewrite(copy: Path) -> None:
        with closing(sqlite3.connect(copy)) as store, store:
            store.execute("UPDATE item SET statement = x'7b7d' WHERE log_index = 7")

    filled.backup(tmp_path / "copy")
    if filled.database.dialect == "sqlite":
        rewrite(store_of(tmp_path / "copy"))
        with reading(store_of(tmp_path / "copy")) as connection:
            assert [finding.kind for finding in check_heads(connection)] == ["head"]
    else:
        flip(store_of(tmp_path / "copy"), -200)
        assert [finding.kind for finding in findings(tmp_path / "copy")] == ["part"]


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "manifest.json/../../evil", "documents/aa/../../evil", "x/y/z"]
)
def test_an_archive_cannot_write_elsewhere(tmp_path: Path, name: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"evil"))
    (tmp_path / "evil.tar.zst").write_bytes(zstandard.compress(buffer.getvalue()))
    (tmp_path / "into").mkdir()
    with pytest.raises(BackupError, match="no name of a safety copy"):
        unpack(tmp_path / "evil.tar.zst", tmp_path / "into")
    assert left_beside(tmp_path) == {"evil.tar.zst", "into"}


def test_an_archive_with_a_link_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("manifest.json")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry)
    (tmp_path / "evil.tar.zst").write_bytes(zstandard.compress(buffer.getvalue()))
    (tmp_path / "into").mkdir()
    with pytest.raises(BackupError, match="no plain file"):
        unpack(tmp_path / "evil.tar.zst", tmp_path / "into")
