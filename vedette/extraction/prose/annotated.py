"""The annotated document: a text, its sentences with tags and parse, and what they speak of. Pure values.

Offsets are those of characters (Unicode code points) in `text`, the end exclusive; `docs/prose.md` has the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from vedette.extraction.prose.labels import Label, Relation

FORM = 1
"""Version of the JSON; a change that a reader of an older one would not understand raises it."""

Offset = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Origin = Literal["model", "indicator", "rule", "person"]
BlockKind = Literal["prose", "heading", "list", "table", "code", "boilerplate"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or sign; no model, for a long document has a hundred thousand of them."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    text: str
    """As it stands in the document."""
    start: Offset
    end: Offset
    pos: str = ""
    """Part of speech (Universal Dependencies' UPOS); empty where the sentence was not parsed."""
    label: str = "O"
    """`O`, or `B-` or `I-` and the entity's label: the entities once more, token by token."""
    head: int = -1
    """Its head in the parse: 0 is the root, n the n-th token of the sentence, counted from 1; -1: not parsed."""
    relation: str = ""
    """What it is to its head (Universal Dependencies' `deprel`)."""


class Technique(_Value):
    """An ATT&CK technique that a sentence describes."""

    id: str
    """Such as `T1059.001`."""
    confidence: Share


class Sentence(_Value):
    """A sentence, or what stands for one: a heading, a line of a list, a cell of a table, a line of code."""

    start: Offset
    end: Offset
    kind: BlockKind = "prose"
    """What it stands in; only prose, headings and lists are read by the model, code and tables for indicators."""
    tokens: tuple[Token, ...] = ()
    techniques: tuple[Technique, ...] = ()
    """The best first; only those above the threshold."""


class Entity(_Value):
    """Something that the text names."""

    id: int
    """Its place in `entities`, from 0."""
    start: Offset
    end: Offset
    text: str
    """As it stands in the document."""
    label: Label
    value: str = ""
    """The canonical form: an indicator refanged, a name with its spaces made one; as the text where it is empty."""
    confidence: Share
    origin: Origin = "model"
    """Who says so: the model, the indicator patterns, a rule, or a person who corrected it."""
    sentence: int
    """Place of its sentence in `sentences`."""
    same_as: int | None = None
    """Id of the document's first entity that is the same thing, by name, alias or acronym; None: it is the first."""

    @property
    def name(self) -> str:
        """Its canonical form."""
        return self.value or self.text


class EntityRelation(_Value):
    """What a sentence says of two entities."""

    head: int
    """Id of the entity that it is read from."""
    tail: int
    """Id of the entity that it leads to."""
    relation: Relation
    confidence: Share
    sentence: int
    """Place of the sentence that says so."""
    negated: bool = False
    """The sentence denies it ("is not affected"): no fact; kept so that a reader sees why."""
    hedged: bool = False
    """The sentence does not vouch for it ("may", "allegedly"): its confidence is lower."""
    origin: Origin = "rule"


class AnnotatedDocument(_Value):
    """A document that was read."""

    form: int = FORM
    title: str = ""
    language: str = ""
    """ISO 639-1 code; empty: too short, or none that is known."""
    read: bool = True
    """Whether it was read: only English is; else it has no sentences."""
    why_not: str = ""
    """Why not, in words for a person."""
    reader: str = ""
    """Version of patterns and model together: the same text and reader give the same document."""
    text: str
    sentences: tuple[Sentence, ...] = ()
    entities: tuple[Entity, ...] = ()
    """By their beginning; they do not overlap."""
    relations: tuple[EntityRelation, ...] = ()
    skipped: Mapping[str, int] = Field(default_factory=dict)
    """What was not read, by the reason, in characters: boilerplate, past the limit …"""
