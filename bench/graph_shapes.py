"""Graphs like those that RT agents write: what `graph.py` measures with, the same each time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import lru_cache

from vedette.extraction.subgraph import Edge, Position, Subgraph, Value, Vertex
from vedette.graph.port import Origin, Said

NOW = 1_795_305_600_000_000
NEW = 20
"""Vertices of an item that nobody mentioned before."""

KNOWN = 30
"""Vertices of an item that others mentioned, too: few of them very often."""

EDGES = 100
"""Edges of an item."""

_SYLLABLES = tuple(
    f"{first}{second}" for first in "bcdfghklmnprstvz" for second in ("a", "e", "i", "o", "u", "ar", "en")
)


@lru_cache(maxsize=200_000)
def vertex(number: int) -> Vertex:
    """Return a vertex of the graph; its type and its name follow from its number."""
    share = number % 1000
    if share < 350:
        return _made("IP", _address(number), "Address", ipInt=number, source=("bench",))
    if share < 500:
        return _made("Observable", f"{_address(number)}:{number % 65_536}", "Socket Address")
    return _named(share, number, _spoken(number))


def _named(share: int, number: int, spoken: str) -> Vertex:
    if share < 750:
        return _made("Observable", f"{spoken}.example", "Domain Name", source=("bench",))
    if share < 950:
        name = f"cpe:2.3:a:{_spoken(number // 1000)}:{spoken}:{number % 20}.{number % 7}:*:*:*:*:*:*:*"
        return _made("Observable", name, "Product", part="a", product=spoken, version=f"{number % 20}.{number % 7}")
    if share < 980:
        text = f"A flaw in {spoken} lets an attacker run code on {_spoken(number * 7)} with {_spoken(number * 13)}."
        return _made(
            "Vulnerability", f"CVE-20{number % 25:02d}-{number}", description=(text,), score=number % 100 / 10
        )
    if share < 985:
        return _made("Malware", spoken, alias=(_spoken(number * 3 + 1),), source=("bench", "feed"))
    return _made("Observable", f"{spoken} {_spoken(number + 5)} ltd", "Whois")


def _made(type: str, name: str, observable_type: str = "", **properties: Value) -> Vertex:
    said: dict[str, Value] = {"vertexType": type, "name": name, "description": (name,), **properties}
    if observable_type:
        said["observableType"] = observable_type
    return Vertex(id=f"stucco:{type}-{name}", properties=said, position=Position("row 7", 1200, 1320))


def _address(number: int) -> str:
    value = number * 2_654_435_761 % 2**32
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))


def _spoken(number: int) -> str:
    """Return a name that can be spoken, a different one for each number below 10^9."""
    number, parts = (number + 1) * 7_654_321 % 1_404_928_000_007, []
    while number:
        number, syllable = divmod(number, len(_SYLLABLES))
        parts.append(_SYLLABLES[syllable])
    return "".join(parts)


def items(vertices: int, *, start: int = 0) -> Iterator[Said]:
    """Yield items that together make a graph of so many vertices, five edges for each.

    Args:
        vertices: how many.
        start: how many there are already.
    """
    for first in range(start, start + vertices, NEW):
        numbers, edges = related(first)
        yield said(f"item-{first}", numbers, edges, at=NOW + first)


def related(first: int) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the vertices of an item, the new ones first, and its edges."""
    chance = random.Random(first)
    numbers = [*range(first, first + NEW), *(_popular(chance, first + NEW) for _ in range(KNOWN))]
    return numbers, sorted({(chance.choice(numbers[:NEW]), chance.choice(numbers)) for _ in range(EDGES)})


def _popular(chance: random.Random, known: int) -> int:
    """Return one of the vertices that are known: a tenth of them are mentioned by half of all."""
    return int(known * chance.random() ** 3.3)


def said(item: str, numbers: list[int], edges: list[tuple[int, int]], *, at: int) -> Said:
    """Return what one item says."""
    vertices = {made.id: made for made in map(vertex, numbers)}
    position = Position("row 8", 1400, 1500)
    stated = tuple(
        Edge(out_id=vertex(out).id, in_id=vertex(into).id, relation=relation(out, into), position=position)
        for out, into in edges
    )
    return Said(origin=origin(item, at=at), subgraph=Subgraph(vertices=vertices, edges=stated))


def relation(out: int, into: int) -> str:
    """Return the name of the relation between two vertices."""
    return f"Relation-{(out + into) % 9}"


def origin(item: str, *, at: int) -> Origin:
    """Return where an item comes from."""
    return Origin(
        item=item,
        sha256="0" * 64,
        source="vedette.in.structured.bench",
        agent="collector@localhost",
        extractor="bench",
        version="1",
        observed_at=at,
    )


def flows(count: int) -> Iterator[Said]:
    """Yield small items: a flow between two sockets each, seven mentions and six edges."""
    for number in range(count):
        chance = random.Random(number)
        ends = [(_address(_popular(chance, 20_000)), str(chance.choice((22, 53, 80, 443)))) for _ in range(2)]
        vertices: dict[str, Vertex] = {}
        edges: list[Edge] = []
        sockets = [_socket(ip, port, vertices, edges) for ip, port in ends]
        flow = _made("Observable", f"{sockets[0]}_through_{sockets[1]}", "Network Flow", totalPkts=number % 90)
        vertices[flow.id] = flow
        for name in sockets:
            edges.append(Edge(out_id=flow.id, in_id=f"stucco:Observable-{name}", relation="Sub-Observable"))
        graph = Subgraph(vertices=vertices, edges=tuple(edges))
        yield Said(origin=origin(f"flow-{number}", at=NOW + number), subgraph=graph)


def _socket(ip: str, port: str, vertices: dict[str, Vertex], edges: list[Edge]) -> str:
    address, door = _made("IP", ip, "Address"), _made("Observable", port, "Port")
    socket = _made("Observable", f"{ip}:{port}", "Socket Address")
    for made in (address, door, socket):
        vertices[made.id] = made
    edges += [Edge(out_id=socket.id, in_id=made.id, relation="Sub-Observable") for made in (address, door)]
    return socket.name


def vulnerabilities(entries: int) -> Iterator[Said]:
    """Yield items of 100 entries each, like the NVD's: a median of 10 products and a mean of 30 for each entry."""
    for first in range(0, entries, 100):
        chance = random.Random(first)
        vertices: dict[str, Vertex] = {}
        edges: list[Edge] = []
        for number in range(first, min(first + 100, entries)):
            _entry(chance, number, vertices, edges)
        graph = Subgraph(vertices=vertices, edges=tuple(edges))
        yield Said(origin=origin(f"nvd-{first}", at=NOW + first), subgraph=graph)


def _entry(chance: random.Random, number: int, vertices: dict[str, Vertex], edges: list[Edge]) -> None:
    text = f"A flaw in {_spoken(number)} before version {number % 9} lets {_spoken(number * 7)} do what it must not."
    name = f"CVE-20{number % 25:02d}-{10_000 + number}"
    flaw = _made("Vulnerability", name, description=(text,), score=number % 100 / 10)
    vertices[flaw.id] = flaw
    # Log-normal: median e^mu = 10, mean e^(mu + sigma^2 / 2) = 30.
    products = max(1, min(2_000, round(chance.lognormvariate(2.303, 1.482))))
    product = int(50_000 * chance.random() ** 2)
    for version in range(products):
        name = f"cpe:2.3:a:{_spoken(product // 9)}:{_spoken(product)}:{version // 10}.{version % 10}:*:*:*:*:*:*:*"
        made = _made("Observable", name, "Product", part="a", product=_spoken(product), version=f"{version // 10}")
        vertices[made.id] = made
        edges.append(Edge(out_id=flaw.id, in_id=made.id, relation="ExploitTargetRelatedObservable"))
