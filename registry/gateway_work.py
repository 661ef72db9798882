"""What a gateway knows of the messages that it took: plain functions on a connection, in the caller's transaction.

A broker delivers again what it does not know to be acknowledged. So each message that became an item is remembered
in the file of the outbox, committed together with the item: the same message again is that item, and no second one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from vedette.collection.memory import Drawn
from vedette.gateway.incoming import Taken

KEPT: Final = 1_000_000
"""Messages that are remembered: far more than a broker delivers again, which is what was on its way."""

PRUNED_AT_ONCE: Final = 10_000
"""Messages that are forgotten in one transaction."""

State = Literal["waiting", "dead", "done"]

_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS gateway_message (
        id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, fingerprint BLOB NOT NULL, session INTEGER NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS gateway_message_fingerprint ON gateway_message (fingerprint)",
)
_STATE: Final = """SELECT uuid, EXISTS (SELECT 1 FROM item WHERE item.uuid = message.uuid) AS waits,
    (SELECT field || char(10) || reason FROM dead_letter WHERE dead_letter.uuid = message.uuid) AS dead
    FROM gateway_message AS message"""
_IDENTIFIED: Final = f"{_STATE} WHERE fingerprint = ?"
_AGAIN: Final = f"""{_STATE} WHERE fingerprint = ? AND session < ? AND (? OR waits OR dead IS NOT NULL)
    ORDER BY waits DESC, id LIMIT 1"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What became of a message."""

    uuid: str
    """Its item's uuid."""
    state: State
    """Whether the item waits for the engine's receipt, was given up, or is committed by the engine."""
    new: bool = False
    """Whether the item was made now."""
    field: str = ""
    """Why it was given up: where the last refusal pointed."""
    reason: str = ""
    """And what it said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """One connection to the broker."""

    number: int
    """Counts them, over restarts."""
    only_again: bool
    """Whether only messages came so far that were delivered before.

    A broker delivers these first, in their old order. After the first new one, what it delivers again is not what an
    acknowledgement was lost of.
    """


def make_gateway_tables(connection: sqlite3.Connection) -> None:
    """Make what is not there yet."""
    for statement in _SCHEMA:
        connection.execute(statement)


def last_session(connection: sqlite3.Connection) -> int:
    """Return the number of the last connection that brought anything; 0: none did."""
    return int(connection.execute("SELECT coalesce(max(session), 0) FROM gateway_message").fetchone()[0])


def sort_out(
    connection: sqlite3.Connection, messages: Sequence[Taken], session: Session
) -> tuple[list[Kept], list[Drawn]]:
    """Remember messages; return what becomes of each, and the items that are new, to be added in this transaction."""
    kept: list[Kept] = []
    new: list[Drawn] = []
    only_again = session.only_again
    for message in messages:
        only_again = only_again and message.redelivered
        known = _known(connection, message, session.number, settled=only_again)
        if known is None:
            connection.execute(
                "INSERT INTO gateway_message (uuid, fingerprint, session) VALUES (?, ?, ?)",
                (message.uuid, message.fingerprint, session.number),
            )
            new.append(message.drawn)
            known = Kept(uuid=message.uuid, state="waiting", new=True)
        kept.append(known)
    return kept, new


def _known(connection: sqlite3.Connection, message: Taken, session: int, *, settled: bool) -> Kept | None:
    """Return what is known of a message, None for a new one.

    Two messages without an id that are equal in everything are two, unless the broker says that it delivers again:
    then each of those that were taken earlier answers for one delivery of a session.
    """
    if message.identified:
        row = connection.execute(_IDENTIFIED, (message.fingerprint,)).fetchone()
    elif message.redelivered:
        row = connection.execute(_AGAIN, (message.fingerprint, session, settled)).fetchone()
    else:
        row = None
    if row is None:
        return None
    uuid, waits, dead = row
    connection.execute("UPDATE gateway_message SET session = ? WHERE uuid = ?", (session, uuid))
    if dead is not None:
        field, _, reason = str(dead).partition("\n")
        return Kept(uuid=uuid, state="dead", field=field, reason=reason)
    return Kept(uuid=uuid, state="waiting" if waits else "done")


def prune(connection: sqlite3.Connection) -> None:
    """Forget the oldest messages of many that the engine has, or that were sent to the dead letters."""
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM gateway_message").fetchone()[0]
    if newest > KEPT:
        connection.execute(
            "DELETE FROM gateway_message WHERE id IN"
            " (SELECT id FROM gateway_message AS old WHERE id <= ?"
            " AND NOT EXISTS (SELECT 1 FROM item WHERE item.uuid = old.uuid)"
            " AND NOT EXISTS (SELECT 1 FROM dead_letter WHERE dead_letter.uuid = old.uuid) ORDER BY id LIMIT ?)",
            (newest - KEPT, PRUNED_AT_ONCE),
        )
