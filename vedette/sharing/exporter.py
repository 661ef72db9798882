"""The interface of exporters: each brings investigations into one form or to one kind of destination.

Found by name through the entry point group `vedette.exporters`. An exporter writes files (`write`), or speaks to a
destination (`connect`), or both. What it does is planned first, and a plan can be read: a dry run is a plan that is
not carried out, and an approval is given to one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from vedette.clock import Clock
from vedette.errors import VedetteError
from vedette.plugins import by_name, installed, make_part
from vedette.sharing.investigation import Investigation, Withheld

EXPORTERS = "vedette.exporters"
"""Entry point group: each names a subclass of `Exporter` that is made without arguments."""

MAX_SHOWN = 1_000
"""Changes of a plan that are kept to be read; the rest is counted."""


Action = Literal["add", "change", "remove", "restore"]
"""What is done to something at a destination."""


class ExportError(VedetteError):
    """A destination refuses, and would again: somebody has to do something; says what."""


class ComeAgainError(VedetteError):
    """A destination wants to be asked later: it is busy, or there were too many requests."""

    def __init__(self, message: str, *, seconds: float) -> None:
        self.seconds = seconds
        """How long it wants to be left alone."""
        super().__init__(message)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One thing that an export does at its destination."""

    action: Action
    what: str
    """For a person: `attribute ip-dst 192.0.2.7`, `tag tlp:amber`, `row 17`."""
    before: str = ""
    """What is there; empty where nothing is."""
    after: str = ""
    """What will be there."""

    def __str__(self) -> str:
        """Return a line of a diff."""
        sign = {"add": "+", "change": "~", "remove": "-", "restore": "^"}[self.action]
        values = f": {self.before} -> {self.after}" if self.before or self.after else ""
        return f"{sign} {self.what}{values}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What an export would do."""

    digest: str
    """SHA-256, hex, over all that would be sent: who approves a plan approves this, and nothing else is sent."""
    changes: Sequence[Change] = ()
    """At most `MAX_SHOWN` of them, in the order in which they are done."""
    total: int = 0
    """How many there are; 0: the destination has it all, nothing would be sent."""
    withheld: Sequence[Withheld] = ()
    """What is left out, by policy and because the destination would not take it."""
    notes: Sequence[str] = ()
    """What a person must know: an event that was deleted there, an analyst's edit that is kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """What an export did."""

    sent: int = 0
    """Changes that the destination confirmed."""
    unchanged: int = 0
    """Things that were there already."""
    requests: int = 0
    """Requests that changed something."""
    withheld: Sequence[Withheld] = ()
    """What was left out, and what the destination did not confirm."""
    address: str = ""
    """Where a person finds it; empty where there is no such place."""
    notes: Sequence[str] = ()


class Memory(Protocol):
    """What an exporter remembers of one destination; it outlives the process. Both raise StoreError."""

    async def recall(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return the values of those keys that have one."""

    async def remember(self, values: Mapping[str, str | None]) -> None:
        """Keep values, all or none of them; None forgets one."""


Difference = tuple[Action, str]
"""What would happen in a collection, and the id of the object to which it would."""


class Collections(Protocol):
    """The collections of our own TAXII server, for the exporter that fills them. Both raise StoreError."""

    async def compare(
        self, collection: str, group: str, objects: Iterable[Mapping[str, Any]]
    ) -> Sequence[Difference]:
        """Say what `replace` would do; nothing is changed."""

    async def replace(
        self, collection: str, group: str, objects: Iterable[Mapping[str, Any]]
    ) -> tuple[int, int, int]:
        """Make `objects` all that `group` (an investigation) has in a collection; returns added, changed, removed."""


@dataclass(frozen=True, kw_only=True)
class Outfit:
    """What an exporter is given to speak to a destination."""

    clock: Clock
    name: str
    """The destination's, in the configuration."""
    settings: Mapping[str, Any]
    """What its configuration says, checked by the exporter's `settings`."""
    folder: Path
    """What paths in it are relative to."""
    memory: Memory
    collections: Collections | None = None
    """None where there is no TAXII server of ours."""


class Destination(ABC):
    """One destination. Its methods are not called at the same time."""

    @abstractmethod
    async def plan(self, investigation: Investigation) -> Plan:
        """Say what sending it would do; nothing is changed.

        Raises:
            ExportError: the destination would refuse it.
            ComeAgainError: later.
            ConnectionFailedError: it does not answer, is not trusted or refuses the key; never holds a secret.
        """

    @abstractmethod
    async def send(self, investigation: Investigation, *, only: str | None = None) -> Exported:
        """Send what differs; sending the same again sends nothing.

        Args:
            investigation: all of it.
            only: digest of the plan that was approved; another is not carried out.

        Raises:
            ExportError: the destination refuses it, or the plan is another by now.
            ComeAgainError: later.
            ConnectionFailedError: as above.
        """

    @abstractmethod
    async def check(self) -> str:
        """Ask whether it is there and takes the key; returns what it says of itself, such as its version.

        Raises:
            ConnectionFailedError: as above.
        """

    async def aclose(self) -> None:  # noqa: B027
        """Let go of connections."""


class Exporter(ABC):
    """One form, or one kind of destination."""

    name: ClassVar[str]
    """As in the configuration and on the command line."""
    summary: ClassVar[str]
    """What it does, in one line."""
    suffix: ClassVar[str] = ""
    """Of files that it writes, such as `.json`; empty: it writes a folder, or nothing."""
    content_type: ClassVar[str] = ""
    """Of files that it writes."""
    required: ClassVar[frozenset[str]] = frozenset()
    """Settings that a destination of its kind must have."""
    optional: ClassVar[frozenset[str]] = frozenset()
    """Settings that it may have."""

    def write(self, investigations: Iterable[Investigation], path: Path) -> Sequence[Withheld]:
        """Write a file, or into a folder, atomically; the same gives the same bytes. Returns what was left out.

        Raises:
            ExportError: it writes nothing, or cannot write this.
            OSError: the file system refuses.
        """
        raise ExportError(f"{self.name}: writes no files; name a destination with --server")

    def connect(self, outfit: Outfit) -> Destination:
        """Return a destination; nothing is asked of it yet.

        Raises:
            ExportError: it has no destinations.
            ConfigurationError: a setting cannot be used.
        """
        raise ExportError(f"{self.name}: has no destinations; name a file with -o")


class ExporterCatalogue:
    """Looks exporters up; nothing is imported before it is asked for by name."""

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        self._points = installed(EXPORTERS) if points is None else by_name(points)

    @property
    def names(self) -> list[str]:
        """Names of all, broken ones included."""
        return sorted(self._points)

    def exporter(self, name: str, *, place: str = "export", key: str = "exporter") -> Exporter:
        """Return an exporter.

        Raises:
            ConfigurationError: unknown (names the nearest), or its plug-in is broken (names the cause).
        """
        return make_part(self._points, name, Exporter, noun="exporter", place=place, key=key)
