"""What the graph speaks of: types, relations, properties, and how their names and values become one.

Read from `ontology.yml`: Stucco's vocabulary with its STIX 2.1 counterparts. What is not named there is kept under
the default rules, never left out: a type's name is compared as text, a property keeps all its values.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from vedette.clock import to_datetime
from vedette.configuration.loading import KeyedError, load
from vedette.graph.canonical import FORMS, canonical, short
from vedette.graph.folding import Rule
from vedette.graph.likeness import THRESHOLDS

FILE: Final = Path(__file__).with_name("ontology.yml")

MAX_TYPE: Final = 100
"""Characters of a type's name; of a longer one the beginning and a digest are kept."""

_OBSERVABLE: Final = "Observable"
_WHOLE: Final = re.compile(r"-?[0-9]{1,15}")

_STRICT = ConfigDict(extra="forbid", frozen=True)


class Kind(BaseModel):
    """One type of vertex: a `vertexType`, or `Observable/` and an `observableType`."""

    model_config = _STRICT

    name: str = "text"
    """How its names become canonical: a key of `vedette.graph.canonical.FORMS`."""
    observable_type: str = ""
    """The `observableType` that its vertices show, where its key has none (an IP's is Address)."""
    same_as: str = ""
    """The kind that it is in truth: another spelling in documents."""
    stix: str = ""
    """STIX 2.1's type of object; empty: none, it becomes a custom one."""
    alias: bool = False
    """Whether an alias that is another's name says that they are the same."""
    keys: tuple[str, ...] = ()
    """Properties whose value is of one thing only, such as a file's SHA-256."""
    alike: str = ""
    """The group of names of which similar ones may be the same (`vedette.graph.likeness`); empty: none are."""
    properties: dict[str, Rule] = Field(default_factory=dict)
    """Rules that differ from those of the properties in general."""

    @field_validator("name")
    @classmethod
    def _has_form(cls, name: str) -> str:
        if name not in FORMS:
            raise ValueError(f"no such form; there are {', '.join(FORMS)}")
        return name

    @field_validator("alike")
    @classmethod
    def _has_thresholds(cls, alike: str) -> str:
        if alike and alike not in THRESHOLDS:
            raise ValueError(f"no such group; there are {', '.join(THRESHOLDS)}")
        return alike


class Relation(BaseModel):
    """One name of an edge."""

    model_config = _STRICT

    stix: str = "related-to"
    """STIX 2.1's `relationship_type`, or the property that embeds it, ending in `_ref` or `_refs`."""
    turned: bool = False
    """Whether STIX has it from the in-vertex to the out-vertex."""
    out_kinds: tuple[str, ...] = ()
    """Types of vertices that it leaves; empty: any. To read, not to refuse."""
    in_kinds: tuple[str, ...] = ()
    """Types of vertices that it enters."""


class Property(BaseModel):
    """One name of a property."""

    model_config = _STRICT

    merge: Rule = "any"
    """How its values become one."""
    stix: str = ""
    """STIX 2.1's property; empty: kept as a custom one."""
    date: bool = False
    """Whether a whole number is an instant: milliseconds since 1970, UTC, as Stucco has them."""


class Ontology(BaseModel):
    """The whole of it."""

    model_config = _STRICT

    version: int
    """Of the form of the file."""
    kinds: dict[str, Kind]
    """By `vertexType`, or `vertexType/observableType`."""
    relations: dict[str, Relation]
    """By name."""
    properties: dict[str, Property]
    """By name."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for key, kind in self.kinds.items():
            other = self.kinds.get(kind.same_as)
            if kind.same_as and (other is None or other.same_as):
                raise KeyedError(f"kinds.{key}.same_as", f"{kind.same_as!r} is no kind of its own")
        for key, relation in self.relations.items():
            for name in (*relation.out_kinds, *relation.in_kinds):
                if name not in self.kinds and not any(kind.startswith(f"{name}/") for kind in self.kinds):
                    raise KeyedError(f"relations.{key}", f"{name!r} is no kind")
        return self

    def resolve(self, type: str, observable_type: str) -> ResolvedKind:
        """Return what a vertex of these types is; an unknown type is one of its own, with default rules."""
        return _resolve(self, type, observable_type)

    def canonical(self, type: str, observable_type: str, name: str) -> str:
        """Return the canonical form of a vertex' name."""
        return canonical(self.resolve(type, observable_type).form, name)

    def canonical_forms(self, name: str) -> frozenset[str]:
        """Return all canonical forms that a name has as whatever type."""
        return frozenset(canonical(form, name) for form in FORMS)

    def instant(self, name: str, text: str) -> str:
        """Return what a person reads for a value that is an instant, in UTC; empty where it is none.

        Args:
            name: of the property.
            text: its value.
        """
        known = self.properties.get(name)
        if known is None or not known.date or not _WHOLE.fullmatch(text):
            return ""
        try:
            found = to_datetime(int(text) * 1000)
        except (OverflowError, ValueError):
            return ""
        return f"{found:%Y-%m-%dT%H:%M:%SZ}"

    def __hash__(self) -> int:
        """Tell instances apart, for what is remembered of each."""
        return id(self)

    def __eq__(self, other: object) -> bool:
        """Tell whether it is this very instance."""
        return self is other


class ResolvedKind(BaseModel):
    """A kind as vertices have it."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    key: str
    """Names it, also in claims."""
    type: str
    """The `vertexType` that its vertices show."""
    observable_type: str
    """The `observableType` that they show."""
    form: str
    """How names become canonical."""
    kind: Kind
    """Its rules."""
    rule_of: Callable[[str], Rule]
    """Gives a property's rule; a name is the one that was said first."""

    @property
    def may_merge(self) -> bool:
        """Whether two of its nodes can be found to be the same thing."""
        return bool(self.kind.alias or self.kind.keys or self.kind.alike)


class _Rules(dict[str, Rule]):
    """Rules by name; what has none of its own keeps all values."""

    def __missing__(self, name: str) -> Rule:
        return "any"


@lru_cache(maxsize=10_000)
def _resolve(ontology: Ontology, type: str, observable_type: str) -> ResolvedKind:
    kinds = ontology.kinds
    key = next((key for key in (f"{type}/{observable_type}", type) if key in kinds), "")
    key = kinds[key].same_as or key if key else ""
    kind = kinds.get(key, Kind())
    if key:
        type, _, own = key.partition("/")
        # Only observables are of many kinds: what else documents call so is no part of what a thing is.
        observable_type = own or kind.observable_type or (observable_type if type == _OBSERVABLE else "")
    shown = short(type, MAX_TYPE), short(observable_type, MAX_TYPE)
    rules = (
        {name: entry.merge for name, entry in ontology.properties.items()} | kind.properties | {"name": "earliest"}
    )
    return ResolvedKind(
        key="/".join(part for part in shown if part),
        type=shown[0],
        observable_type=shown[1],
        form=kind.name,
        kind=kind,
        rule_of=_Rules(rules).__getitem__,
    )


@cache
def ontology() -> Ontology:
    """Return the ontology of this release.

    Raises:
        ConfigurationError: the file was changed and is wrong; names the key.
    """
    return load(FILE, Ontology)
