"""Texts to annotated documents: the sentences of all of them go to the model together.

The same text, patterns and weights give the same document, byte for byte, whatever else is read beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from vedette.extraction.prose.annotated import AnnotatedDocument, Entity, Sentence, Technique, Token
from vedette.extraction.prose.corrections.retagging import retag
from vedette.extraction.prose.entities import entities_of
from vedette.extraction.prose.indicators.finding import find
from vedette.extraction.prose.indicators.found import Found
from vedette.extraction.prose.ports import SentenceReader, SentenceReading
from vedette.extraction.prose.relations.relating import relate_all
from vedette.extraction.prose.text.language import SAMPLE, is_read, language_of
from vedette.extraction.prose.text.sentences import sentences
from vedette.extraction.prose.text.texts import Text

PATTERNS: Final = "2"
"""Version of the patterns and rules; together with the weights' it is the reader's."""

MAX_WORDS: Final = 60_000
"""Words of a document that the model reads, a book's first hundred pages; in the rest, indicators are found alone."""

READ: Final = frozenset({"prose", "heading", "list"})
"""Kinds of blocks that are language; tables and code are not."""

OTHER_LANGUAGE: Final = "in another language"
PAST_THE_LIMIT: Final = "past the words that the model reads"
"""Why something was not read, beside what the text's own `skipped` says."""

_LONG = 200
"""Characters from which a block shows by itself that it is in another language."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """A document before the model has read it."""

    text: Text
    language: str
    sentences: list[Sentence]
    read: list[bool]
    """Of each sentence, whether the model reads it."""
    indicators: list[Found]
    skipped: Counter[str]


def reader_version(reader: SentenceReader) -> str:
    """Return the version that annotated documents of a reader have."""
    return f"{PATTERNS}+{reader.version}"


def annotate_all(documents: Sequence[Text], *, reader: SentenceReader) -> list[AnnotatedDocument]:
    """Return each document annotated, in their order."""
    samples = [_sample(one) for one in documents]
    drafts = [_draft(*one) if is_read(one[1]) else None for one in zip(documents, samples, strict=True)]
    asked = [[token.text for token in sentence.tokens] for draft in drafts if draft for sentence in _asked(draft)]
    answers = iter(reader.read(asked))
    found: list[tuple[Sequence[Sentence], list[Entity]]] = []
    for draft in drafts:
        if draft is not None:
            found.append(_entities(draft, answers, threshold=reader.threshold))
    related = iter(zip(found, relate_all(found, reader=reader), strict=True))
    made = []
    for text, sample, draft in zip(documents, samples, drafts, strict=True):
        if draft is None:
            made.append(_unread(text, sample, reader))
            continue
        (parsed, _), (entities, relations) = next(related)
        made.append(
            AnnotatedDocument(
                title=text.title,
                language=draft.language,
                reader=reader_version(reader),
                text=text.text,
                sentences=retag(parsed, entities),
                entities=tuple(entities),
                relations=tuple(relations),
                skipped=dict(sorted(draft.skipped.items())),
            )
        )
    return made


def _sample(text: Text) -> str:
    """Return enough of what is language in a text to tell which."""
    found: list[str] = []
    size = 0
    for block in text.blocks:
        if block.kind in READ and size < SAMPLE:
            found.append(text.text[block.start : block.end])
            size += block.end - block.start
    return "\n".join(found)


def _unread(text: Text, sample: str, reader: SentenceReader) -> AnnotatedDocument:
    language = language_of(sample)
    why_not = f"is in another language ({language})" if language else "is in a language that is not known"
    return AnnotatedDocument(
        title=text.title,
        language=language,
        read=False,
        why_not=f"{why_not}: only English is read",
        reader=reader_version(reader),
        text=text.text,
        skipped=dict(sorted(Counter(text.skipped).items())),
    )


def _draft(text: Text, sample: str) -> _Draft:
    indicators = find(text.text)
    whole = [(one.start, one.end) for one in indicators]
    draft = _Draft(text, language_of(sample), [], [], indicators, Counter(text.skipped))
    words = 0
    for block in text.blocks:
        if block.kind == "boilerplate":
            continue
        size = block.end - block.start
        is_language = block.kind in READ
        if is_language and size >= _LONG and not is_read(text.text[block.start : block.end]):
            draft.skipped[OTHER_LANGUAGE] += size
            is_language = False
        for found in sentences(text.text, block, whole):
            words += len(found.tokens) if is_language else 0
            if is_language and words > MAX_WORDS:
                draft.skipped[PAST_THE_LIMIT] += found.end - found.start
            tokens = tuple(Token(text=text.text[start:end], start=start, end=end) for start, end in found.tokens)
            draft.sentences.append(Sentence(start=found.start, end=found.end, kind=block.kind, tokens=tokens))
            draft.read.append(is_language and words <= MAX_WORDS)
    return draft


def _asked(draft: _Draft) -> Iterator[Sentence]:
    for sentence, is_asked in zip(draft.sentences, draft.read, strict=True):
        if is_asked:
            yield sentence


def _entities(
    draft: _Draft, answers: Iterator[SentenceReading], *, threshold: float
) -> tuple[Sequence[Sentence], list[Entity]]:
    """Return a document's sentences with their parse, and its entities."""
    readings = [next(answers) if is_asked else None for is_asked in draft.read]
    parsed = [
        sentence if reading is None else _parsed(sentence, reading, threshold)
        for sentence, reading in zip(draft.sentences, readings, strict=True)
    ]
    entities = entities_of(draft.text.text, parsed, readings, draft.indicators)
    return parsed, entities


def _parsed(sentence: Sentence, reading: SentenceReading, threshold: float) -> Sentence:
    said = zip(sentence.tokens, reading.pos, reading.heads, reading.relations, strict=True)
    return Sentence(
        start=sentence.start,
        end=sentence.end,
        kind=sentence.kind,
        tokens=tuple(
            Token(text=token.text, start=token.start, end=token.end, pos=pos, head=head, relation=relation)
            for token, pos, head, relation in said
        ),
        techniques=tuple(
            Technique(id=name, confidence=round(min(1.0, sure), 4))
            for name, sure in reading.techniques
            if sure >= threshold
        ),
    )
