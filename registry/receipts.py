"""Receipts and signed heads against the log: a tail that was cut off, or a past that was rewritten, shows here.

The engine signed each receipt, and its sender has kept it; the registry signed where the logs stood. Whoever changes
the store cannot change those.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from registry import tables
from registry.chain import GENESIS, next_head
from registry.database import Database
from registry.head_lists import read_claims
from registry.log import read_statements
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
    heads: int = 0
    """Signed lists of heads that were checked, too."""
    heads_left_out: int = 0
    """Lists of the store that were not: signed with a key that the registry has no more, so that nothing confirms
    them."""


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


async def check_receipts(
    database: Database, receipts: Sequence[Signed], *, heads: Sequence[Signed] = ()
) -> ReceiptsReport:
    """Hold receipts and signed heads, the store's own and more that somebody kept, against what is stored.

    Raises:
        StoreError: the database failed.
    """
    return await database.read(lambda connection: _check(connection, receipts, heads))


def _check(connection: Connection, receipts: Sequence[Signed], heads: Sequence[Signed]) -> ReceiptsReport:
    claims = read_claims(connection, heads)
    findings: list[Finding] = [*claims.findings]
    by_log: dict[LogPlace, list[Receipt]] = defaultdict(list)
    for signed in receipts:
        try:
            receipt = open_receipt(connection, signed)
        except RefusedError as error:
            findings.append(Finding(kind="receipt", place=f"receipt {signed.sha256[:16]}", text=str(error)))
        else:
            by_log[LogPlace(engine=receipt.engine, epoch=receipt.epoch)].append(receipt)
    for log, ours in by_log.items():
        findings += _check_items(connection, log, ours)
        for receipt in ours:
            claims.heads[log].setdefault(receipt.log_index, set()).add(receipt.head)
    for log, signed_heads in claims.heads.items():
        findings += _check_heads(connection, log, signed_heads)
    items = sum(len(receipt.committed) for ours in by_log.values() for receipt in ours)
    return ReceiptsReport(
        receipts=len(receipts),
        items=items,
        findings=tuple(findings),
        heads=claims.lists,
        heads_left_out=claims.left_out,
    )


def open_receipt(connection: Connection, signed: Signed) -> Receipt:
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


def _check_heads(connection: Connection, log: LogPlace, signed: Mapping[int, set[str]]) -> Iterator[Finding]:
    """Yield where the log's head, recomputed, is not the one that was signed."""
    chain = tables.chain
    query = select(chain.c.id, chain.c.next_index).where(chain.c.engine == log.engine, chain.c.epoch == log.epoch)
    row = connection.execute(query).one_or_none()
    if row is None:
        yield Finding(kind="truncated", place=log.end, text="there is no such log in the store")
        return
    last = max(signed)
    if last >= row.next_index:
        text = f"{last + 1} entries were signed, the log has {row.next_index}: its tail was cut off"
        yield Finding(kind="truncated", place=log.item(row.next_index), text=text)
    for index, head in _heads(connection, row.id, until=last):
        if index in signed and signed[index] != {head.hex()}:
            yield Finding(kind="rewritten", place=log.item(index), text="the log up to here is not the one signed")
            # Every later head follows from this one.
            return


def _heads(connection: Connection, chain_id: int, *, until: int) -> Iterator[tuple[int, bytes]]:
    """Yield the head after each item and audit entry, recomputed."""
    head = GENESIS
    for start in range(0, until + 1, _READ_TOGETHER):
        last = min(until, start + _READ_TOGETHER - 1)
        for index, statement in read_statements(connection, chain_id, start, last):
            head = next_head(head, leaf(statement))
            yield index, head
