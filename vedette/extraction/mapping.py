"""Declarative mappings: from columns of a table, or members of JSON objects, to vertices, properties and edges.

A mapping is a YAML file beside its extractor; `docs/extraction.md` shows one. It is checked when it is loaded, so
that a wrong column or vertex is told with the file and the key, and not found out by a document.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from vedette.configuration.loading import KeyedError, did_you_mean, load
from vedette.extraction.building import SUB_OBSERVABLE
from vedette.extraction.making import MAKES
from vedette.extraction.tables import Layout
from vedette.extraction.values import Rule

HOST = "@host"
"""A column that every row has: the machine that the document is about, by the item's meta; may be empty."""

Conversion = Literal["text", "number", "seconds", "milliseconds", "time", "flow-port", "port", "ip", "not-ip"]
"""How a cell is read: as it is; a number; seconds or milliseconds since 1970, or a date and time, all three as
milliseconds since 1970; the port of a flow, which is 0 where there is none (ICMP's type and code, an SPI); the text
where it is a port, an IP address, or no IP address, and else empty."""

_RESERVED = frozenset({"id", "name", "observableType", "position", "vertexType"})
_PLACES = re.compile(r"\{([^{}]*)\}")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class TermMapping(_Part):
    """Where a text comes from; in the file, a name alone stands for `{from: NAME}`."""

    column: str = Field(alias="from", min_length=1)
    """A column; several with | between, the first that is not empty; or a text with such in braces.

    `uid {uid} on {@host}` is empty where one of its columns is.
    """
    conversion: Conversion = Field(default="text", alias="as")
    """How it is read."""
    again: Rule | Literal["union"] = "first"
    """What becomes of a value where a later row says another one of the same vertex; union: it is a set."""
    many: str = ""
    """What separates several texts in a cell, which become a set; empty: it is one."""

    @property
    def columns(self) -> list[str]:
        """The columns that it is made of."""
        named = _PLACES.findall(self.column) if "{" in self.column else [self.column]
        return [name for one in named for name in one.split("|")]

    @property
    def rule(self) -> Rule | None:
        """What becomes of it where it is a single value that is said again; None: the first holds, or it is a set."""
        match self.again:
            case "first" | "union":
                return None
            case rule:
                return None if self.many else rule


def _term(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


Term = Annotated[TermMapping, BeforeValidator(_term)]


class VertexMapping(_Part):
    """One vertex of a row; it is made where none of its first terms is empty."""

    make: str = ""
    """What of Stucco's vocabulary it is, such as `flow` or `dns-record`; or else `type`."""
    type: str = ""
    """Its `vertexType`, where it is made of no vocabulary."""
    observable: str = ""
    """Its `observableType`, with `type` alone."""
    of: tuple[Term, ...] = Field(min_length=1)
    """What its name is made of: address and port of a socket, product and version, …"""
    properties: dict[str, Term] = Field(default_factory=dict)
    """What else is said of it."""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if bool(self.make) is bool(self.type):
            raise KeyedError("make", "must be there, or else type; not both")
        if self.make and self.make not in MAKES:
            raise KeyedError("make", f"{self.make!r} is not known{did_you_mean(self.make, MAKES)}")
        least, most = (MAKES[self.make].least, MAKES[self.make].most) if self.make else (1, 1)
        if not least <= len(self.of) <= most:
            raise KeyedError("of", f"must have {least if least == most else f'{least} to {most}'} terms")
        for name in sorted(_RESERVED & self.properties.keys()):
            raise KeyedError("properties", f"{name!r} is what `of` and `make` say")
        return self


class EdgeMapping(_Part):
    """One relation of a row; it is stated where both its ends are made."""

    out: str = Field(alias="from")
    """Key of the vertex that it leaves."""
    into: str = Field(alias="to")
    """Key of the vertex that it enters."""
    relation: str = Field(default=SUB_OBSERVABLE, min_length=1)
    """Stucco's name of it."""
    properties: dict[str, Term] = Field(default_factory=dict)
    """What is said of the relation itself."""


class Mapping(_Part):
    """What a kind of table says."""

    source: str = Field(min_length=1)
    """What its vertices say where they come from."""
    rows: Literal["table", "json"] = "table"
    """Whether a row is a line of a table, or a JSON object; a member of a member is `outer.inner`."""
    columns: tuple[str, ...] = Field(min_length=1)
    """Names of the columns, in order: what a table without a header has."""
    synonyms: dict[str, str] = Field(default_factory=dict)
    """Other names of columns in headers, and the column that each means."""
    separator: str = Field(default=",", min_length=1, max_length=1)
    """What is between cells."""
    comment: str = ""
    """What a line begins with that is no row."""
    ragged: bool = False
    """Whether cells behind the last column are left out in silence."""
    leave_out: dict[str, tuple[str, ...]] = Field(default_factory=dict, alias="leave-out")
    """Rows that say nothing of interest: cells of a column, whatever their case."""
    needs: tuple[str, ...] = ()
    """Columns without which a row is a bad one."""
    addresses: tuple[str, ...] = ()
    """Columns that must be IP addresses where they are not empty, or the row is a bad one."""
    vertices: dict[str, VertexMapping] = Field(min_length=1)
    """What a row makes, each by a key of its own."""
    edges: tuple[EdgeMapping, ...] = ()
    """How these are related, beside what they consist of by themselves."""

    @property
    def layout(self) -> Layout:
        """How its tables are written."""
        return Layout(
            columns=self.columns,
            synonyms=self.synonyms,
            separator=self.separator,
            comment=self.comment,
            ragged=self.ragged,
        )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        known = {*self.columns, HOST}
        named = [(f"synonyms.{other}", name) for other, name in self.synonyms.items()]
        named += [("leave-out", name) for name in self.leave_out]
        named += [("needs", name) for name in self.needs] + [("addresses", name) for name in self.addresses]
        for key, vertex in self.vertices.items():
            named += [(f"vertices.{key}.of", name) for term in vertex.of for name in term.columns]
            named += _of_properties(f"vertices.{key}.properties", vertex.properties)
        for at, edge in enumerate(self.edges):
            for end in (edge.out, edge.into):
                if end not in self.vertices:
                    raise KeyedError(f"edges.{at}", f"{end!r} is no vertex{did_you_mean(end, self.vertices)}")
            named += _of_properties(f"edges.{at}.properties", edge.properties)
        for key, name in named:
            if name not in known:
                raise KeyedError(key, f"{name!r} is no column{did_you_mean(name, known)}")
        return self


def load_mapping(file: Path) -> Mapping:
    """Return the mapping that a file holds.

    Raises:
        ConfigurationError: it cannot be read, or is wrong; names the file, the key and the reason.
    """
    return load(file, Mapping)


def _of_properties(place: str, properties: dict[str, TermMapping]) -> list[tuple[str, str]]:
    return [(f"{place}.{key}", name) for key, term in properties.items() for name in term.columns]
