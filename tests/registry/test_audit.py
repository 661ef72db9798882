"""The audit log: written with the deed, never changed, listed newest first."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Executable, text, update

from registry.audit import Audit, AuditEntry, AuditFilter, UnknownAuditEntryError, record_audit
from registry.audit_tables import audit
from registry.callers import Actor
from registry.database import Database
from registry.directory import Directory, StrangerError
from registry.proof_state import ProofState
from registry.proofs import Proofs
from registry.queues import Asker, Queues
from tests.registry.auditing import ANNA, assert_gapless, entry
from tests.registry.conftest import ENGINE, RECEIVED_AT
from vedette.clock import ManualClock
from vedette.errors import RefusedError, StoreError
from vedette.messages.card import Role
from vedette.signing import SigningKey


@pytest.fixture
def log(database: Database, clock: ManualClock) -> Audit:
    return Audit(database=database, clock=clock)


@pytest.fixture
def proofs(database: Database, clock: ManualClock) -> Proofs:
    return Proofs(database=database, engine=ENGINE, clock=clock)


async def test_what_was_done_is_listed_newest_first(log: Audit, clock: ManualClock) -> None:
    for number in range(7):
        await log.record(entry(object=f"probe{number}@localhost"))
        clock.advance(1.0)

    first = await log.page(limit=3)
    second = await log.page(limit=3, cursor=first.cursor)
    third = await log.page(limit=3, cursor=second.cursor)

    found = [one.object for page in (first, second, third) for one in page.entries]
    assert found == [f"probe{number}@localhost" for number in reversed(range(7))]
    assert third.cursor is None
    newest = first.entries[0]
    assert (newest.who, newest.action, newest.origin, newest.detail) == (ANNA, "agent.enroll", "192.0.2.1", "because")
    assert (newest.at, newest.state, newest.engine) == (RECEIVED_AT + 6_000_000, ProofState.PENDING, None)
    assert await log.get(newest.id) == newest
    with pytest.raises(UnknownAuditEntryError, match="vedette audit list"):
        await log.get(newest.id + 1)


FILTERS = [
    (AuditFilter(who=ANNA), ["a", "c", "d"]),
    (AuditFilter(action="agent.revoke"), ["b"]),
    (AuditFilter(action="agent."), ["a", "b"]),
    (AuditFilter(action="agent"), []),
    (AuditFilter(action="%."), []),
    (AuditFilter(object="c"), ["c"]),
    (AuditFilter(since=RECEIVED_AT + 1_000_000), ["b", "c", "d"]),
    (AuditFilter(until=RECEIVED_AT + 1_000_000), ["a"]),
    (AuditFilter(who=ANNA, since=RECEIVED_AT + 1, until=RECEIVED_AT + 3_000_000), ["c"]),
    (AuditFilter(who="\0\ud800"), []),
]


async def test_entries_are_filtered(log: Audit, clock: ManualClock) -> None:
    deeds = (("agent.enroll", ANNA), ("agent.revoke", "key feeds"), ("key.issue", ANNA), ("agents.x", ANNA))
    for place, (action, who) in zip("abcd", deeds, strict=True):
        await log.record(entry(action, who=who, object=place))
        clock.advance(1.0)

    for wanted, expected in FILTERS:
        page = await log.page(wanted=wanted)
        assert [one.object for one in reversed(page.entries)] == expected, wanted


async def test_a_cursor_of_somebody_else_is_refused(log: Audit) -> None:
    for cursor in ("", "x", "-1", "1.5", "9" * 19, "\u0663", "1 OR 1=1"):
        with pytest.raises(RefusedError, match="cursor"):
            await log.page(cursor=cursor)


async def test_hostile_texts_are_stored_bounded_and_can_be_logged(
    log: Audit, proofs: Proofs, database: Database
) -> None:
    nasty = ("\U0001f575" * 100_000, "a\0b", "\ud800", "'; DROP TABLE audit; --", "\u202e\x1b[31m", "")
    for one in nasty:
        await log.record(AuditEntry(who=one, action=one, object=one, origin=one, detail=one))

    assert (await proofs.log_audits()).count == len(nasty)

    newest = list(reversed((await log.page()).entries))
    assert {len(newest[0].who), len(newest[0].origin)} == {256}
    assert len(newest[0].detail) == 1024
    assert [one.who for one in newest[1:4]] == ["a\ufffdb", "?", nasty[3]]
    assert await assert_gapless(database) == len(nasty)


async def test_a_deed_that_fails_leaves_no_entry(database: Database, log: Audit) -> None:
    def deed(connection: Connection) -> None:
        record_audit(connection, entry(), now=RECEIVED_AT)
        raise StoreError("the deed failed")

    with pytest.raises(StoreError, match="the deed failed"):
        await database.write(deed)
    assert (await log.page()).entries == []


CONTENT = ("id", "uuid", "at", "who", "action", "object", "origin", "detail")
LOGGED_AGAIN = (
    "UPDATE audit SET log_index = 7",
    "UPDATE audit SET chain_id = NULL",
    "UPDATE audit SET statement = NULL",
    "UPDATE audit SET received_at = 1",
)


@pytest.mark.parametrize("state", ["waiting", "logged"])
async def test_the_database_refuses_to_change_and_to_delete_what_was_written(
    database: Database, log: Audit, proofs: Proofs, state: str
) -> None:
    await log.record(entry())
    changes: list[Executable] = [text("DELETE FROM audit")]
    if database.dialect == "postgresql":
        changes.append(text("TRUNCATE audit"))
    if state == "logged":
        await proofs.log_audits()
        changes += [text(one) for one in LOGGED_AGAIN]
    for column in CONTENT:
        value: Any = 99 if column in ("id", "at") else "forged"
        # Not even while it is logged.
        place = {"chain_id": 1, "log_index": 0, "received_at": 1, "statement": b"x", column: value}
        changes += [update(audit).values({column: value}), update(audit).values(place)]

    for change in changes:
        with pytest.raises(StoreError, match="append-only"):
            await database.write(partial(_execute, change))

    assert len((await log.page()).entries) == 1


def _execute(change: Executable, connection: Connection) -> None:
    connection.execute(change)


async def test_enrolling_revoking_and_unbinding_are_entries_of_their_own_transactions(
    database: Database, log: Audit, clock: ManualClock
) -> None:
    directory, anna = Directory(database=database, clock=clock), Actor(who=ANNA, origin="192.0.2.1")
    key = SigningKey.generate().verifying.text
    await directory.enrol("rt@localhost", role=Role.RT, public_key=key, by=anna)
    await directory.revoke("rt@localhost", by=anna)
    with pytest.raises(StrangerError):
        await directory.revoke("stranger@localhost", by=anna)
    queues, asker = Queues(database=database, clock=clock), Asker(jid="rt@localhost", role="rt")
    await queues.bind("rt", owner="rt", asker=asker, patterns=["a.#", "b"])
    assert await queues.unbind("rt", asker=asker, patterns=["b", "c"]) == 1
    assert await queues.unbind("rt", asker=asker, patterns=["c"]) == 0

    entries = list(reversed((await log.page()).entries))

    assert [(one.who, one.action, one.object, one.origin, one.detail) for one in entries] == [
        (ANNA, "agent.enroll", "rt@localhost", "192.0.2.1", f"role rt; key {key}"),
        (ANNA, "agent.revoke", "rt@localhost", "192.0.2.1", ""),
        ("agent rt@localhost", "queue.unbind", "queue rt", "xmpp", "1 taken away of: b, c"),
    ]
