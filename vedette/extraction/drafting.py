"""The draft of a subgraph: one vertex a thing and one edge a relation, however often a document says so.

Whatever a document holds becomes text: what no database takes is replaced; what is too long is cut, and said.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import cast

from vedette.extraction.ids import stucco_id
from vedette.extraction.interface import ExtractionError
from vedette.extraction.subgraph import MAX_NAME, MAX_TEXT, WHOLE, Edge, Position, Problem, Subgraph, Value, Vertex
from vedette.extraction.values import Rule, Single, amended, bounded

Given = str | int | float | Sequence[str] | None
"""A property as it is given: a single value, or several texts, which become a set; None and empty are left out."""

MAX_PROBLEMS = 1_000
"""Problems that are kept; all are counted."""

MAX_VERTICES = 2_000_000
"""Vertices of one document: with their edges about 6 GiB of memory."""

MAX_MEMBERS = 10_000
"""Texts in a set."""

MAX_LABEL = 200
"""Characters of the words of a position."""

MAX_MENTIONED = 64
"""Characters of a document's text that a problem repeats."""

LONG_TEXTS = frozenset({"description", "pattern", "shortDescription", "sourceDocument"})
"""Properties that may have as many characters as a description."""

SETS = frozenset({"alias", "description", "shortDescription", "source"})
"""Properties that are sets even with one member."""

# `tuple | dict` is made anew by each call, for each of millions.
_SETS = (tuple, dict)
_NUMBERS = (int, float)
# What UTF-8 (surrogates) and PostgreSQL (NUL) do not take.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_Kept = dict[str, Single | tuple[str, ...] | dict[str, None]]
"""Properties: a set of few texts is a tuple, as most are; a larger one is a dictionary, which is asked faster."""

_FEW = 8


class _Sketch:
    """A vertex or an edge before it is done."""

    __slots__ = ("has_large", "position", "properties")

    def __init__(self, position: Position, properties: _Kept) -> None:
        self.position = position
        self.properties = properties
        self.has_large = False
        """Whether one of the sets is a dictionary."""

    def done(self) -> Mapping[str, Value]:
        """Return the properties as a subgraph has them; copies of millions would take as long as all else."""
        if self.has_large:
            return {
                name: tuple(value) if isinstance(value, dict) else value for name, value in self.properties.items()
            }
        return cast("Mapping[str, Value]", self.properties)


class Draft:
    """What a document was found to state so far."""

    def __init__(self, *, source: str = "", limit: int = MAX_VERTICES) -> None:
        """Start with nothing; `source` is in the `source` of each vertex that names none itself."""
        self._said_by = (source,) if source else ()
        self._limit = limit
        self._by_name: dict[tuple[str, str, str], str] = {}
        self._sketches: dict[str, _Sketch] = {}
        self._edges: dict[tuple[str, str, str], _Sketch] = {}
        self._problems: list[Problem] = []
        self._skipped = 0

    @property
    def skipped(self) -> int:
        """How many parts were skipped so far."""
        return self._skipped

    @property
    def is_empty(self) -> bool:
        """Whether nothing is stated so far."""
        return not self._sketches

    @property
    def first_problem(self) -> str:
        """What was skipped first, in a line; empty where nothing was."""
        return f"{self._problems[0].position.label}: {self._problems[0].reason}" if self._problems else ""

    def vertex(
        self,
        type: str,
        name: str,
        /,
        *,
        observable: str = "",
        id: str = "",
        position: Position = WHOLE,
        **properties: Given,
    ) -> str:
        """Return the id of a vertex, as `add`."""
        return self.add(type, name, properties, observable=observable, id=id, position=position)

    def add(
        self,
        type: str,
        name: str,
        properties: Mapping[str, Given],
        *,
        observable: str = "",
        id: str = "",
        position: Position = WHOLE,
    ) -> str:
        """Return the id of a vertex; what is said of it again is united with what is known.

        Of the same type, `observableType` and name it is the same; with an `id` of the document's own, by that.
        Without a name, the id is the name; without either, the id is made of its properties. Of single values that
        are said twice the first holds (`amend` does otherwise); of sets the union.

        Raises:
            ExtractionError: there are too many.
        """
        if not id:
            known = self._by_name.get((type, observable, name))
            if known is not None:
                self._unite(self._sketches[known], properties)
                return known
        clean = self._text("name", name, position).strip()
        if id:
            id = self._text("id", id, position).strip()
        elif clean != name and (type, observable, clean) in self._by_name:
            return self.add(type, clean, properties, observable=observable, position=position)
        else:
            id = stucco_id(type, observable, clean or repr(sorted(properties.items(), key=str)))
            if clean:
                self._by_name[type, observable, clean] = id
        sketch = self._sketches.get(id)
        if sketch is None:
            if len(self._sketches) >= self._limit:
                raise ExtractionError(f"it states more than {self._limit} things: split it into smaller documents")
            kept: _Kept = {"vertexType": self._text("vertexType", type, position)}
            if observable:
                kept["observableType"] = self._text("observableType", observable, position)
            kept["name"] = clean or id
            if self._said_by and "source" not in properties:
                kept["source"] = self._said_by
            sketch = self._sketches[id] = _Sketch(_shown(position), kept)
        self._unite(sketch, properties)
        return id

    def amend(self, id: str, rule: Rule = "last", /, **properties: str | int | float | None) -> None:
        """Say single values of a vertex that is there again, by a rule of its own; nothing for an empty id."""
        sketch = self._sketches.get(id)
        if sketch is None:
            return
        for name, value in properties.items():
            if value is None or value == "":
                continue
            said = self._text(name, value, sketch.position) if isinstance(value, str) else bounded(value)
            ruled = None if said is None else amended(rule, sketch.properties.get(name), said)
            if ruled is not None:
                sketch.properties[name] = ruled

    def edge(self, out: str, into: str, relation: str, position: Position = WHOLE, /, **properties: Given) -> None:
        """Relate two vertices, once; nothing where an end is empty, whose problem is said already.

        What is said of the relation again is united, as of a vertex.
        """
        if not out or not into:
            return
        there = self._edges.get((out, into, relation))
        if there is None:
            if out not in self._sketches or into not in self._sketches:
                lost = into if out in self._sketches else out
                self.skip(position, f"{relation} of something that is not there: {lost}")
                return
            clean = self._text("relation", relation, position)
            there = self._edges.setdefault((out, into, clean), _Sketch(_shown(position), {}))
        if properties:
            self._unite(there, properties)

    def skip(self, position: Position, reason: str) -> None:
        """Say that a part cannot be read."""
        self._skipped += 1
        if len(self._problems) < MAX_PROBLEMS:
            clean = " ".join(_UNSTORABLE.sub("\ufffd", reason[:MAX_NAME]).split())
            self._problems.append(Problem(position=_shown(position), reason=clean))

    def has(self, id: str) -> bool:
        """Tell whether a vertex is there."""
        return id in self._sketches

    def done(self) -> Subgraph:
        """Return what is stated."""
        return Subgraph(
            vertices={
                id: Vertex(id=id, properties=sketch.done(), position=sketch.position)
                for id, sketch in self._sketches.items()
            },
            edges=tuple(
                Edge(
                    out_id=out,
                    in_id=into,
                    relation=relation,
                    position=said.position,
                    properties=said.done(),
                )
                for (out, into, relation), said in self._edges.items()
            ),
            problems=tuple(self._problems),
            skipped=self._skipped,
        )

    def _unite(self, sketch: _Sketch, properties: Mapping[str, Given]) -> None:
        kept = sketch.properties
        for name, value in properties.items():
            there = kept.get(name)
            if there is not None and (not isinstance(there, _SETS) or _is_said(there, value)):
                continue
            given = self._given(name, value, sketch.position)
            if given is None:
                continue
            if there is None:
                kept[self._property(name, sketch.position)] = given
            elif given != there:
                kept[name] = self._united(name, there, given if isinstance(given, tuple) else (str(given),), sketch)

    def _united(
        self, name: str, there: tuple[str, ...] | dict[str, None], given: tuple[str, ...], sketch: _Sketch
    ) -> tuple[str, ...] | dict[str, None]:
        """Return both sets as one; the first texts, where they are too many."""
        united = there if isinstance(there, dict) else dict.fromkeys(there)
        for text in given:
            if len(united) >= MAX_MEMBERS and text not in united:
                self.skip(sketch.position, f"{name} of more than {MAX_MEMBERS} texts: {text[:MAX_MENTIONED]!r}")
                break
            united[text] = None
        if len(united) <= _FEW:
            return tuple(united)
        sketch.has_large = True
        return united

    def _given(self, name: str, value: Given, position: Position) -> Single | tuple[str, ...] | None:
        """Return a property as it is kept; None where nothing is said."""
        if value is None or value == "":
            return None
        if isinstance(value, str):
            text = self._text(name, value, position)
            return ((text,) if name in SETS else text) if text else None
        if isinstance(value, _NUMBERS):
            return bounded(value)
        if len(value) == 1:
            text = self._text(name, str(value[0]), position)
            return (text,) if text else None
        texts = tuple(dict.fromkeys(text for one in value if (text := self._text(name, str(one), position))))
        if len(texts) > MAX_MEMBERS:
            self.skip(position, f"{name} of more than {MAX_MEMBERS} texts")
        return texts[:MAX_MEMBERS] or None

    def _property(self, name: str, position: Position) -> str:
        """Return the name of a property, which may be the document's own."""
        if len(name) <= MAX_MENTIONED and name.isidentifier():
            return name
        return self._text("name of a property", name, position)

    def _text(self, name: str, text: str, position: Position) -> str:
        if len(text) <= MAX_NAME and text.isascii() and "\0" not in text:
            return text
        longest = MAX_TEXT if name in LONG_TEXTS else MAX_NAME
        if len(text) > longest:
            self.skip(position, f"{name} of {len(text)} characters, cut: {text[:MAX_MENTIONED]!r}")
            # Its hash keeps texts apart that are alike as far as they are kept.
            digest = hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()[:16]
            text = f"{text[: longest - 20]}... {digest}"
        return text if text.isascii() and "\0" not in text else _UNSTORABLE.sub("\ufffd", text)


def _is_said(there: tuple[str, ...] | dict[str, None], value: Given) -> bool:
    """Tell at a glance that a set has what is said again, as lists say of the same malware in each row."""
    if isinstance(there, dict):
        return False
    return there == (value,) if isinstance(value, str) else isinstance(value, list) and there == tuple(value)


def _shown(position: Position) -> Position:
    """Return a position whose words, which may be the document's own, can be stored and shown."""
    label = position.label
    if len(label) <= MAX_LABEL and label.isprintable():
        return position
    words = "".join(char if char.isprintable() else "\ufffd" for char in label[:MAX_LABEL])
    return Position(words, position.start, position.end)
