"""How the databases find the pages of the other lists: by an index, in its order, wherever the page begins."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, text

from registry.agent_list import AGENTS, PRESENCE, AgentList, AgentsWanted
from registry.alarm_list import ALARMS, AlarmList
from registry.audit import Audit, AuditFilter
from registry.batch_list import BATCHES, BatchesWanted, BatchList
from registry.database import Database
from registry.dead_letter_lines import LettersWanted
from registry.dead_letter_list import DEAD_LETTERS, DeadLetters
from registry.directory import Directory
from registry.document_list import DOCUMENTS, DocumentList
from registry.exports import EXPORTS, Exports
from registry.finding_list import CHECKS, FINDINGS, FindingList, FindingsWanted
from registry.heads import HEADS, SignedHeads
from registry.listing import Cursor, Key, Order, write_cursor
from registry.proof_state import ProofState
from registry.refusal_list import REFUSALS, RefusalList
from registry.token_list import TOKENS, TokenList, TokensWanted
from vedette.clock import ManualClock
from vedette.configuration.sharing import SharingSection
from vedette.correlation.finding import FindingKind
from vedette.messages.card import Role
from vedette.signing import SigningKey

PROBE = "probe@localhost"


@dataclass(frozen=True, kw_only=True)
class Lists:
    """All lists over one store."""

    database: Database
    clock: ManualClock
    outboxes: Path

    def batches(self, at: str | None, **wanted: Any) -> Awaitable[Any]:
        return BatchList(database=self.database).page(wanted=BatchesWanted(**wanted), limit=9, cursor=at)

    def tokens(self, at: str | None, **wanted: Any) -> Awaitable[Any]:
        return TokenList(database=self.database).page(wanted=TokensWanted(**wanted), limit=9, cursor=at)

    def heads(self, at: str | None) -> Awaitable[Any]:
        return SignedHeads(database=self.database, clock=self.clock).page(limit=9, cursor=at)

    def agents(self, at: str | None) -> Awaitable[Any]:
        return AgentList(database=self.database).page(wanted=AgentsWanted(role=Role.PROBE), limit=9, cursor=at)

    def presence(self, at: str | None) -> Awaitable[Any]:
        return AgentList(database=self.database).presence(PROBE, limit=9, cursor=at)

    def refusals(self, at: str | None) -> Awaitable[Any]:
        return RefusalList(database=self.database).page(sender="a@b", limit=9, cursor=at)

    def alarms(self, at: str | None) -> Awaitable[Any]:
        return AlarmList(database=self.database).page(kind="root", acknowledged=False, limit=9, cursor=at)

    def dead_letters(self, at: str | None, *, place: str | None = None, discarded: bool = False) -> Awaitable[Any]:
        letters = DeadLetters(database=self.database, outboxes=self.outboxes, clock=self.clock)
        return letters.page(wanted=LettersWanted(place=place, discarded=discarded), limit=9, cursor=at)

    def documents(self, at: str | None, *, by: str | None = None) -> Awaitable[Any]:
        return DocumentList(database=self.database).page(by=by, limit=9, cursor=at)

    def audit(self, at: str | None, **wanted: Any) -> Awaitable[Any]:
        audit = Audit(database=self.database, clock=self.clock)
        return audit.page(wanted=AuditFilter(**wanted), limit=9, cursor=None if at is None else "5")

    def exports(self, at: str | None, **wanted: Any) -> Awaitable[Any]:
        exports = Exports(database=self.database, clock=self.clock, sharing=SharingSection())
        return exports.page(**wanted, limit=9, cursor=at)

    def findings(self, at: str | None, **wanted: Any) -> Awaitable[Any]:
        return FindingList(database=self.database).page(wanted=FindingsWanted(**wanted), limit=9, cursor=at)

    def checks(self, at: str | None, *, subject: str | None = None) -> Awaitable[Any]:
        return FindingList(database=self.database).checks(subject=subject, limit=9, cursor=at)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A list with a filter, and how it is to be found."""

    fetch: Callable[[Lists, str | None], Awaitable[Any]]
    order: Order
    key: Key = (5,)
    table: str = ""
    """Whose primary key leads, where no index does."""
    index: str = ""
    """The index that leads."""
    sorts: bool = False
    """Whether the few rows that it finds are sorted."""


DIED: Key = (5, "queue:", 5)
CASES = {
    "batches": Case(fetch=Lists.batches, order=BATCHES, key=(5, 5), index="ix_batch_closed"),
    "batches by time": Case(
        fetch=lambda lists, at: lists.batches(at, since=1, until=9),
        order=BATCHES,
        key=(5, 5),
        index="ix_batch_closed",
    ),
    "batches by state": Case(
        fetch=lambda lists, at: lists.batches(at, state=ProofState.FAILED, since=1),
        order=BATCHES,
        key=(5, 5),
        index="ix_batch_state",
    ),
    "tokens": Case(fetch=Lists.tokens, order=TOKENS, table="token"),
    "tokens of one": Case(
        fetch=lambda lists, at: lists.tokens(at, tsa="local", since=1), order=TOKENS, index="ix_token_tsa"
    ),
    "heads": Case(fetch=Lists.heads, order=HEADS, table="signed_heads"),
    "agents": Case(fetch=Lists.agents, order=AGENTS, key=("a@b",), table="agent"),
    "presence": Case(fetch=Lists.presence, order=PRESENCE, index="ix_presence_change_jid"),
    "refusals": Case(fetch=Lists.refusals, order=REFUSALS, table="refusal"),
    "alarms": Case(fetch=Lists.alarms, order=ALARMS, table="alarm"),
    "dead letters": Case(
        fetch=lambda lists, at: lists.dead_letters(at, discarded=True),
        order=DEAD_LETTERS,
        key=DIED,
        index="ix_queue_dead_letter_died",
    ),
    "dead letters that wait": Case(
        fetch=Lists.dead_letters, order=DEAD_LETTERS, key=DIED, index="ix_queue_dead_letter_waiting"
    ),
    "dead letters of a queue": Case(
        fetch=lambda lists, at: lists.dead_letters(at, place="queue:rt", discarded=True),
        order=DEAD_LETTERS,
        key=DIED,
        index="ix_queue_dead_letter_queue",
    ),
    "documents": Case(fetch=Lists.documents, order=DOCUMENTS, key=(5, "a"), index="ix_document_created_at"),
    "documents of one": Case(
        fetch=lambda lists, at: lists.documents(at, by="a"),
        order=DOCUMENTS,
        key=(5, "a"),
        index="ix_document_created_by",
    ),
    "audit": Case(fetch=Lists.audit, order=ALARMS, table="audit"),
    "audit of one": Case(fetch=lambda lists, at: lists.audit(at, who="a"), order=ALARMS, index="ix_audit_who"),
    "audit of a deed": Case(
        fetch=lambda lists, at: lists.audit(at, action="a"), order=ALARMS, index="ix_audit_action"
    ),
    "audit of a thing": Case(
        fetch=lambda lists, at: lists.audit(at, object="a"), order=ALARMS, index="ix_audit_object"
    ),
    "findings": Case(fetch=Lists.findings, order=FINDINGS, table="finding"),
    "findings of a kind": Case(
        fetch=lambda lists, at: lists.findings(at, kind=FindingKind.FIRST_SEEN),
        order=FINDINGS,
        index="ix_finding_kind",
    ),
    "findings about one": Case(
        fetch=lambda lists, at: lists.findings(at, subject="a"), order=FINDINGS, index="ix_finding_subject"
    ),
    "findings of an item": Case(
        fetch=lambda lists, at: lists.findings(at, item="a"),
        order=FINDINGS,
        index="ix_finding_witness_item",
        sorts=True,
    ),
    "exports": Case(fetch=Lists.exports, order=EXPORTS, table="export"),
    "exports in a state": Case(
        fetch=lambda lists, at: lists.exports(at, state="failed"), order=EXPORTS, index="ix_export_state"
    ),
    "exports to one": Case(
        fetch=lambda lists, at: lists.exports(at, destination="a"), order=EXPORTS, index="ix_export_destination"
    ),
    "checks": Case(fetch=Lists.checks, order=CHECKS, key=(5, 5), index="ix_check_history_last"),
    "checks of one": Case(
        fetch=lambda lists, at: lists.checks(at, subject="a"),
        order=CHECKS,
        key=(5, 5),
        index="ix_check_history_subject",
        sorts=True,
    ),
}


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that read a page, with their parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "LIMIT" in statement:
            seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plan(connection: Connection, statement: str, parameters: Any, *, sorts: bool) -> str:
    """Return how the database finds what a statement asks for."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        return "\n".join(row[3] for row in rows)
    # In an empty table reading and sorting all of it is cheapest: what counts is whether it can be done without.
    ways = ["seqscan", "bitmapscan", "hashjoin", "mergejoin"]
    for way in ways if sorts else [*ways, "sort", "incremental_sort"]:
        connection.execute(text(f"SET LOCAL enable_{way} = off"))
    return "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))


def flaw(case: Case, shown: str, *, dialect: str) -> str:
    """Return what is wrong with a plan; empty where nothing is."""
    led = (
        f"{case.table}_pkey"
        if dialect == "postgresql"
        else f"{case.table} USING INDEX sqlite_autoindex_{case.table}_1"
    )
    if dialect == "sqlite" and case.table not in ("", "agent"):
        led = rf"(SCAN|SEARCH) {case.table}( USING INTEGER PRIMARY KEY.*)?$"
    if not re.search(rf"\b{case.index}\b" if case.index else led, shown, re.MULTILINE):
        return f"not led by {case.index or case.table}"
    if not case.sorts and re.search(r"\bSort\b|TEMP B-TREE", shown):
        return "sorts"
    return "reads all" if "Seq Scan" in shown else ""


async def test_an_index_leads_to_every_page(database: Database, clock: ManualClock, tmp_path: Path) -> None:
    directory = Directory(database=database, clock=clock)
    await directory.enrol(PROBE, role=Role.PROBE, public_key=SigningKey.generate().verifying.text)
    lists = Lists(database=database, clock=clock, outboxes=tmp_path / "outboxes")
    wrong = {}
    for name, case in CASES.items():
        for following in (None, True, False):
            place = Cursor(following=bool(following), key=case.key)
            with statements() as seen:
                await case.fetch(lists, None if following is None else write_cursor(case.order, place))
            assert len(seen) == 1, name
            shown = await database.read(
                lambda connection, seen=seen, case=case: plan(connection, *seen[0], sorts=case.sorts)
            )
            if found := flaw(case, shown, dialect=database.dialect):
                wrong[f"{name}, {following}"] = f"{found}:\n{shown}"
    assert not wrong, "\n\n".join(f"{name}: {text}" for name, text in wrong.items())
