"""Annotated documents in few words: `[Emotet|MALWARE] uses [Mimikatz|TOOL].`, and what sentences say of entities."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from vedette.extraction.prose.annotated import AnnotatedDocument, Entity, EntityRelation, Sentence, Technique
from vedette.extraction.prose.labels import Label, Relation

_ENTITY = re.compile(r"\[([^|\]]+)\|([A-Z0-9_]+)\]")

Stated = tuple[int, str, int]
"""Head, relation and tail: entities by their number."""


def annotated(
    *sentences: str,
    says: Sequence[Stated | tuple[int, str, int, dict[str, Any]]] = (),
    same: dict[int, int] | None = None,
    sure: float = 0.9,
    techniques: dict[int, tuple[str, float]] | None = None,
) -> AnnotatedDocument:
    """Return a document of sentences, one behind the other; a relation is of the sentence of its head.

    Args:
        sentences: with their entities marked.
        says: relations; a fourth member has fields of its own.
        same: entities that are the same as an earlier one.
        sure: confidence of every entity, and of a relation without its own.
        techniques: by the sentence's number.
    """
    text, found, entities = "", list[Sentence](), list[Entity]()
    for number, marked in enumerate(sentences):
        text += " " if text else ""
        begin, at = len(text), 0
        for match in _ENTITY.finditer(marked):
            text += marked[at : match.start()]
            entities.append(
                Entity(
                    id=len(entities),
                    start=len(text),
                    end=len(text) + len(match[1]),
                    text=match[1],
                    label=cast(Label, match[2]),
                    confidence=sure,
                    sentence=number,
                    same_as=(same or {}).get(len(entities)),
                )
            )
            text, at = text + match[1], match.end()
        text += marked[at:]
        told = (techniques or {}).get(number)
        shown = () if told is None else (Technique(id=told[0], confidence=told[1]),)
        found.append(Sentence(start=begin, end=len(text), techniques=shown))
    relations = [
        EntityRelation(
            **(
                {
                    "head": head,
                    "tail": tail,
                    "relation": cast(Relation, name),
                    "confidence": sure,
                    "sentence": entities[head].sentence,
                }
                | (more[0] if more else {})
            )
        )
        for head, name, tail, *more in says
    ]
    return AnnotatedDocument(
        text=text,
        language="en",
        reader="test",
        sentences=tuple(found),
        entities=tuple(entities),
        relations=tuple(relations),
    )
