"""The interface of extractors: each reads one kind of document; found by name through entry points."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, ClassVar

from vedette.errors import VedetteError
from vedette.extraction.subgraph import Subgraph
from vedette.plugins import by_name, installed, make_part

if TYPE_CHECKING:
    # Only for the types: what reads columns needs nothing of what reads sentences.
    from vedette.extraction.prose.keeping import Kept

EXTRACTORS = "vedette.extractors"
"""Entry point group: each names a subclass of `Extractor` that is made without arguments, by the source's name."""

LEAST_CONFIDENCE = 0.5
"""How sure who reads prose must be of what it states, where nothing else is configured."""

MAX_DOCUMENT = 256 * 1024 * 1024
"""Bytes of a document that are read at most."""


class ExtractionError(VedetteError):
    """Nothing can be read from a document; says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What is extracted from."""

    content: bytes
    """Its bytes."""
    content_type: str = ""
    """Media type, where it is known."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """The item's meta: `uuid`, `source`, `agent`, `target`, `collected_at`, `format` …; empty for a bare file."""
    least_confidence: float = LEAST_CONFIDENCE
    """How sure who reads prose must be of what it states, 0 to 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extraction:
    """What was read of a document by who keeps more of it than what it states."""

    subgraph: Subgraph
    """What it states."""
    version: str
    """Of the extractor, with what it reads with."""
    annotation: Kept | None = None
    """The document as it was read, to be kept."""


class Extractor(ABC):
    """Reads one kind of document. It touches nothing but the bytes that it is given."""

    name: ClassVar[str]
    """The source's name in a routing key, and of the entry point."""
    version: ClassVar[str] = "1"
    """Changes when the same bytes give another subgraph: what an older version said is then replaced."""
    summary: ClassVar[str]
    """What it reads, in one line."""

    @abstractmethod
    def extract(self, document: Document) -> Subgraph:
        """Return what a document states; empty where it states nothing (a header alone, no entries).

        Parts that cannot be read are skipped, and named in the subgraph's problems.

        Raises:
            ExtractionError: nothing of it can be read.
        """


class JointExtractor(Extractor):
    """Reads many documents at once, which is faster than one after the other, and keeps them as it read them."""

    @abstractmethod
    def extract_all(self, documents: Sequence[Document]) -> list[Extraction | ExtractionError]:
        """Return what each document states, or why nothing can be read of it, in their order."""

    def extract(self, document: Document) -> Subgraph:
        """Return what a document states.

        Raises:
            ExtractionError: nothing of it can be read.
        """
        (found,) = self.extract_all([document])
        if isinstance(found, ExtractionError):
            raise found
        return found.subgraph


class ExtractorCatalogue:
    """Looks extractors up; nothing is imported before it is asked for by name."""

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        self._points = installed(EXTRACTORS) if points is None else by_name(points)

    @property
    def names(self) -> list[str]:
        """Names of all, broken ones included."""
        return sorted(self._points)

    def extractor(self, name: str, *, place: str = "extract", key: str = "source") -> Extractor:
        """Return the extractor of a source.

        Raises:
            ConfigurationError: unknown (names the nearest), or its plug-in is broken (names the cause).
        """
        return make_part(self._points, name, Extractor, noun="extractor", place=place, key=key)  # type: ignore[type-abstract]
