"""`prose`: reports, news and other sentences in English: what a routing key calls unstructured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from vedette.extraction.interface import Document, Extraction, ExtractionError, JointExtractor
from vedette.extraction.prose.annotated import AnnotatedDocument
from vedette.extraction.prose.annotating import annotate_all, reader_version
from vedette.extraction.prose.graph.subgraph import subgraph_of
from vedette.extraction.prose.keeping import Places, keep
from vedette.extraction.prose.ports import SentenceReader
from vedette.extraction.prose.text.texts import Text, text_of


class Prose(JointExtractor):
    """Reads what sentences name and state; what is in another language is kept, and not read."""

    name: ClassVar[str] = "prose"
    version: ClassVar[str] = "1"
    summary: ClassVar[str] = "sentences in English: reports, news, advisories (text, HTML, PDF, office documents)"

    def __init__(self, *, reader: SentenceReader | None = None) -> None:
        """Describe it; the weights are loaded when the first document is there.

        Args:
            reader: reads sentences; None: the weights that Vedette comes with.
        """
        self._given = reader

    def extract_all(self, documents: Sequence[Document]) -> list[Extraction | ExtractionError]:
        """Return what each document states, all their sentences read together, and the document as it was read.

        Raises:
            WeightsError: the weights are missing, or damaged.
        """
        texts = [_text(document) for document in documents]
        reader = self._reader()
        annotated = iter(annotate_all([text for text in texts if isinstance(text, Text)], reader=reader))
        version = f"{self.version} {reader_version(reader)}"
        return [
            _extraction(next(annotated), text, document, version) if isinstance(text, Text) else text
            for text, document in zip(texts, documents, strict=True)
        ]

    def _reader(self) -> SentenceReader:
        if self._given is None:
            # Only now: it takes 60 MB, which who only asks for a name or a summary does not need.
            from vedette.extraction.prose.reading.reader import WeightsReader

            self._given = WeightsReader.shipped()
        return self._given


def _text(document: Document) -> Text | ExtractionError:
    try:
        return text_of(document)
    except ExtractionError as error:
        return error


def _extraction(annotated: AnnotatedDocument, text: Text, document: Document, version: str) -> Extraction:
    places = _places(annotated, text)
    least = document.least_confidence
    return Extraction(
        subgraph=subgraph_of(annotated, places=places, least_confidence=least),
        version=version,
        annotation=keep(annotated, places=places, least_confidence=least),
    )


def _places(annotated: AnnotatedDocument, text: Text) -> Places:
    """Return the bytes in which each sentence stands; None where the text was made of the bytes, as a PDF's."""
    found: list[tuple[int, int] | None] = []
    for sentence in annotated.sentences:
        position = text.place(sentence.start, sentence.end)
        known = position.start is not None and position.end is not None
        found.append((position.start or 0, position.end or 0) if known else None)
    return found
