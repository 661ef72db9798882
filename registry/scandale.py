"""What SCANDALE's routes show: items in the order of the log, by uuid or by their place in it, and counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Select, and_, false, func, not_, or_, select, true

from registry import tables
from registry.audit_tables import audit
from registry.database import Database
from registry.items import standard_form
from registry.payload_rows import inline_payload
from registry.proof_state import ProofState
from registry.scandale_tables import posted_token

PIECE = 4 * 1024 * 1024
"""Bytes of payload, about, that are read at once: a long answer does not have to fit into memory."""

_FORM = ("uuid", "version", "format", "statement", "extra")
_UNSTAMPED = [state.value for state in ProofState if not state.is_stamped]


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """The time-stamp token of one item."""

    uuid: str
    """The item."""
    token: bytes
    """DER of the TimeStampToken."""
    over: str
    """What it is over: `root` of the item's batch, or the item's payload as `bytes` or `base64`."""
    gen_time: int
    """Microseconds since 1970 by the authority's clock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many there are."""

    scans: int
    """Items."""
    tokens: int
    """Items with a time-stamp token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamped:
    """A token and some items that it stamps."""

    token: bytes
    """DER of the TimeStampToken."""
    uuids: list[str]
    """The items."""
    last_index: int
    """`log_index` of the last of them."""


class ScandaleView:
    """A store as SCANDALE's clients see it."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def page(
        self, *, skip: int, limit: int, payload_sha256: str | None = None
    ) -> tuple[list[bytes], list[list[str]]]:
        """Return a range of items, oldest first: the first of them, and the uuids of the rest in pieces.

        Args:
            skip: items to pass over.
            limit: items at most.
            payload_sha256: only items with this payload.

        Raises:
            StoreError: the database failed.
        """
        query = _page(skip, limit, payload_sha256)

        def work(connection: Connection) -> tuple[list[bytes], list[list[str]]]:
            pieces = _in_pieces([(row[0], row[1]) for row in connection.execute(query)])
            return _items(connection, pieces[0]) if pieces else [], pieces[1:]

        return await self._database.read(work)

    async def items(self, uuids: Sequence[str]) -> list[bytes]:
        """Return items in SCANDALE's standard form as JSON, in this order; one that is not there is left out.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: _items(connection, uuids))

    async def by_uuid(self, uuids: Sequence[str]) -> dict[str, bytes]:
        """Return items in SCANDALE's standard form as JSON, by uuid.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: _by_uuid(connection, uuids))

    async def stamped_by(self, token_id: int, *, after: int, limit: int) -> Stamped | None:
        """Return a token over a batch and items of the batch after a `log_index`; None if it is not there.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: _stamped_by(connection, token_id, after, limit))

    async def posted(self, id: int) -> bytes | None:
        """Return a posted token by its id.

        Raises:
            StoreError: the database failed.
        """
        query = select(posted_token.c.token).where(posted_token.c.id == id)
        return await self._database.read(lambda connection: connection.execute(query).scalar_one_or_none())

    async def item_at(self, place: int) -> bytes | None:
        """Return the item at a place of the list, from 0.

        Raises:
            StoreError: the database failed.
        """
        found, _ = await self.page(skip=place, limit=1)
        return found[0] if found else None

    async def token(self, uuid: str) -> Token | None:
        """Return the token of an item: one that was posted for it, else one over its batch; external ones first.

        Raises:
            StoreError: the database failed.
        """
        found = await self._database.read(lambda connection: _tokens_of(connection, [uuid]))
        return found.get(uuid)

    async def tokens(self, *, skip: int, limit: int) -> list[Token]:
        """Return the tokens of a range of the items that have one, oldest first.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: _tokens(connection, skip, limit))

    async def counts(self) -> Counts:
        """Return how many items and tokens there are.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(_counts)


def _page(skip: int, limit: int, payload_sha256: str | None) -> Select[Any]:
    item = tables.item
    wanted = true() if payload_sha256 is None else item.c.payload_sha256 == payload_sha256
    # Only the index is read for what is passed over.
    page = _in_order(select(item.c.chain_id, item.c.log_index).where(wanted), skip, limit).subquery()
    same = (item.c.chain_id == page.c.chain_id) & (item.c.log_index == page.c.log_index)
    return select(item.c.uuid, item.c.size).join(page, same).order_by(item.c.chain_id, item.c.log_index)


def _in_order(query: Select[Any], skip: int, limit: int) -> Select[Any]:
    item = tables.item
    return query.order_by(item.c.chain_id, item.c.log_index).limit(limit).offset(skip)


def _in_pieces(items: Sequence[tuple[str, int]]) -> list[list[str]]:
    """Return the uuids in pieces of bounded size, at least one in each."""
    pieces: list[list[str]] = []
    room = 0
    for uuid, size in items:
        if size > room or not pieces:
            pieces.append([])
            room = PIECE
        pieces[-1].append(uuid)
        room -= size
    return pieces


def _items(connection: Connection, uuids: Sequence[str]) -> list[bytes]:
    found = _by_uuid(connection, uuids)
    return [b'{"scan_data":%b}' % found[uuid] for uuid in uuids if uuid in found]


def _by_uuid(connection: Connection, uuids: Sequence[str]) -> dict[str, bytes]:
    item = tables.item
    query = select(*(item.c[name] for name in _FORM), inline_payload()).where(item.c.uuid.in_(uuids))
    return {row["uuid"]: orjson.dumps(standard_form(row)) for row in connection.execute(query).mappings()}


def _stamped_by(connection: Connection, token_id: int, after: int, limit: int) -> Stamped | None:
    token, batch, item = tables.token, tables.batch, tables.item
    query = select(token.c.token, batch.c.chain_id, batch.c.first_index, batch.c.last_index)
    query = query.join(batch, batch.c.id == token.c.batch_id).where(token.c.id == token_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    within = item.c.log_index.between(max(after + 1, row.first_index), row.last_index)
    items = select(item.c.uuid, item.c.log_index).where(item.c.chain_id == row.chain_id, within)
    found = connection.execute(items.order_by(item.c.log_index).limit(limit)).all()
    last = found[-1].log_index if found else after
    return Stamped(token=row.token, uuids=[one.uuid for one in found], last_index=last)


def _tokens_of(connection: Connection, uuids: Sequence[str]) -> dict[str, Token]:
    posted = select(posted_token).where(posted_token.c.uuid.in_(uuids)).order_by(posted_token.c.id.desc())
    found: dict[str, Token] = {}
    for row in connection.execute(posted):
        found[row.uuid] = Token(uuid=row.uuid, token=row.token, over=row.form, gen_time=row.gen_time)
    item, batch, token = tables.item, tables.batch, tables.token
    rest = [uuid for uuid in uuids if uuid not in found]
    places = select(item.c.uuid, item.c.chain_id, item.c.log_index).where(item.c.uuid.in_(rest))
    best: dict[int, tuple[bytes, int] | None] = {}
    for row in connection.execute(places).all():
        holding = select(batch.c.id).where(batch.c.chain_id == row.chain_id, batch.c.last_index >= row.log_index)
        batch_id = connection.execute(holding.order_by(batch.c.last_index).limit(1)).scalar_one_or_none()
        if batch_id is None:
            continue
        if batch_id not in best:
            query = select(token.c.token, token.c.gen_time).where(token.c.batch_id == batch_id)
            first = connection.execute(query.order_by(token.c.external.desc(), token.c.id).limit(1)).one_or_none()
            best[batch_id] = None if first is None else (first.token, first.gen_time)
        if (one := best[batch_id]) is not None:
            found[row.uuid] = Token(uuid=row.uuid, token=one[0], over="root", gen_time=one[1])
    return found


def _tokens(connection: Connection, skip: int, limit: int) -> list[Token]:
    item = tables.item
    query = _in_order(select(item.c.uuid).where(_stamped(connection)), skip, limit)
    uuids = list(connection.execute(query).scalars())
    found = _tokens_of(connection, uuids)
    return [found[uuid] for uuid in uuids if uuid in found]


def _stamped(connection: Connection) -> ColumnElement[bool]:
    """Return the condition that an item is stamped: what is not is left out of each log, in few ranges."""
    item, batch = tables.item, tables.batch
    ends = connection.execute(select(batch.c.chain_id, func.max(batch.c.last_index)).group_by(batch.c.chain_id))
    within = [and_(item.c.chain_id == chain_id, item.c.log_index <= last) for chain_id, last in ends]
    columns = (batch.c.chain_id, batch.c.first_index, batch.c.last_index)
    unstamped = select(*columns).where(batch.c.state.in_(_UNSTAMPED)).order_by(*columns)
    holes = [
        and_(item.c.chain_id == chain_id, item.c.log_index.between(first, last))
        for chain_id, first, last in _joined(connection.execute(unstamped))
    ]
    return and_(or_(false(), *within), not_(or_(false(), *holes)))


def _joined(ranges: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Return ranges of logs, which ascend, with neighbours made one: a long outage is one hole."""
    found: list[tuple[int, int, int]] = []
    for chain_id, first, last in ranges:
        if found and found[-1][0] == chain_id and found[-1][2] + 1 == first:
            found[-1] = (chain_id, found[-1][1], last)
        else:
            found.append((chain_id, first, last))
    return found


def _counts(connection: Connection) -> Counts:
    """Count by what logs say of themselves: to count a million rows would take too long."""
    chain, item = tables.chain, tables.item
    logged = connection.execute(select(func.coalesce(func.sum(chain.c.next_index), 0))).scalar_one()
    audits = connection.execute(select(func.count(audit.c.id)).where(audit.c.chain_id.is_not(None))).scalar_one()
    waiting = select(func.count()).select_from(item).where(not_(_stamped(connection)))
    scans = int(logged) - int(audits)
    return Counts(scans=scans, tokens=scans - int(connection.execute(waiting).scalar_one()))
