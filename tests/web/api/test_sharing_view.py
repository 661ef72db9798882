"""Files of investigations: gone from the disk before they are sent, however the sending ends; and few at once."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import pytest

from registry.database import Database
from registry.exports import Exports
from registry.share_waking import ShareWaking
from registry.sharing_desk import SharingDesk
from tests.sharing_cases import CASES
from tests.timing import PATIENCE
from vedette.clock import SystemClock
from vedette.configuration.sharing import SharingSection
from vedette.errors import ConfigurationError, RefusedError
from vedette.sharing.exporter import EXPORTERS, Exporter, ExporterCatalogue, ExportError
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.policy import SharingPolicy
from vedette.sharing.selection import Selection
from web.api.problems import ProblemError
from web.api.sharing_view import GATHERED, FilePieces, SharingView


class Slow(Exporter):
    """Writes when it is let."""

    name = "slow"
    summary = "For tests"
    suffix = ".txt"
    go: ClassVar[threading.Event] = threading.Event()

    def write(self, investigations: Iterable[Investigation], path: Path) -> Sequence[Withheld]:
        self.go.wait(PATIENCE)
        path.write_bytes(b"x" * 3_000_000)
        return ()


class Unable(Exporter):
    """Cannot write this."""

    name = "unable"
    summary = "For tests"
    suffix = ".txt"

    def write(self, investigations: Iterable[Investigation], path: Path) -> Sequence[Withheld]:
        path.write_bytes(b"half")
        raise ExportError("there is no word for it")


class Gatherer:
    """Gathers a case of the tests, when it is let."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.broken = False

    async def gather(self, selection: Selection, *, policy: SharingPolicy, bundles: bool = True) -> Investigation:
        await self.go.wait()
        if self.broken:
            raise ConfigurationError("warning lists", "", "cannot be read")
        return CASES["scanned"]()


@pytest.fixture
def gatherer() -> Gatherer:
    """What is gathered."""
    return Gatherer()


@pytest.fixture
def view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gatherer: Gatherer) -> SharingView:
    """A view whose files are made in a folder of the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    Slow.go.clear()
    points = [
        EntryPoint(name=kind.name, value=f"{__name__}:{kind.__name__}", group=EXPORTERS) for kind in (Slow, Unable)
    ]
    # Nothing is read or written here: the store stays closed.
    database = Database(f"sqlite:///{tmp_path / 'store.db'}")
    exports = Exports(database=database, clock=SystemClock(), sharing=SharingSection())
    waking = ShareWaking(database=database, exports=exports)
    return SharingView(
        desk=SharingDesk(exports=exports, waking=waking, gathering=gatherer, catalogue=ExporterCatalogue(points))
    )


def left(folder: Path) -> list[Path]:
    """What lies in the folder for files."""
    return list(folder.glob("vedette-export-*"))


async def test_a_file_is_gone_before_it_is_sent_and_whole_all_the_same(
    view: SharingView, gatherer: Gatherer, tmp_path: Path
) -> None:
    gatherer.go.set()
    Slow.go.set()
    found = await view.desk.look("target=x", destination=None)
    pieces = FilePieces(await view.desk.write(found, "slow"))
    assert left(tmp_path) == []
    assert sum([len(piece) async for piece in pieces]) == 3_000_000
    await pieces.aclose()
    # Nor is anything left of one that nobody begins to read
    await FilePieces(await view.desk.write(found, "slow")).aclose()
    assert left(tmp_path) == []


async def test_who_goes_away_while_a_file_is_written_leaves_nothing(
    view: SharingView, gatherer: Gatherer, tmp_path: Path
) -> None:
    gatherer.go.set()
    found = await view.desk.look("target=x", destination=None)
    writing = asyncio.create_task(view.desk.write(found, "slow"))
    async with asyncio.timeout(PATIENCE):
        while not left(tmp_path):
            await asyncio.sleep(0.01)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    Slow.go.set()
    async with asyncio.timeout(PATIENCE):
        while left(tmp_path):
            await asyncio.sleep(0.01)


async def test_what_cannot_be_written_is_refused_and_leaves_nothing(
    view: SharingView, gatherer: Gatherer, tmp_path: Path
) -> None:
    gatherer.go.set()
    for _ in range(GATHERED + 1):
        with pytest.raises(RefusedError, match="there is no word for it"):
            await view.file("target=x", "unable", destination=None)
    assert left(tmp_path) == []
    gatherer.broken = True
    for _ in range(GATHERED + 1):
        with pytest.raises(ProblemError, match="cannot be read") as refused:
            await view.look("target=x", destination=None)
        assert refused.value.status == 503


async def test_only_a_few_are_looked_at_at_once(view: SharingView, gatherer: Gatherer) -> None:
    looks = [asyncio.create_task(view.look("target=x", destination=None)) for _ in range(GATHERED)]
    await asyncio.sleep(0)
    with pytest.raises(ProblemError) as refused:
        await view.look("target=x", destination=None)
    assert refused.value.status == 429
    # One that goes away makes room
    looks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await looks[0]
    gatherer.go.set()
    assert (await view.look("target=x", destination=None)).key
    assert (await looks[1]).key
