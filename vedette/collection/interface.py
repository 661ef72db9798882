"""The interface of collectors: each reads one kind of source; found by name through entry points."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from importlib.metadata import EntryPoint
from typing import ClassVar

from vedette.collection.configuration import SourceConfiguration
from vedette.collection.desk import Desk
from vedette.errors import ConfigurationError
from vedette.plugins import by_name, installed, make_part

COLLECTORS = "vedette.collectors"
"""Entry point group: each names a subclass of `Collector` that is made without arguments, by the source's `type`."""


class Collector(ABC):
    """Reads one kind of source. It keeps nothing itself: what it must remember, the desk commits with its items."""

    summary: ClassVar[str]
    """What it reads, in one line."""

    def objection(self, source: SourceConfiguration) -> str | None:
        """Return what is wrong with a source for this collector; None: nothing."""
        return None

    def lasts(self, source: SourceConfiguration) -> bool:
        """Tell whether collecting a source goes on until it is ended, as listening does."""
        return False

    @abstractmethod
    async def collect(self, desk: Desk) -> None:
        """Collect the desk's source once: what there is, or where the desk is a lasting one, until it is cancelled.

        What goes wrong with one URL is counted in the desk's report and does not end the run.

        Raises:
            OutboxFullError: nothing more fits; what was committed is kept, and the next run goes on.
            StoreError: the outbox cannot be used.
        """


class CollectorCatalogue:
    """Looks collectors up; nothing is imported before it is asked for by name."""

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        found = installed(COLLECTORS) if points is None else by_name(points)
        self._points: dict[str, EntryPoint] = {}
        for name, point in found.items():
            self._points.setdefault(name.upper(), point)

    @property
    def names(self) -> list[str]:
        """Names of all, broken ones included."""
        return sorted(self._points)

    def collector(self, source: SourceConfiguration, *, place: str) -> Collector:
        """Return the collector of a source.

        Raises:
            ConfigurationError: its type is unknown (names the nearest), its plug-in is broken, or it objects.
        """
        key = f"{source.source_name}.type"
        made = make_part(self._points, source.type, Collector, noun="collector", place=place, key=key)  # type: ignore[type-abstract]
        objection = made.objection(source)
        if objection is not None:
            raise ConfigurationError(place, source.source_name, objection)
        return made
