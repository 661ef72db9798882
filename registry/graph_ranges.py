"""Which addresses lie in which ranges: an edge for each such pair, whichever of the two came first.

A range is kept as the CIDR prefixes that it is made of. What contains an address is then found by the address' own
prefixes of the lengths that are in use, and what a range contains by the order of the addresses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, summarize_address_range
from typing import Final

from registry.graph_nodes import MAPPED, address_of, packed
from registry.graph_session import Session
from vedette.extraction.addresses import AddressError, AddressRange
from vedette.graph.drafted import Node

CONTAINED_WITHIN: Final = "Contained_Within"
"""Stucco's name of the relation, from the address to the range."""

_BITS: Final = 128
_MAPPED: Final = 96

_DERIVE = " ON CONFLICT (out_node, relation, in_node) DO UPDATE SET derived = 1"
_COLUMNS = "(out_node, relation, in_node, count, first_seen, last_seen, confidence, derived)"
_PAIR = f"INSERT INTO graph_edge {_COLUMNS} VALUES (?, ?, ?, 0, 0, 0, 1.0, 1){_DERIVE}"  # noqa: S608
_PLACE = "INSERT INTO graph_prefix (length, network, node) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_INSIDE = (
    f"INSERT INTO graph_edge {_COLUMNS} SELECT id, CAST(? AS INTEGER), CAST(? AS INTEGER), 0, 0, 0, 1.0, 1"  # noqa: S608
    f" FROM graph_node WHERE address BETWEEN ? AND ? AND mentions > 0{_DERIVE}"
)


_HOLDING = (
    "WITH wanted (bits, first) AS ({}) SELECT length, network, node FROM wanted"
    " JOIN graph_prefix ON length = bits AND network = first"
)
# The lengths in use, without reading all prefixes: from each to the next.
_LENGTHS = (
    "WITH RECURSIVE used (length) AS (SELECT min(length) FROM graph_prefix UNION ALL"
    " SELECT (SELECT min(length) FROM graph_prefix WHERE length > used.length) FROM used WHERE length IS NOT NULL)"
    " SELECT length FROM used WHERE length IS NOT NULL"
)


def contain(session: Session) -> None:
    """Connect addresses and ranges that appeared with what holds them, or lies in them."""
    if not session.located:
        return
    relation = session.relation(CONTAINED_WITHIN)
    addresses: list[tuple[int, bytes]] = []
    for placed in session.located:
        address, found = address_of(placed.node), range_of(placed.node)
        if address is not None:
            addresses.append((placed.id, address))
        if found is not None:
            rows = [(length, network, placed.id) for length, network in prefixes(found)]
            session.statements.many(_PLACE, rows)
            session.statements.run(_INSIDE, (relation, placed.id, packed(found.start), packed(found.end)))
    pairs = {(address, relation, holder) for address, holder in holders(session, addresses)}
    session.statements.many(_PAIR, sorted(pairs))


def range_of(node: Node) -> AddressRange | None:
    """Return the addresses that a node is a range of; None: it is none."""
    if node.kind.form != "range":
        return None
    try:
        return AddressRange.parse(node.canonical)
    except AddressError:
        return None


def prefixes(found: AddressRange) -> Iterator[tuple[int, bytes]]:
    """Yield the CIDR prefixes that make up a range: length within 128 bits, and the first address."""
    networks: Iterable[IPv4Network | IPv6Network] = summarize_address_range(found.start, found.end)
    for network in networks:
        mapped = _MAPPED if isinstance(network, IPv4Network) else 0
        yield mapped + network.prefixlen, packed(network.network_address)


def holders(session: Session, addresses: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, int]]:
    """Yield addresses and the ranges that hold them."""
    lengths = [row[0] for row in session.statements.rows(_LENGTHS)] if addresses else []
    inside: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)
    for id, address in addresses:
        number, is_mapped = int.from_bytes(address), address.startswith(MAPPED)
        for length in lengths:
            if not is_mapped or length >= _MAPPED:
                hidden = _BITS - length
                inside[length, (number >> hidden << hidden).to_bytes(16)].append(id)
    for row in session.statements.pairs_among(_HOLDING, list(inside)):
        for id in inside[row.length, bytes(row.network)]:
            yield id, row.node


def release(session: Session, vanished: Sequence[int]) -> None:
    """Remove what follows from addresses and ranges that are no longer there."""
    statements, rows = session.statements, [(node,) for node in vanished]
    statements.many("DELETE FROM graph_prefix WHERE node = ?", rows)
    for column in ("out_node", "in_node"):
        # What documents state stays as a statement.
        statements.many(f"DELETE FROM graph_edge WHERE {column} = ? AND derived = 1 AND count = 0", rows)  # noqa: S608
        statements.many(f"UPDATE graph_edge SET derived = 0 WHERE {column} = ? AND derived = 1", rows)  # noqa: S608
