"""Post-processors: what is done with collected bytes, one after the other; found by name through entry points."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint
from typing import ClassVar

from vedette.collection.archives import is_tar, is_zip, untar, unzip
from vedette.collection.compression import compression_of, decompress
from vedette.collection.content import Budget, Content, ProcessingError, ProcessingLimits
from vedette.plugins import by_name, installed, make_part

POSTPROCESSORS = "vedette.postprocessors"
"""Entry point group: each names a subclass of `PostProcessor` that is made without arguments."""


class PostProcessor(ABC):
    """One step. It works on bytes alone: it runs in a process of its own, within limits, and may be killed."""

    summary: ClassVar[str]
    """What it does, in one line."""

    @abstractmethod
    def process(self, content: Content, budget: Budget) -> list[Content]:
        """Return what becomes of a content: one, several (an archive) or none.

        Raises:
            ProcessingError: it cannot be processed, or is past the budget.
        """


class Unzip(PostProcessor):
    """`unzip`: gzip, bzip2, xz, Zstandard and zip, by content; what is none of these stays as it is."""

    summary = "Undoes .gz, .bz2, .xz, .zst and .zip, by content"

    def process(self, content: Content, budget: Budget) -> list[Content]:
        """Return the bytes unpacked; each file of a zip archive is one."""
        for _ in range(budget.limits.depth):
            if is_zip(content.data):
                return [_part(content, name, data) for name, data in unzip(content.data, budget)]
            if compression_of(content.data) is None:
                return [content]
            content = _part(content, content.name, decompress(content.data, budget))
        if is_zip(content.data) or compression_of(content.data) is not None:
            raise ProcessingError(f"is packed more than {budget.limits.depth} times")
        return [content]


class TarUnzip(PostProcessor):
    """`tar-unzip`: a tar archive, packed or not."""

    summary = "Reads the files of a tar archive, packed or not"

    def process(self, content: Content, budget: Budget) -> list[Content]:
        """Return the files of the archive."""
        for inner in Unzip().process(content, budget):
            content = inner
        if not is_tar(content.data):
            raise ProcessingError("is no tar archive")
        return [_part(content, name, data) for name, data in untar(content.data, budget)]


def _part(content: Content, name: str, data: bytes) -> Content:
    """Return what was within a content; what was said of the outer bytes is no longer true of its type."""
    changes = {} if data is content.data else {"content_type": "", "charset": ""}
    return content.with_facts({}, data=data, name=name, **changes)


class ProcessorCatalogue:
    """Looks post-processors up; nothing is imported before it is asked for by name."""

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        self._points = installed(POSTPROCESSORS) if points is None else by_name(points)

    @property
    def names(self) -> list[str]:
        """Names of all, broken ones included."""
        return sorted(self._points)

    def processor(self, name: str, *, place: str = "post-process") -> PostProcessor:
        """Return the post-processor of a name.

        Raises:
            ConfigurationError: unknown (names the nearest), or its plug-in is broken (names the cause).
        """
        return make_part(
            self._points,
            name,
            PostProcessor,  # type: ignore[type-abstract]
            noun="post-processor",
            place=place,
            key="post-process",
        )


def run_chain(content: Content, steps: Sequence[PostProcessor], limits: ProcessingLimits) -> list[Content]:
    """Return what becomes of a content after all steps.

    Raises:
        ProcessingError: a step cannot do it, or it is past the limits.
    """
    budget = Budget(limits, size=len(content.data))
    found = [content]
    for step in steps:
        found = [made for one in found for made in step.process(one, budget)]
    return found
