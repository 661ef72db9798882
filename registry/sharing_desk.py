"""What people do with sharing: look at an investigation as it would leave, have it as a file, ask for exports."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.content import ContentFolder
from registry.database import Database
from registry.exports import Exports
from registry.investigations import Investigations
from registry.share_waking import ShareWaking
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.configuration.sharing import SharingSection
from vedette.errors import ConfigurationError, RefusedError
from vedette.sharing.exporter import Exporter, ExporterCatalogue, ExportError
from vedette.sharing.gathering import Gathering
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.selection import Selection


@dataclass(frozen=True, kw_only=True)
class WrittenFile:
    """An investigation as a file, in a folder of its own; whoever has it lets it go."""

    path: Path
    content_type: str
    withheld: Sequence[Withheld] = ()
    """What this form cannot say."""

    @property
    def name(self) -> str:
        """What the file is called."""
        return self.path.name

    def discard(self) -> None:
        """Delete it."""
        shutil.rmtree(self.path.parent, ignore_errors=True)


class SharingDesk:
    """The sharing of a fleet, as its console and API have it."""

    def __init__(
        self,
        *,
        exports: Exports,
        waking: ShareWaking,
        gathering: Gathering,
        catalogue: ExporterCatalogue | None = None,
    ) -> None:
        """Describe it.

        Args:
            exports: asked for, decided about, read.
            waking: asks for the exports of a share.
            gathering: brings investigations.
            catalogue: the exporters; None: those that are installed.
        """
        self.exports = exports
        """What was asked for, and what became of it."""
        self.waking = waking
        """Asks for a share by hand."""
        self._gathering = gathering
        self._catalogue = catalogue or ExporterCatalogue()

    @property
    def sharing(self) -> SharingSection:
        """What the configuration says of it."""
        return self.exports.sharing

    @property
    def clock(self) -> Clock:
        """Tells the time."""
        return self.exports.clock

    def selection(self, text: str) -> Selection:
        """Return the selection that a line is.

        Raises:
            RefusedError: names the word and says what is wrong.
        """
        return Selection.parse(text, clock=self.clock)

    async def look(self, text: str, *, destination: str | None, bundles: bool = False) -> Investigation:
        """Return what may leave of a selection: towards a destination, or into a file (None).

        Raises:
            RefusedError: no such selection or destination, too much, or stricter than what may leave.
            ConfigurationError: the warning lists cannot be read.
            StoreError: the store or the graph cannot be read.
        """
        policy = self.sharing.policy_of(destination)
        selection = self.selection(text)
        return await self._gathering.gather(selection, policy=policy, bundles=bundles and policy.evidence)

    def form(self, name: str) -> Exporter:
        """Return the exporter that writes a form of file.

        Raises:
            RefusedError: there is none of this name, or it writes no file.
        """
        try:
            exporter = self._catalogue.exporter(name, place="format", key=name[:40])
        except ConfigurationError as error:
            raise RefusedError("format", error.reason) from error
        if not exporter.suffix:
            raise RefusedError("format", f"{name[:40]} is no file; name another, such as misp, stix or csv")
        return exporter

    async def write(self, investigation: Investigation, form: str) -> WrittenFile:
        """Return an investigation as a file.

        Raises:
            RefusedError: there is no such form, or it cannot be written so.
        """
        exporter = self.form(form)
        writing = asyncio.ensure_future(asyncio.to_thread(_write, exporter, investigation))
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            # A thread cannot be stopped: what it writes is thrown away when it is done.
            writing.add_done_callback(_throw_away)
            raise
        except ExportError as error:
            raise RefusedError("format", str(error)) from error


async def sharing_desk(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    *,
    database: Database,
    graph: Database | None,
    documents: ContentFolder,
    clock: Clock,
) -> SharingDesk:
    """Return the desk of a fleet.

    Args:
        configuration: the fleet's.
        paths: where it keeps things.
        database: the store, open.
        graph: the graph's, open; None: there is none.
        documents: where payloads are that are not in the store.
        clock: tells the time.

    Raises:
        StoreError: the store cannot be read or written.
    """
    section = configuration.sharing
    exports = Exports(database=database, clock=clock, sharing=section)
    gathering = await Investigations.of(
        section, database=database, graph=graph, clock=clock, folder=paths.file.parent, documents=documents
    )
    return SharingDesk(exports=exports, waking=ShareWaking(database=database, exports=exports), gathering=gathering)


def _write(exporter: Exporter, investigation: Investigation) -> WrittenFile:
    folder = Path(tempfile.mkdtemp(prefix="vedette-export-"))
    try:
        file = folder / f"{investigation.uuid}-{exporter.name}{exporter.suffix}"
        withheld = exporter.write([investigation], file)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return WrittenFile(path=file, content_type=exporter.content_type, withheld=withheld)


def _throw_away(writing: asyncio.Future[WrittenFile]) -> None:
    if not writing.cancelled() and writing.exception() is None:
        writing.result().discard()
