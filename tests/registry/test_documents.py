"""The document store: content-addressed, whole or not at all, and gone only with a tombstone."""

from __future__ import annotations

import asyncio
import hashlib
import random
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from registry.content import ContentFolder, NoRoomError, TooLargeError
from registry.database import Database
from registry.documents import (
    DeletedDocumentError,
    DigestError,
    Document,
    Documents,
    UnknownDocumentError,
)
from tests.timing import PATIENCE
from vedette.clock import ManualClock
from vedette.errors import RefusedError, StoreError

MIB = 1024 * 1024
BODY = random.Random(1).randbytes(3 * MIB + 17)
ID = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> ContentFolder:
    return ContentFolder(tmp_path / "documents", limit=8 * MIB)


@pytest.fixture
async def documents(database: Database, folder: ContentFolder, clock: ManualClock) -> Documents:
    opened = Documents(database=database, folder=folder, clock=clock)
    await opened.open()
    return opened


async def pieces(data: bytes, *, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def put(documents: Documents, data: bytes = BODY, **more: str) -> tuple[Document, bool]:
    fields = {"content_type": "text/plain", "by": "probe@localhost", **more}
    return await documents.receive(pieces(data), **fields)


async def read(documents: Documents, *, verify: bool = True) -> bytes:
    return b"".join([piece async for piece in documents.read(ID, verify=verify)])


def files(folder: ContentFolder) -> list[Path]:
    return [path for path in folder.folder.rglob("*") if path.is_file()]


async def test_bytes_come_back_and_the_file_is_named_by_them(documents: Documents, folder: ContentFolder) -> None:
    document, new = await put(documents, expected=ID)
    assert (document.sha256, document.size, new) == (ID, len(BODY), True)
    assert await read(documents) == BODY
    path = folder.path_of(ID)
    assert files(folder) == [path]
    assert path == folder.folder / ID[:2] / ID[2:]
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_second_one_is_the_same_also_at_the_same_time(documents: Documents, folder: ContentFolder) -> None:
    results = await asyncio.gather(*(put(documents, by=f"agent{number}@localhost") for number in range(8)))
    assert sorted(new for _, new in results) == [False] * 7 + [True]
    assert len({document.created_by for document, _ in results}) == 1
    assert files(folder) == [folder.path_of(ID)]


async def test_other_bytes_than_announced_leave_nothing(documents: Documents, folder: ContentFolder) -> None:
    with pytest.raises(DigestError):
        await put(documents, BODY[:-1], expected=ID)
    assert files(folder) == []
    with pytest.raises(UnknownDocumentError):
        await documents.find(ID)


async def test_too_many_bytes_leave_nothing(documents: Documents, folder: ContentFolder) -> None:
    with pytest.raises(TooLargeError):
        await put(documents, bytes(8 * MIB + 1))
    assert files(folder) == []
    await put(documents, bytes(8 * MIB))


async def test_a_sender_that_breaks_off_leaves_nothing(documents: Documents, folder: ContentFolder) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield BODY[:MIB]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await documents.receive(broken(), content_type="text/plain", by="probe@localhost")
    assert files(folder) == []


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let the kernel refuse what makes a file larger than 1 MiB, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_leaves_nothing(folder: ContentFolder, documents: Documents, small_files: None) -> None:
    with pytest.raises(NoRoomError):
        await put(documents)
    assert files(folder) == []


def test_the_reserve_on_the_disk_is_left_alone(tmp_path: Path) -> None:
    folder = ContentFolder(tmp_path, limit=MIB, reserve=2**60)
    folder.prepare()
    with pytest.raises(NoRoomError):
        folder.begin()


@pytest.mark.parametrize("id", ["", "..", "../" + ID, ID.upper(), ID + "\n", ID[:63], "/etc/passwd", "\0" * 64])
async def test_no_id_leaves_the_folder(documents: Documents, folder: ContentFolder, id: str) -> None:
    with pytest.raises(RefusedError):
        folder.path_of(id)
    with pytest.raises(UnknownDocumentError):
        await documents.find(id)


async def test_a_damaged_file_is_noticed_before_its_last_piece_is_given(
    documents: Documents, folder: ContentFolder
) -> None:
    await put(documents)
    folder.path_of(ID).write_bytes(BODY[:-1] + b"x")
    given = bytearray()

    async def take() -> None:
        async for piece in documents.read(ID, verify=True):
            given.extend(piece)

    with pytest.raises(StoreError, match="damaged"):
        await take()
    assert len(given) < len(BODY)
    with pytest.raises(StoreError, match="damaged"):
        folder.read(ID, limit=8 * MIB)
    await put(documents)
    assert await read(documents) == BODY


async def test_deleting_leaves_a_tombstone_and_it_may_come_again(
    documents: Documents, folder: ContentFolder, clock: ManualClock
) -> None:
    await put(documents)
    with pytest.raises(RefusedError, match="reason"):
        await documents.delete(ID, by="admin", reason=" ")
    await documents.delete(ID, by="admin", reason="personal data")
    assert files(folder) == []
    with pytest.raises(DeletedDocumentError, match="personal data"):
        await documents.find(ID)
    clock.advance(60)
    _, new = await put(documents)
    assert new
    await documents.delete(ID, by="other", reason="again")
    later, first = await documents.tombstones(ID)
    assert (first.deleted_by, first.reason, first.size) == ("admin", "personal data", len(BODY))
    assert later.deleted_at - first.deleted_at == 60_000_000


async def test_a_start_finishes_what_a_crash_left(
    documents: Documents, database: Database, folder: ContentFolder, clock: ManualClock
) -> None:
    await put(documents)
    await documents.delete(ID, by="admin", reason="personal data")
    # As if the crash had come after the tombstone and before the file went.
    folder.path_of(ID).write_bytes(BODY)
    (folder.partial / "left").write_bytes(b"half")
    writing = folder.begin()
    writing.write(b"of a writer that lives")
    again = Documents(database=database, folder=folder, clock=clock)
    await again.open()
    assert files(folder) == list(folder.partial.iterdir())
    assert len(files(folder)) == 1
    writing.close()
    assert files(folder) == []


def test_a_killed_writer_leaves_only_what_the_next_start_removes(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from registry.content import ContentFolder\n"
        "folder = ContentFolder(Path(sys.argv[1]), limit=10**9); folder.prepare(); file = folder.begin()\n"
        "file.write(bytes(10**6)); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=PATIENCE)
    folder = ContentFolder(tmp_path, limit=MIB)
    assert len(files(folder)) == 1
    assert folder.prepare() == 1
    assert files(folder) == []
