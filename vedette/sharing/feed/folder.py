"""A feed's folder: published so that a reader sees a whole feed at any moment, and a crash leaves none half done.

Events come first, then the hashes, then the manifest: what the manifest names is always there, and at least as new as
it says. Events about to change are named in `.changing` before they do, so that whoever comes after a crash enters
them. Files are never removed.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from vedette.canonical import canonical_json, parse_json
from vedette.errors import RefusedError
from vedette.sharing.exporter import ComeAgainError, ExportError
from vedette.sharing.feed.index import hashes_of, manifest_entry, read_hashes, with_hashes, written_hashes
from vedette.sharing.files import write_whole

MANIFEST: Final = "manifest.json"
HASHES: Final = "hashes.csv"

_LOCK: Final = ".lock"
_CHANGING: Final = ".changing"
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BUSY: Final = 5.0
"""Seconds after which a folder that another process writes is tried again."""

Document = dict[str, Any]


class FeedFolder:
    """The folder of one feed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        """Where it is; made when it is first written to."""

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other writers out.

        Raises:
            ComeAgainError: another process writes it.
            ExportError: it is no folder.
            OSError: the file system refuses.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise ExportError(f"{self.path}: is no folder; name one for the feed") from error
        descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor, self.path)
            yield
        finally:
            os.close(descriptor)

    def event(self, uuid: str) -> Document | None:
        """Return an event as it is published; None: it is not.

        Raises:
            ExportError: its file cannot be read.
        """
        found = self._read(f"{uuid}.json")
        if found is None:
            return None
        if not isinstance(found, dict) or not isinstance(event := found.get("Event"), dict):
            raise self._damaged(f"{uuid}.json", "it holds no event")
        return event

    def publish(self, events: Mapping[str, Document]) -> None:
        """Write events, by uuid, and enter them; all are there afterwards, also what a crash left behind.

        Only within `writing`.

        Raises:
            ExportError: what is there cannot be read.
            OSError: the file system refuses.
        """
        manifest = self._manifest()
        changing = self._changing(manifest)
        unsettled = {uuid: event for uuid in changing - {*events} if (event := self.event(uuid)) is not None}
        if not events and not changing and manifest is not None:
            return
        write_whole(self.path / _CHANGING, [canonical_json(sorted({*events, *unsettled}))])
        for uuid, event in sorted(events.items()):
            write_whole(self.path / f"{uuid}.json", [canonical_json({"Event": event}), b"\n"])
        entered = dict(sorted((unsettled | {**events}).items()))
        self._enter_hashes(entered)
        made = (manifest or {}) | {uuid: manifest_entry(event) for uuid, event in entered.items()}
        write_whole(self.path / MANIFEST, [canonical_json(made), b"\n"])
        (self.path / _CHANGING).unlink(missing_ok=True)

    def _enter_hashes(self, events: Mapping[str, Document]) -> None:
        rows = (row for event in events.values() for row in hashes_of(event))
        try:
            with self._hashes() as kept:
                write_whole(self.path / HASHES, written_hashes(with_hashes(kept, rows, without=frozenset(events))))
        except RefusedError as error:
            raise self._damaged(HASHES, str(error)) from error

    def _manifest(self) -> Document | None:
        found = self._read(MANIFEST)
        if found is not None and not isinstance(found, dict):
            raise self._damaged(MANIFEST, "it is no manifest")
        return found

    def _changing(self, manifest: Document | None) -> set[str]:
        """Return the events that somebody was about to change; all that there are where nobody can know."""
        if manifest is None or not (self.path / HASHES).exists():
            return {file.stem for file in self.path.glob("*.json") if _UUID.fullmatch(file.stem)}
        found = self._read(_CHANGING)
        return {uuid for uuid in found or () if isinstance(uuid, str) and _UUID.fullmatch(uuid)}

    @contextmanager
    def _hashes(self) -> Iterator[Iterable[tuple[str, str]]]:
        """Open the list of hashes to be read."""
        try:
            opened = (self.path / HASHES).open(encoding="ascii", newline="", errors="replace")
        except FileNotFoundError:
            yield ()
            return
        with opened:
            yield read_hashes(opened)

    def _read(self, name: str) -> Any:
        try:
            return parse_json((self.path / name).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, RefusedError) as error:
            raise self._damaged(name, str(error)) from error

    def _damaged(self, name: str, reason: str) -> ExportError:
        return ExportError(f"{self.path / name}: cannot be read: {reason}; put it back from a backup, or remove it")


def _lock(descriptor: int, path: Path) -> None:
    """Take the lock of a folder; the kernel lets go of it when the process dies."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ComeAgainError(f"{path}: another process writes this feed", seconds=_BUSY) from error
