"""Looking through the files of documents: damaged and missing ones are found, orphans only removed when they are."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from registry.content import ContentFolder
from registry.database import Database
from registry.document_inspection import YOUNG, DocumentInspection
from registry.documents import Documents, NameTakenError
from vedette.clock import SystemClock
from vedette.documents.quota import QuotaExceededError, Quotas

CONTENTS = [f"document {number}".encode() * 100 for number in range(5)]
IDS = [hashlib.sha256(data).hexdigest() for data in CONTENTS]


async def put(documents: Documents, data: bytes, *, name: str = "", by: str = "probe@localhost") -> bool:
    async def pieces() -> AsyncIterator[bytes]:
        yield data

    return (await documents.receive(pieces(), content_type="text/plain", by=by, name=name))[1]


@pytest.fixture
def folder(tmp_path: Path) -> ContentFolder:
    return ContentFolder(tmp_path / "documents", limit=2**20)


@pytest.fixture
async def documents(database: Database, folder: ContentFolder) -> Documents:
    opened = Documents(database=database, folder=folder, clock=SystemClock())
    await opened.open()
    for data in CONTENTS:
        await put(opened, data)
    return opened


def inspection(database: Database, folder: ContentFolder, *, rate: float = 2**40) -> DocumentInspection:
    return DocumentInspection(database=database, folder=folder, clock=SystemClock(), rate=rate)


async def test_a_whole_store_has_no_findings(database: Database, folder: ContentFolder, documents: Documents) -> None:
    looking = inspection(database, folder)
    assert [finding async for finding in looking.findings()] == []
    assert (looking.documents, looking.size) == (5, sum(map(len, CONTENTS)))
    assert await looking.orphans(remove=True) == []
    assert sorted(folder.ids()) == sorted(IDS)


async def test_what_is_damaged_or_missing_is_found_and_what_was_deleted_is_not(
    database: Database, folder: ContentFolder, documents: Documents
) -> None:
    folder.path_of(IDS[0]).write_bytes(CONTENTS[0] + b"x")
    folder.path_of(IDS[1]).write_bytes(b"")
    folder.remove(IDS[2])
    await documents.delete(IDS[3], by="admin", reason="room")
    found = {finding.place: finding.text async for finding in inspection(database, folder).findings()}
    assert set(found) == {f"document {id}" for id in IDS[:3]}
    assert "damaged" in found[f"document {IDS[0]}"]
    assert "missing" in found[f"document {IDS[2]}"]


async def test_orphans_are_named_and_removed_only_when_they_are_old(
    database: Database, folder: ContentFolder, documents: Documents
) -> None:
    old, young = (hashlib.sha256(name).hexdigest() for name in (b"old", b"young"))
    for id in (old, young):
        folder.path_of(id).parent.mkdir(exist_ok=True)
        folder.path_of(id).write_bytes(b"left")
    past = time.time() - YOUNG / 1_000_000 - 60
    os.utime(folder.path_of(old), (past, past))
    os.utime(folder.path_of(IDS[0]), (past, past))
    looking = inspection(database, folder)
    assert [(one.sha256, one.size) for one in await looking.orphans(remove=False)] == [(old, 4)]
    assert folder.size_of(old) == 4
    assert len(await looking.orphans(remove=True)) == 1
    assert (folder.size_of(old), folder.size_of(young)) == (None, 4)
    assert set(IDS) < set(folder.ids())


async def test_it_reads_no_faster_than_it_may(
    database: Database, folder: ContentFolder, documents: Documents
) -> None:
    looking = inspection(database, folder, rate=sum(map(len, CONTENTS)) / 0.2)
    started = time.monotonic()
    assert [finding async for finding in looking.findings()] == []
    assert time.monotonic() - started >= 0.19


async def test_a_name_is_one_document_until_that_is_deleted(documents: Documents, folder: ContentFolder) -> None:
    assert await put(documents, CONTENTS[0], name="feed")
    assert not await put(documents, CONTENTS[0], name="feed")
    with pytest.raises(NameTakenError):
        await put(documents, CONTENTS[1], name="feed")
    with pytest.raises(NameTakenError):
        await put(documents, b"a new one", name="feed")
    assert sorted(folder.ids()) == sorted(IDS)
    await documents.delete("feed", by="admin", reason="room")
    assert await put(documents, CONTENTS[1], name="feed")
    assert (await documents.find("feed")).sha256 == IDS[1]


async def test_a_quota_counts_what_is_stored(database: Database, folder: ContentFolder, documents: Documents) -> None:
    used = sum(map(len, CONTENTS))
    strict = Documents(database=database, folder=folder, clock=SystemClock(), quotas=Quotas(usual=used + 4))
    assert await put(strict, b"four")
    with pytest.raises(QuotaExceededError, match=f"has {used + 4} bytes"):
        await put(strict, b"x")
    assert await put(strict, b"x", by="other@localhost")
    assert not await put(strict, CONTENTS[0])
    assert list(folder.partial.iterdir()) == []
