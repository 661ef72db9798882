"""Writing nodes: what mentions say together, kept beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, Final

from registry.graph_claims import ClaimChanges, claims_of
from registry.graph_session import Placed, Session
from registry.graph_statements import Row
from registry.graph_words import write_words
from vedette.extraction.addresses import Address, AddressError, plain_v4
from vedette.graph.canonical import plain_address
from vedette.graph.drafted import DraftMention, Node
from vedette.graph.folded import Folded
from vedette.graph.folding import are_alike

MAPPED: Final = bytes(10) + b"\xff\xff"
"""What an IPv4 address' 16 bytes begin with."""

LOCATED: Final = ("ip", "range")
"""Forms of names that are addresses, or ranges of them."""

_NEW = (
    "graph_node (id, uid, type, observable_type, canonical, address,"
    " name, mentions, first_seen, last_seen, changed_at, properties)"
)
_UPDATE = (
    "UPDATE graph_node SET name = ?, mentions = ?, first_seen = ?, last_seen = ?, changed_at = ?, properties = ?"
    " WHERE id = ?"
)
_KNOWN = "SELECT uid, id, mentions, first_seen, last_seen, properties FROM graph_node WHERE uid IN ({})"


@dataclass(slots=True)
class Gathered:
    """What several mentions say of one node."""

    node: Node
    folded: Folded
    count: int
    first: int
    """Earliest observation."""
    last: int
    """Latest observation."""

    def add(self, folded: Folded, *, count: int, first: int, last: int) -> None:
        """Add what others say."""
        self.folded = self.folded.united(folded)
        self.count += count
        self.first = min(self.first, first)
        self.last = max(self.last, last)


def gather(mentions: Iterable[tuple[int, DraftMention]]) -> dict[bytes, Gathered]:
    """Return what mentions say, by node.

    Args:
        mentions: when each was observed, and the mention.
    """
    found: dict[bytes, Gathered] = {}
    for at, mention in mentions:
        known = found.get(mention.node.uid)
        if known is None:
            found[mention.node.uid] = Gathered(mention.node, mention.folded, 1, at, at)
        else:
            known.add(mention.folded, count=1, first=at, last=at)
    return found


class NodeWriter:
    """Adds what is gathered to what is known."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._claims = ClaimChanges(session)
        self._new: list[Row] = []
        self._changed: list[Row] = []
        self._new_words: dict[int, str] = {}
        self._changed_words: dict[int, str] = {}

    def add(self, gathered: dict[bytes, Gathered]) -> dict[bytes, int]:
        """Write what mentions say; return the nodes' ids."""
        known = {bytes(row[0]): row for row in self._session.statements.among(_KNOWN, sorted(gathered))}
        ids = {uid: self._add(found, known.get(uid)) for uid, found in gathered.items()}
        self.write()
        return ids

    def _add(self, found: Gathered, row: Any) -> int:
        if row is None:
            id: int = self._session.number("graph_node")
            self._insert(id, found)
            return id
        _, id, mentions, first, last, properties = row
        if mentions == 0:
            self._appear(id, found)
        else:
            before = Folded(json=properties)
            found.add(before, count=mentions, first=first, last=last)
            self.change(id, found, before)
        return id

    def _insert(self, id: int, found: Gathered) -> None:
        node = found.node
        own = (id, node.uid, node.kind.type, node.kind.observable_type, node.canonical, address_of(node))
        self._new.append((*own, *self._values(found)))
        self._introduce(id, found)

    def _appear(self, id: int, found: Gathered) -> None:
        """Let a node be there again whose mentions were all withdrawn; a person may have decided about it before."""
        self._session.touched.add(id)
        self._changed.append((*self._values(found), id))
        self._introduce(id, found)

    def _introduce(self, id: int, found: Gathered) -> None:
        node = found.node
        self._session.appeared += 1
        if node.kind.form in LOCATED:
            self._session.located.append(Placed(id, node))
        self._new_words[id] = found.folded.words
        if found.folded.may_have("alias") or node.kind.kind.keys:
            now = claims_of(node.kind, node.canonical, found.folded.state)
            self._claims.change(id, node.kind, before=frozenset(), now=now)
        if node.kind.may_merge:
            self._session.touched.add(id)

    def change(self, id: int, found: Gathered, before: Folded) -> None:
        """Replace what is known of a node that is there.

        Args:
            id: its row.
            found: what all its mentions say together.
            before: what was known.
        """
        self._changed.append((*self._values(found), id))
        if found.folded.is_same(before):
            return
        kind, old, new = found.node.kind, before.state, found.folded.state
        if not are_alike(old, new) and found.folded.words != before.words:
            self._changed_words[id] = found.folded.words
        if new.get("alias") != old.get("alias") or kind.kind.keys:
            claimed, claims = (claims_of(kind, found.node.canonical, state) for state in (old, new))
            self._claims.change(id, kind, before=claimed, now=claims)

    def _values(self, found: Gathered) -> Row:
        folded, changed_at = found.folded, self._session.changed_at()
        return (folded.name, found.count, found.first, found.last, changed_at, folded.json)

    def write(self) -> None:
        """Write what was collected."""
        statements = self._session.statements
        statements.insert(_NEW, self._new)
        statements.many(_UPDATE, self._changed)
        write_words(statements, self._new_words, new=True)
        write_words(statements, self._changed_words, new=False)
        self._claims.write()
        self._new, self._changed, self._new_words, self._changed_words = [], [], {}, {}


def address_of(node: Node) -> bytes | None:
    """Return an IP's 16 bytes; None: it is none."""
    if node.kind.form != "ip":
        return None
    plain = plain_v4(node.canonical)
    if plain is not None:
        return MAPPED + plain
    try:
        return packed(plain_address(node.canonical))
    except AddressError:
        return None


def packed(address: Address) -> bytes:
    """Return an address' 16 bytes: IPv4 as it is mapped into IPv6 (RFC 4291, section 2.5.5.2)."""
    return MAPPED + address.packed if isinstance(address, IPv4Address) else address.packed


def write_mentions(
    session: Session, mentions: Sequence[tuple[int, int, DraftMention]], ids: dict[bytes, int]
) -> None:
    """Write mentions.

    Args:
        session: of the transaction.
        mentions: each with its origin and its number there.
        ids: the nodes' rows.
    """
    said = session.said({mention.said for _, _, mention in mentions})
    rows = [
        (origin, number, ids[mention.node.uid], said[mention.said], mention.position)
        for origin, number, mention in mentions
    ]
    session.statements.insert("graph_mention (origin, number, node, said, position)", rows)
