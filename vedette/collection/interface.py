"""The interface of collectors: each reads one kind of source; found by name through entry points."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import ClassVar

from vedette.collection.configuration import SourceConfiguration
from vedette.collection.desk import Desk
from vedette.configuration.loading import did_you_mean
from vedette.errors import ConfigurationError

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
        found = entry_points(group=COLLECTORS) if points is None else points
        self._points: dict[str, EntryPoint] = {}
        for point in found:
            # The first wins: one cannot be replaced without a word by a later one.
            self._points.setdefault(point.name.upper(), point)

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
        if source.type not in self._points:
            reason = f"unknown type {source.type[:60]!r}" + did_you_mean(source.type, self._points)
            raise ConfigurationError(place, key, reason)
        point = self._points[source.type]
        try:
            made = point.load()()
        except Exception as error:
            reason = f"the collector {source.type} ({point.value}) cannot be loaded: {type(error).__name__}: {error}"
            raise ConfigurationError(place, key, reason) from error
        if not isinstance(made, Collector):
            raise ConfigurationError(place, key, f"{source.type} ({point.value}) is not a collector")
        objection = made.objection(source)
        if objection is not None:
            raise ConfigurationError(place, source.source_name, objection)
        return made
