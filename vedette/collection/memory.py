"""The port to what a collector remembers: the state of its sources, committed together with what they brought."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vedette.collection.page_memory import PageMemory
from vedette.collection.robots import RobotsFile


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """An item that a source brought, before it is numbered."""

    item: dict[str, Any]
    """The item; its payload is inline, or names the document that `data` is."""
    data: bytes | None = None
    """The payload where it is too large to travel inline."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What is committed together: all of it or nothing."""

    source: str
    """Identity of the source."""
    items: Sequence[Drawn] = ()
    """What is sent."""
    pages: Sequence[PageMemory] = ()
    """What is remembered of URLs."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Whatever else the source remembers, by name; an empty one is forgotten."""


class SourceMemory(ABC):
    """What is remembered of sources."""

    @abstractmethod
    async def page(self, source: str, url: str) -> PageMemory:
        """Return what a source remembers of a URL; a blank one where it is nothing.

        Raises:
            StoreError: it cannot be read.
        """

    @abstractmethod
    async def pages(self, source: str, urls: Sequence[str]) -> dict[str, PageMemory]:
        """Return what a source remembers of several URLs; those that it knows nothing of are left out.

        Raises:
            StoreError: it cannot be read.
        """

    @abstractmethod
    async def near(self, simhash: int) -> str | None:
        """Return the uuid of an item whose text is nearly the same; None where there is none.

        Raises:
            StoreError: it cannot be read.
        """

    @abstractmethod
    async def mark(self, source: str, name: str) -> str:
        """Return what a source remembers by a name; empty: nothing.

        Raises:
            StoreError: it cannot be read.
        """

    @abstractmethod
    async def commit(self, changes: Changes) -> None:
        """Store changes; they are on disk then.

        Raises:
            RefusedError: an item is not valid; nothing is stored.
            OutboxFullError: they do not fit; nothing is stored.
            StoreError: it cannot be written.
        """

    @abstractmethod
    async def robots(self, origin: str) -> RobotsFile | None:
        """Return what a host's robots.txt said; None where it was never asked.

        Raises:
            StoreError: it cannot be read.
        """

    @abstractmethod
    async def remember_robots(self, file: RobotsFile) -> None:
        """Store what a host's robots.txt said.

        Raises:
            StoreError: it cannot be written.
        """
