"""What is wrong with what the fleet stands on: disk, database, safety copies, keys. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Iterable

from vedette.repairs.facts import DiskFacts, Facts
from vedette.repairs.policy import RepairPolicy
from vedette.repairs.repair import Repair, RepairKind, Severity
from vedette.repairs.wording import DAY, days, gibibytes

_SOON = DAY
"""Microseconds before a key expires from which on it is more than a notice."""


def disk(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield that the disk is nearly full, or will be within days."""
    state = facts.disk
    if state is None:
        return
    share = 100 * state.free / state.total if state.total else 100.0
    if share < policy.disk_free or (state.days_left is not None and state.days_left < policy.disk_days):
        yield _disk(state, share=share, policy=policy)


def _disk(state: DiskFacts, *, share: float, policy: RepairPolicy) -> Repair:
    left = state.days_left
    soon = left is not None and left < 1
    pace = "" if left is None else f" At the pace of the last hours it is full in {days(left * DAY)}."
    return Repair(
        kind=RepairKind.DISK,
        place=state.place,
        severity=Severity.CRITICAL if soon or share < policy.disk_free / 2 else Severity.WARNING,
        what=f"The disk of {state.place} fills: {gibibytes(state.free)} are free ({share:.0f} %).{pace}",
        cause="What is collected stays until a rule of retention lets it go.",
        remedy="Make room, give it a larger disk, or let payloads go: `retention` in `vedette.yml`. When it is full "
        "nothing more is taken; agents keep what they have, and send it later.",
    )


def database(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield that the database is large."""
    size = facts.database_size
    if size is not None and size > policy.database_gib * 2**30:
        yield Repair(
            kind=RepairKind.DATABASE,
            place="store",
            severity=Severity.NOTICE,
            what=f"The database has {gibibytes(size)}.",
            cause=f"More than {policy.database_gib:,.0f} GiB, which `repairs.database_gib` has as its limit.",
            remedy="Let payloads go that nobody needs: `retention` in `vedette.yml`. With SQLite, think of "
            "PostgreSQL. If this is as it should be, raise the limit.",
        )


def write_ahead(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield that SQLite's write-ahead log could not be emptied for long."""
    size = facts.write_ahead_size
    if size is not None and size > policy.write_ahead_mib * 2**20:
        yield Repair(
            kind=RepairKind.DATABASE,
            place="write-ahead log",
            severity=Severity.WARNING,
            what=f"The write-ahead log of the store has {gibibytes(size)}.",
            cause="It is emptied while the store is written, unless something reads the store without an end: a "
            "copy, an export, or another program that has the file open.",
            remedy="End what reads the store for so long; the log is emptied some seconds later. Starting the hub "
            "again does it, too. Nothing is lost, but the disk fills, and reading gets slow.",
        )


def backups(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield that there is no safety copy, or only an old one."""
    state = facts.backup
    if state is None or state.begun_at is None:
        return
    last = state.last_at
    age = facts.now - (state.begun_at if last is None else last)
    if age > policy.backup_days * DAY:
        yield Repair(
            kind=RepairKind.BACKUP,
            place="store",
            severity=Severity.WARNING,
            what="There is no safety copy." if last is None else f"The last safety copy is {days(age)} old.",
            cause="`vedette backup` was never run here." if last is None else "`vedette backup` was not run since.",
            remedy="Run `vedette backup TARGET`, and let a timer do so each day. Others that copy the store are not "
            "seen here; if you have one, say so when you take note.",
            since=state.begun_at if last is None else last,
        )


def keys(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield the API keys that expire soon."""
    for key in facts.keys or ():
        left = key.expires_at - facts.now
        if 0 < left < policy.key_days * DAY:
            yield Repair(
                kind=RepairKind.KEY,
                place=key.id,
                severity=Severity.WARNING if left < _SOON else Severity.NOTICE,
                what=f"The API key of {key.holder} expires in {days(left)}.",
                cause="It was made so.",
                remedy="Make another one for its holder (`vedette keys create`), put it there, then revoke this one.",
                link="/keys",
            )
