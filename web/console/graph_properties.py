"""The properties of a vertex as its page shows them: each value with who says it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from vedette.extraction.subgraph import Value
from vedette.graph.ontology import ontology
from vedette.graph.port import Mention, VertexView

VALUES: Final = 20
"""Values of one property that are shown; the JSON of the vertex has all."""

_FIRST: Final = ("description", "alias", "source", "sourceDocument")


@dataclass(kw_only=True, slots=True)
class ValueRow:
    """One value of a property."""

    text: str
    """The value."""
    instant: str
    """What a person reads for it where it is an instant; else empty."""
    said_by: Mention | None
    """The latest statement that says it; None where it was not found yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PropertyRow:
    """One property."""

    name: str
    """Its name."""
    values: list[ValueRow]
    """What it holds."""
    more: int
    """How many further values it holds."""


def texts_of(value: Value) -> Sequence[str]:
    """Return a property's values as texts."""
    return value if isinstance(value, tuple) else (str(value),)


def property_rows(vertex: VertexView, latest: Iterable[Mention]) -> list[PropertyRow]:
    """Return the properties of a vertex, what people read first first.

    Args:
        vertex: the vertex.
        latest: statements about it, the latest first.
    """
    said: dict[tuple[str, str], Mention] = {}
    for mention in latest:
        if mention.withdrawn:
            continue
        for name, value in mention.properties.items():
            for text in texts_of(value):
                said.setdefault((name, text), mention)
    names = sorted(vertex.properties, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    return [_row(name, texts_of(vertex.properties[name]), said) for name in names]


def _row(name: str, texts: Sequence[str], said: dict[tuple[str, str], Mention]) -> PropertyRow:
    values = [
        ValueRow(text=text, instant=ontology().instant(name, text), said_by=said.get((name, text)))
        for text in texts[:VALUES]
    ]
    return PropertyRow(name=name, values=values, more=max(0, len(texts) - VALUES))
