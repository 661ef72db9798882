"""Exporter `feed`: a folder that any MISP subscribes to, brought up to date event by event."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, StrictStr

from vedette.canonical import canonical_json, sha256_hex
from vedette.sharing.endpoint import read_settings
from vedette.sharing.exporter import MAX_SHOWN, Destination, Exported, Exporter, ExportError, Outfit, Plan
from vedette.sharing.feed.folder import FeedFolder
from vedette.sharing.feed.merging import Merged, merged
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.misp.event import MispEvent, misp_event
from vedette.sharing.misp.options import OPTIONS, MispOptions


class FeedSettings(MispOptions):
    """What a feed is set by, beside how its events are marked."""

    path: Annotated[StrictStr, Field(min_length=1)] | None = None
    """Its folder, relative to the configuration; none: `feeds/NAME` there. `keys` are for the API that serves it."""


class Feed(Exporter):
    """Writes a feed's folder."""

    name: ClassVar[str] = "feed"
    summary: ClassVar[str] = "MISP feed: a folder with manifest, hashes and a file for each event, kept up to date"
    optional: ClassVar[frozenset[str]] = OPTIONS | {"keys", "path"}

    def write(self, investigations: Iterable[Investigation], path: Path) -> Sequence[Withheld]:
        """Bring a folder up to date; other events in it stay as they are.

        Raises:
            ExportError: what is there is no feed, or cannot be read.
            ComeAgainError: another process writes it.
            OSError: the file system refuses.
        """
        folder = FeedFolder(path)
        withheld: list[Withheld] = []
        with folder.writing():
            changed = {}
            for investigation in investigations:
                made, found = _prepared(folder, investigation, MispOptions())
                withheld.extend(made.withheld)
                if found.changes:
                    changed[str(investigation.uuid)] = found.event
            folder.publish(changed)
        return withheld

    def connect(self, outfit: Outfit) -> Destination:
        """Return the folder of a destination.

        Raises:
            ConfigurationError: a setting cannot be used.
        """
        settings = read_settings(outfit, FeedSettings)
        path = outfit.folder / (settings.path or Path("feeds") / outfit.name)
        return FeedDestination(FeedFolder(path), settings, name=outfit.name)


class FeedDestination(Destination):
    """A feed of this fleet."""

    def __init__(self, folder: FeedFolder, options: MispOptions, *, name: str) -> None:
        self._folder = folder
        self._options = options
        self._name = name

    async def plan(self, investigation: Investigation) -> Plan:
        """Say what publishing it would change."""
        return await asyncio.to_thread(self._plan, investigation)

    async def send(self, investigation: Investigation, *, only: str | None = None) -> Exported:
        """Publish it; what is gone from it is published as deleted."""
        return await asyncio.to_thread(self._send, investigation, only)

    async def check(self) -> str:
        """Say where the folder is, and that it can be written."""
        return await asyncio.to_thread(self._check)

    def _plan(self, investigation: Investigation) -> Plan:
        made, found = _prepared(self._folder, investigation, self._options)
        return Plan(
            digest=_digest(found),
            changes=tuple(islice(found.changes, MAX_SHOWN)),
            total=len(found.changes),
            withheld=made.withheld,
        )

    def _send(self, investigation: Investigation, only: str | None) -> Exported:
        try:
            with self._folder.writing():
                made, found = _prepared(self._folder, investigation, self._options)
                if only is not None and only != _digest(found):
                    raise ExportError("what would be published is not what was approved; plan it again")
                # Also without changes: a crash may have left something to be done.
                self._folder.publish({str(investigation.uuid): found.event} if found.changes else {})
        except OSError as error:
            raise ExportError(f"{self._folder.path}: cannot be written: {error.strerror or error}") from error
        return Exported(
            sent=len(found.changes),
            unchanged=found.kept,
            requests=int(bool(found.changes)),
            withheld=made.withheld,
            # As the API serves it: where the folder is, is nobody's business there.
            address=f"/feeds/{self._name}/{investigation.uuid}.json",
        )

    def _check(self) -> str:
        try:
            with self._folder.writing():
                return f"a feed in {self._folder.path}"
        except OSError as error:
            raise ExportError(f"{self._folder.path}: cannot be written: {error.strerror or error}") from error


def _prepared(folder: FeedFolder, investigation: Investigation, options: MispOptions) -> tuple[MispEvent, Merged]:
    """Return an investigation as an event, and what the feed would hold of it."""
    made = misp_event(investigation, options)
    return made, merged(folder.event(str(investigation.uuid)), made.event)


def _digest(found: Merged) -> str:
    return sha256_hex(canonical_json(found.event))
