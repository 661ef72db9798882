"""Finding vertices in the store: by name or alias, by words and values, or the latest of a type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, func, or_, select, text

from registry.graph_reading_counts import count_vertices, unled
from registry.graph_reading_nodes import Clusters, among, read_views
from registry.graph_tables import claim, node, words
from vedette.extraction.subgraph import Value
from vedette.graph.canonical import as_text
from vedette.graph.folding import read_state, values
from vedette.graph.ontology import Ontology
from vedette.graph.port import FoundVertices, VertexFilter, VertexView
from vedette.storable import storable

EXAMINED: Final = 20_000
"""Vertices with the words that are looked for, of which the newest are looked at further."""

RANKED: Final = 2_000
"""Of those, how many are put in order; one search finds no more."""

_TRIGRAM: Final = 3
"""Characters that a part of a word needs to be found by an index."""

_MAX_WORDS: Final = 8
_WORD: Final = 100

_SIMPLE: Final = "simple"
"""PostgreSQL's text search configuration: words as they are, in no language."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidate:
    """A vertex that may be wanted."""

    number: int
    rank: int
    last_seen: int

    @property
    def order(self) -> tuple[int, int, int]:
        """Best and then latest first."""
        return self.rank, -self.last_seen, self.number


class Search:
    """One question, in one transaction."""

    def __init__(self, connection: Connection, ontology: Ontology, wanted: VertexFilter) -> None:
        self._connection = connection
        self._ontology = ontology
        self._wanted = wanted
        self._type, self._observable_type = storable(wanted.type), storable(wanted.observable_type)
        if wanted.type and wanted.observable_type:
            kind = ontology.resolve(self._type, self._observable_type)
            self._type, self._observable_type = kind.type, kind.observable_type

    def page(self, *, limit: int, offset: int) -> FoundVertices:
        """Return the vertices that are wanted, best and then latest first."""
        wanted = self._wanted
        if wanted.name or wanted.text or self._values():
            found = self._chosen(sorted(self._candidates(), key=lambda one: one.order))
            shown = found[offset : offset + limit]
            return FoundVertices(vertices=self._views(shown), count=len(found), more=offset + limit < len(found))
        latest = self._latest(offset + limit + 1)
        count = count_vertices(self._connection, self._type, self._observable_type, since=wanted.since)
        shown = latest[offset : offset + limit]
        return FoundVertices(vertices=self._views(shown), count=count, more=len(latest) > offset + limit)

    def _views(self, numbers: Sequence[int]) -> tuple[VertexView, ...]:
        return tuple(read_views(self._connection, numbers).values())

    def _values(self) -> list[str]:
        return [*self._wanted.equals.values(), *self._wanted.contains.values()]

    def _chosen(self, candidates: Iterable[_Candidate]) -> list[int]:
        """Return the vertices of candidates, of which one node has the values that are wanted."""
        numbers = list(dict.fromkeys(one.number for one in candidates))
        if not self._values():
            return numbers
        # Several names together may say something else than one of them.
        members = Clusters(self._connection).members(numbers)
        several = read_views(self._connection, (number for number in numbers if len(members[number]) > 1))
        wrong = {
            number for number, view in several.items() if not has_values(view.name, view.properties, self._wanted)
        }
        return [number for number in numbers if number not in wrong]

    def _candidates(self) -> Iterator[_Candidate]:
        if self._wanted.name:
            yield from self._ranked(self._named(self._wanted.name), rank=0)
            return
        if self._wanted.text:
            yield from self._ranked(self._named(self._wanted.text), rank=0)
        parts = split(" ".join([self._wanted.text, *self._values()]))
        if not self._wanted.text and not any(len(part) >= _TRIGRAM for part in parts):
            # Nothing that an index knows: the latest are looked through.
            numbers = self._latest(RANKED)
            yield from self._ranked(select(node.c.id).where(among(self._connection, node.c.id, numbers)), rank=3)
            return
        yield from self._ranked(self._with(parts), rank=None)

    def _ranked(self, numbers: Select[Any], *, rank: int | None) -> Iterator[_Candidate]:
        """Yield the vertices of nodes; without a rank, by how well their name fits."""
        conditions = [node.c.id.in_(numbers), *unled(self._type, self._observable_type, since=self._wanted.since)]
        columns = (node.c.id, node.c.merged_into, node.c.name, node.c.last_seen, node.c.properties)
        query = select(*(columns if self._values() else columns[:-1])).where(*conditions)
        phrase = as_text(self._wanted.text)
        rows = self._connection.execute(query.order_by(node.c.id.desc()).limit(RANKED))
        for number, merged, name, last_seen, *properties in rows:
            if properties and not has_values(name, values(read_state(properties[0])), self._wanted):
                continue
            yield _Candidate(
                number=number if merged is None else merged,
                rank=_fit(as_text(name), phrase) if rank is None else rank,
                last_seen=last_seen,
            )

    def _named(self, name: str) -> Select[Any]:
        """Return the query for nodes of a name, or of an alias."""
        name = storable(name)
        if self._type:
            forms = {self._ontology.canonical(self._type, self._observable_type, name)}
        else:
            forms = set(self._ontology.canonical_forms(name))
        direct = select(node.c.id).where(node.c.canonical.in_(sorted(forms)))
        known = select(claim.c.node).where(claim.c.text.in_(sorted(forms)), claim.c.rule == "alias")
        both = direct.union(known).subquery()
        return select(both.c.id)

    def _with(self, parts: Sequence[str]) -> Select[Any]:
        """Return the query for the newest nodes whose texts hold all of these parts."""
        known = [storable(part) for part in parts]
        # Without further conditions nearly each of them is wanted.
        most = EXAMINED if self._type or self._observable_type or self._wanted.since or self._values() else RANKED
        if self._connection.dialect.name == "sqlite":
            return _with_in_sqlite(known, most=most)
        return _with_in_postgres(known, parted=_has_trigrams(self._connection), most=most)

    def _latest(self, limit: int) -> list[int]:
        """Return vertices, those seen last first."""
        found: list[tuple[int, int, int]] = []
        for type, observable_type in kinds(self._connection, self._type, self._observable_type):
            query = select(node.c.last_seen, node.c.id, node.c.merged_into).where(
                node.c.type == type,
                node.c.observable_type == observable_type,
                node.c.last_seen >= max(1, self._wanted.since),
            )
            rows = self._connection.execute(query.order_by(node.c.last_seen.desc(), node.c.id.desc()).limit(limit))
            found += (
                (-last_seen, -node_id, node_id if merged is None else merged) for last_seen, node_id, merged in rows
            )
        # The latest, and of those that were seen at once the newest: so pages follow each other.
        return list(dict.fromkeys(number for *_, number in sorted(found)))[:limit]


def _with_in_sqlite(parts: Sequence[str], *, most: int) -> Select[Any]:
    long = [part for part in parts if len(part) >= _TRIGRAM]
    if not long:
        # Too short for trigrams: names that begin so.
        return _beginning_with(parts)
    phrases = " AND ".join('"' + part.replace('"', '""') + '"' for part in long)
    found = text("SELECT rowid AS id FROM graph_search WHERE text MATCH :phrases ORDER BY rowid DESC LIMIT :most")
    query = found.bindparams(phrases=phrases, most=most).columns(node.c.id).subquery("found")
    return select(query.c.id)


def _with_in_postgres(parts: Sequence[str], *, parted: bool, most: int) -> Select[Any]:
    if parted:
        conditions = [words.c.text.ilike(f"%{_escaped(part)}%", escape="\\") for part in parts]
    else:
        vector, query = func.to_tsvector(text(f"'{_SIMPLE}'"), words.c.text), func.plainto_tsquery
        conditions = [vector.op("@@")(query(text(f"'{_SIMPLE}'"), part)) for part in parts]
    if not any(len(part) >= _TRIGRAM for part in parts):
        return _beginning_with(parts)
    return select(words.c.node).where(and_(*conditions)).order_by(words.c.node.desc()).limit(most)


def _beginning_with(parts: Sequence[str]) -> Select[Any]:
    """Return the query for nodes whose canonical name begins with one of these parts."""
    canonical = node.c.canonical
    begins = [
        and_(canonical >= part, canonical < f"{part}\U0010ffff") for one in parts for part in (one, one.upper())
    ]
    return select(node.c.id).where(or_(*begins)).limit(EXAMINED)


def _has_trigrams(connection: Connection) -> bool:
    found = connection.execute(text("SELECT to_regclass('ix_graph_text_trigrams') IS NOT NULL"))
    return bool(found.scalar_one())


def split(asked: str) -> list[str]:
    """Return the words of a question, the longest first and so many as are looked for; the others are not."""
    found = dict.fromkeys(part[:_WORD] for part in asked.casefold().split())
    return sorted(found, key=len, reverse=True)[:_MAX_WORDS]


def has_values(named: str, properties: Mapping[str, Value], wanted: VertexFilter) -> bool:
    """Tell whether a name and properties are as wanted."""
    held = {
        name: _texts(named if name == "name" else properties.get(name)) for name in (*wanted.equals, *wanted.contains)
    }
    return all(value in held[name] for name, value in wanted.equals.items()) and all(
        any(value.casefold() in text.casefold() for text in held[name]) for name, value in wanted.contains.items()
    )


def _texts(value: Value | None) -> Sequence[str]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (str(value),)


def _fit(name: str, phrase: str) -> int:
    if name == phrase:
        return 0
    if name.startswith(phrase):
        return 1
    return 2 if phrase in name else 3


def _escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def kinds(connection: Connection, type: str = "", observable_type: str = "") -> list[tuple[str, str]]:
    """Return the types and observable types of vertices that there are: of one type, of one observable type, or all.

    Neither database steps from one value of an index to the next by itself.
    """
    found: list[tuple[str, str]] = []
    table, last = node.c, None
    while True:
        query = select(table.type, table.observable_type).order_by(table.type, table.observable_type).limit(1)
        if type:
            query = query.where(table.type == type)
        if last is not None:
            same = and_(table.type == last[0], table.observable_type > last[1])
            # Two steps, because an index leads to each of them but not to both at once.
            row = connection.execute(query.where(same)).first()
            if row is None and not type:
                row = connection.execute(query.where(table.type > last[0])).first()
        else:
            row = connection.execute(query).first()
        if row is None:
            return found
        last = (row[0], row[1])
        if observable_type in ("", last[1]):
            found.append(last)
