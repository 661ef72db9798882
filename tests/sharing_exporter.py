"""An exporter for tests: its destination is a JSON file that it reads and writes, and that can be told to fail."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from vedette.errors import ConnectionFailedError
from vedette.sharing.exporter import (
    EXPORTERS,
    Change,
    ComeAgainError,
    Destination,
    Exported,
    Exporter,
    ExporterCatalogue,
    ExportError,
    Outfit,
    Plan,
)
from vedette.sharing.investigation import Investigation


class FileExporter(Exporter):
    """Keeps what it is sent in a file."""

    name = "file"
    summary = "A file, for tests"
    required = frozenset({"path"})
    optional = frozenset({"key_file"})

    def connect(self, outfit: Outfit) -> Destination:
        return FileDestination(outfit)


class FileDestination(Destination):
    """A file with the facts of each investigation; `PATH.mood` says how it feels."""

    def __init__(self, outfit: Outfit) -> None:
        self._path = outfit.folder / str(outfit.settings["path"])

    async def plan(self, investigation: Investigation) -> Plan:
        await self._feel("plan")
        wanted, held = _wanted(investigation), self.read().get(str(investigation.uuid), [])
        added = [Change(action="add", what=f"fact {name}") for name in wanted if name not in held]
        gone = [Change(action="remove", what=f"fact {name}") for name in held if name not in wanted]
        changes = (*added, *gone)
        digest = hashlib.sha256(json.dumps([str(change) for change in changes]).encode()).hexdigest()
        return Plan(digest=digest, changes=changes, total=len(changes))

    async def send(self, investigation: Investigation, *, only: str | None = None) -> Exported:
        await self._feel("send")
        plan = await self.plan(investigation)
        if only is not None and plan.digest != only:
            raise ExportError("the plan is another by now")
        if plan.total:
            content = self.read()
            content[str(investigation.uuid)] = _wanted(investigation)
            content["requests"] = content.get("requests", 0) + 1
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps(content))
            part.replace(self._path)
        return Exported(sent=plan.total, requests=min(plan.total, 1), address=f"file {self._path.name}")

    async def check(self) -> str:
        await self._feel("check")
        return "a file"

    def read(self) -> dict[str, Any]:
        return contents(self._path)

    async def _feel(self, doing: str) -> None:
        mood = mood_file(self._path)
        feeling = mood.read_text().split() if mood.exists() else []
        match feeling:
            case ["down"]:
                raise ConnectionFailedError("file: does not answer")
            case ["busy", seconds]:
                raise ComeAgainError("file: too many requests", seconds=float(seconds))
            case ["refuses"]:
                raise ExportError("file: the event was deleted there")
            case ["broken", *words]:
                raise KeyError(" ".join(words))
            case ["slow"]:
                waiting_file(self._path).touch()
                await asyncio.sleep(3_600)
            case ["dies"] if doing == "send":
                os._exit(9)


def mood_file(path: Path) -> Path:
    """Return the file that says how a destination feels."""
    return path.with_suffix(".mood")


def waiting_file(path: Path) -> Path:
    """Return the file that is there once a destination that feels slow lets somebody wait."""
    return path.with_suffix(".waiting")


def contents(path: Path) -> dict[str, Any]:
    """Return what a destination holds: names of facts by investigation, and how often it was changed."""
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _wanted(investigation: Investigation) -> list[str]:
    return sorted([fact.vertex.name for fact in investigation.facts] + [scan.item for scan in investigation.scans])


def catalogue() -> ExporterCatalogue:
    """Return a catalogue with this exporter alone."""
    point = EntryPoint(name="file", value="tests.sharing_exporter:FileExporter", group=EXPORTERS)
    return ExporterCatalogue([point])
