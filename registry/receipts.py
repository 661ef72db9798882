"""The senders' receipts against the log: a tail that was cut off, or a past that was rewritten, shows here.

The engine signed each receipt, and its sender has kept it: whoever changes the store cannot change those.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from registry import tables
from registry.chain import GENESIS, next_head
from registry.database import Database
from vedette.canonical import parse_json
from vedette.errors import RefusedError, StoreError
from vedette.evidence.finding import Finding
from vedette.evidence.statement import leaf
from vedette.evidence.sweep_checks import LogPlace
from vedette.messages.batch import Receipt, Signed, open_signed, parse_model
from vedette.signing import VerifyingKey

_READ_TOGETHER = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiptsReport:
    """What came of holding receipts against the log."""

    receipts: int
    """Receipts that were checked."""
    items: int
    """Items that they confirm."""
    findings: tuple[Finding, ...]
    """What is wrong."""


def read_receipts(outbox: Path) -> list[Signed]:
    """Return all receipts that an outbox keeps; the file is only read.

    Raises:
        StoreError: it is not an outbox, or cannot be read.
    """
    try:
        with closing(sqlite3.connect(f"{outbox.resolve().as_uri()}?mode=ro", uri=True, timeout=30.0)) as connection:
            rows = connection.execute("SELECT text, signature FROM receipt ORDER BY id").fetchall()
    except sqlite3.Error as error:
        raise StoreError(f"{outbox}: its receipts cannot be read: {error}; is it an agent's outbox?") from error
    return [Signed(text=text, signature=signature) for text, signature in rows]


async def check_receipts(database: Database, receipts: Sequence[Signed]) -> ReceiptsReport:
    """Hold receipts against what is stored.

    Raises:
        StoreError: the database failed.
    """
    return await database.read(lambda connection: _check(connection, receipts))


def _check(connection: Connection, receipts: Sequence[Signed]) -> ReceiptsReport:
    findings: list[Finding] = []
    by_log: dict[LogPlace, list[Receipt]] = defaultdict(list)
    for signed in receipts:
        try:
            receipt = _open(connection, signed)
        except RefusedError as error:
            findings.append(Finding(kind="receipt", place=f"receipt {signed.sha256[:16]}", text=str(error)))
        else:
            by_log[LogPlace(engine=receipt.engine, epoch=receipt.epoch)].append(receipt)
    for log, ours in by_log.items():
        findings += _check_items(connection, log, ours)
        findings += _check_heads(connection, log, ours)
    items = sum(len(receipt.committed) for ours in by_log.values() for receipt in ours)
    return ReceiptsReport(receipts=len(receipts), items=items, findings=tuple(findings))


def _open(connection: Connection, signed: Signed) -> Receipt:
    """Return a receipt that verifies with the key that its engine is enrolled with.

    Raises:
        RefusedError: it does not, or the engine is not enrolled.
    """
    claimed = parse_model(Receipt, parse_json(signed.text))
    agent = tables.agent
    query = select(agent.c.public_key).where(agent.c.jid == claimed.engine)
    key = connection.execute(query).scalar_one_or_none()
    if key is None:
        raise RefusedError("engine", f"{claimed.engine[:128]} is not enrolled here; is it the store of that engine?")
    return open_signed(Receipt, signed, VerifyingKey.from_text(key))


def _check_items(connection: Connection, log: LogPlace, receipts: Sequence[Receipt]) -> Iterator[Finding]:
    """Yield the confirmed items that are not stored as they were confirmed."""
    item = tables.item
    confirmed = {uuid: (digest, index) for receipt in receipts for uuid, digest, index in receipt.committed}
    uuids = list(confirmed)
    for start in range(0, len(uuids), _READ_TOGETHER):
        part = uuids[start : start + _READ_TOGETHER]
        query = select(item.c.uuid, item.c.digest, item.c.log_index).where(item.c.uuid.in_(part))
        stored = {row.uuid: (row.digest.hex(), row.log_index) for row in connection.execute(query)}
        for uuid in part:
            place = log.item(confirmed[uuid][1])
            if uuid not in stored:
                yield Finding(kind="truncated", place=place, text=f"{uuid}: was confirmed and is not there")
            elif stored[uuid] != confirmed[uuid]:
                text = f"{uuid}: is not what was confirmed; it is item {stored[uuid][1]} now"
                yield Finding(kind="rewritten", place=place, text=text)


def _check_heads(connection: Connection, log: LogPlace, receipts: Sequence[Receipt]) -> Iterator[Finding]:
    """Yield where the log's head, recomputed, is not the one that the engine signed."""
    chain = tables.chain
    query = select(chain.c.id, chain.c.next_index).where(chain.c.engine == log.engine, chain.c.epoch == log.epoch)
    row = connection.execute(query).one_or_none()
    if row is None:
        yield Finding(kind="truncated", place=log.end, text="there is no such log in the store")
        return
    signed = {receipt.log_index: receipt.head for receipt in receipts}
    last = max(signed)
    if last >= row.next_index:
        text = f"the engine signed {last + 1} items, the log has {row.next_index}: its tail was cut off"
        yield Finding(kind="truncated", place=log.item(row.next_index), text=text)
    for index, head in _heads(connection, row.id, until=last):
        if index in signed and signed[index] != head.hex():
            yield Finding(kind="rewritten", place=log.item(index), text="the log up to here is not the one signed")
            # Every later head follows from this one.
            return


def _heads(connection: Connection, chain_id: int, *, until: int) -> Iterator[tuple[int, bytes]]:
    """Yield the head after each item, recomputed."""
    item, head = tables.item, GENESIS
    query = select(item.c.log_index, item.c.statement).where(item.c.chain_id == chain_id)
    for start in range(0, until + 1, _READ_TOGETHER):
        part = item.c.log_index.between(start, min(until, start + _READ_TOGETHER - 1))
        for row in connection.execute(query.where(part).order_by(item.c.log_index)).all():
            head = next_head(head, leaf(row.statement))
            yield row.log_index, head
