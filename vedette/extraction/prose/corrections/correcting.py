"""What people corrected in an annotated document, and applying it. Pure.

What does not fit any more is reported. Corrections are applied in their order; a person's last word counts, and more
than the reader's: what overlaps an entity that a person marked is not marked any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vedette.extraction.prose.annotated import AnnotatedDocument
from vedette.extraction.prose.corrections.bench import Bench, UnfitError
from vedette.extraction.prose.corrections.kinds import Correction


@dataclass(frozen=True, kw_only=True, slots=True)
class Unfit:
    """A correction that could not be applied."""

    place: int
    """Its place among those that were given, from 0."""
    correction: Correction
    """The correction."""
    reason: str
    """Why not."""

    def __str__(self) -> str:
        return f"a person's correction does not fit any more, {self.reason}: {self.correction}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectedDocument:
    """A document with its corrections."""

    document: AnnotatedDocument
    """What it says with them."""
    unfit: tuple[Unfit, ...] = ()
    """Those that do not fit, in their order."""


def apply(document: AnnotatedDocument, corrections: Sequence[Correction]) -> CorrectedDocument:
    """Return a document as people corrected it; what they say has origin `person` and confidence 1."""
    if not corrections:
        return CorrectedDocument(document=document)
    bench, unfit = Bench(document), []
    for place, correction in enumerate(corrections):
        try:
            bench.take(correction)
        except UnfitError as error:
            unfit.append(Unfit(place=place, correction=correction, reason=str(error)))
    return CorrectedDocument(document=bench.finished(), unfit=tuple(unfit))
