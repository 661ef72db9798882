"""The graph in lines for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vedette.cli.graph_places import Answer, kind_of
from vedette.cli.output import print_line
from vedette.clock import to_datetime
from vedette.graph.ontology import ontology

SHOWN = 200
"""Characters of a name."""


def print_vertex(vertex: Answer) -> None:
    """Print a vertex in one line."""
    many = f", {len(vertex['members'])} names" if vertex["members"] else ""
    first, last = _at(vertex["first_seen"]), _at(vertex["last_seen"])
    when = first if first == last else f"{first} to {last}"
    seen = f"{when} UTC, {_count(vertex['mentions'], 'mention')}{many}"
    print_line(f"{vertex['name'][:SHOWN]}  ({kind_of(vertex)}; {seen})  {vertex['id']}")


def print_properties(properties: Mapping[str, object]) -> None:
    """Print what is said of a vertex, a value in a line."""
    for name, value in sorted(properties.items()):
        for one in value if isinstance(value, list) else [value]:
            instant = ontology().instant(name, str(one))
            print_line(f"  {name}: {one}" + (f" ({instant})" if instant else ""))


def print_edges(edges: Sequence[Answer]) -> None:
    """Print edges, a line each."""
    for edge in edges:
        out, into = (edge[name][:SHOWN] for name in ("out_name", "in_name"))
        print_line(f"  {out} --{edge['relation']}--> {into}  ({_count(edge['count'], 'time')})")


def print_picture(picture: Answer) -> None:
    """Print a part of the graph."""
    for vertex in picture["vertices"]:
        print_vertex(vertex)
    print_edges(picture["edges"])
    names = {vertex["id"]: vertex["name"][:SHOWN] for vertex in picture["vertices"]}
    for id, left_out in picture["cut"].items():
        print_line(f"  {left_out} more edges of {names.get(id, id)} are not shown")


def print_mention(mention: Answer) -> None:
    """Print a statement: when, who, and where it is said."""
    withdrawn = " (taken back)" if mention["withdrawn"] else ""
    gone = f"; the bytes: {mention['gone']}" if mention["gone"] else ""
    place = mention["place"] or "the whole document"
    if mention["start"] is not None:
        place += f", bytes {mention['start']} to {mention['end']}"
    print_line(
        f"{_at(mention['observed_at'])}  {mention['source']}  item {mention['item']}, {place}{withdrawn}{gone}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _at(microseconds: int) -> str:
    return f"{to_datetime(microseconds):%Y-%m-%d %H:%M:%S}" if microseconds > 0 else "never"
