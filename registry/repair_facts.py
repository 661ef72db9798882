"""The facts about a store that the rules of repairs look at: bounded reads, each by an index or of a small table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, case, func, or_, select

from registry import tables
from registry.audit_tables import audit
from registry.evidence_tables import alarm, revocation_check, revocation_list
from registry.job_tables import job
from registry.key_tables import api_key
from registry.report_tables import agent_report
from registry.schedule_tables import schedule
from vedette.clock import MICROSECONDS
from vedette.messages.card import Role
from vedette.repairs.facts import (
    AgentFacts,
    AlarmFacts,
    BackupFacts,
    ClockFacts,
    JobFacts,
    KeyFacts,
    OutboxFacts,
    RefusalFacts,
    RevocationFacts,
    ScheduleFacts,
)

BACKUP = "store.backup"
"""The action in the audit log of `vedette backup`."""

LATE = 120 * MICROSECONDS
"""Microseconds after which a schedule that is due was forgotten."""

LOOKED_AT = 1_000
"""Rows of a long table that are looked at: the newest."""

_HOUR = 3_600 * MICROSECONDS

_NOT_RUN = ("missed", "refused")

# They come and go with the work that there is.
_PASSING = (Role.JOB.value,)


def read_alarms(connection: Connection) -> tuple[AlarmFacts, ...]:
    """Return the alarms that nobody took note of, newest first."""
    names = ("id", "at", "kind", "place", "text")
    query = select(*(alarm.c[name] for name in names)).where(alarm.c.acknowledged_at.is_(None))
    rows = connection.execute(query.order_by(alarm.c.id.desc()).limit(LOOKED_AT)).mappings()
    return tuple(AlarmFacts(**{name: row[name] for name in names}) for row in rows)


def read_certificate_ends(connection: Connection, authorities: Iterable[str]) -> dict[str, int]:
    """Return when the first certificate of each authority's newest token ends."""
    ends = {}
    for name in authorities:
        newest = select(tables.token.c.not_after).where(tables.token.c.tsa == name)
        found = connection.execute(newest.order_by(tables.token.c.id.desc()).limit(1)).scalar_one_or_none()
        if found is not None:
            ends[name] = int(found)
    return ends


def read_revocations(connection: Connection) -> tuple[RevocationFacts, ...]:
    """Return the newest list or answer of each distribution point and responder."""
    check, lists = revocation_check, revocation_list
    fetched = func.max(lists.c.fetched_at)
    query = select(check.c.url, fetched.label("fetched_at"), func.max(check.c.checked_at).label("checked_at"))
    query = query.add_columns(func.max(check.c.error).label("error"))
    query = query.select_from(check.outerjoin(lists, lists.c.sha256 == check.c.list_sha256)).group_by(check.c.url)
    rows = connection.execute(query.order_by(check.c.url).limit(LOOKED_AT)).mappings()
    return tuple(RevocationFacts(**row) for row in rows)


def read_agents(connection: Connection) -> tuple[AgentFacts, ...]:
    """Return the enrolled agents that shall be there: all but those that only live for a job."""
    agent, registration = tables.agent, tables.registration
    query = select(agent.c.jid, agent.c.role, agent.c.enrolled_at)
    query = query.add_columns(registration.c.show, registration.c.since, registration.c.status)
    query = query.select_from(agent.outerjoin(registration, registration.c.jid == agent.c.jid))
    # An account without a key only posts items: nobody waits for its presence.
    query = query.where(agent.c.revoked_at.is_(None), agent.c.role.not_in(_PASSING), agent.c.public_key.is_not(None))
    return tuple(
        AgentFacts(
            jid=row.jid,
            show=row.show or "unknown",
            since=row.enrolled_at if row.since is None else row.since,
            status=row.status or "",
            ever_seen=row.show is not None,
            role=row.role,
        )
        for row in connection.execute(query)
    )


def read_clocks(connection: Connection) -> tuple[ClockFacts, ...]:
    """Return the agents whose newest items say that they were collected after they came."""
    item = tables.item
    newest = select(item.c.agent, item.c.collected_at, item.c.received_at)
    newest = newest.order_by(item.c.received_at.desc(), item.c.chain_id.desc(), item.c.log_index.desc())
    rows = newest.limit(LOOKED_AT).subquery()
    # The least of an agent's newest: one item with a wrong time is no wrong clock.
    ahead = func.min(rows.c.collected_at - rows.c.received_at)
    query = select(rows.c.agent, ahead.label("ahead")).where(rows.c.collected_at.is_not(None)).group_by(rows.c.agent)
    found = connection.execute(query.having(ahead > 0)).all()
    return tuple(ClockFacts(agent=row.agent, ahead=row.ahead) for row in found)


def read_refusals(connection: Connection, *, now: int) -> tuple[RefusalFacts, ...]:
    """Return who was refused within the last hour, of the newest refusals."""
    refusal = tables.refusal
    query = select(refusal.c.at, refusal.c.sender, refusal.c.field, refusal.c.reason)
    counts: dict[str, int] = {}
    reasons: dict[str, str] = {}
    for row in connection.execute(query.order_by(refusal.c.id.desc()).limit(LOOKED_AT)):
        if now - _HOUR <= row.at <= now:
            counts[row.sender] = counts.get(row.sender, 0) + 1
            reasons.setdefault(row.sender, f"{row.field}: {row.reason}")
    return tuple(RefusalFacts(sender=sender, count=counts[sender], reason=reasons[sender]) for sender in counts)


def read_jobs(connection: Connection) -> JobFacts:
    """Return how many open jobs wait, and how many runs are in work."""
    idle = case((job.c.active == 0, 1), else_=0)
    oldest = func.min(case((job.c.active == 0, func.coalesce(job.c.started_at, job.c.requested_at))))
    query = select(func.coalesce(func.sum(idle), 0), func.coalesce(func.sum(job.c.active), 0), oldest)
    waiting, working, since = connection.execute(query.where(job.c.ended_at.is_(None))).one()
    return JobFacts(waiting=int(waiting), working=int(working), oldest_at=since)


def read_schedules(connection: Connection, *, now: int) -> tuple[ScheduleFacts, ...]:
    """Return the schedules whose last time was missed or refused, and those that are due for too long."""
    late = schedule.c.due_at < now - LATE
    names = ("name", "due_at", "last_at", "last_outcome", "last_reason")
    query = select(*(schedule.c[name] for name in names)).where(
        schedule.c.paused_at.is_(None), or_(schedule.c.last_outcome.in_(_NOT_RUN), late & ~schedule.c.waiting)
    )
    rows = connection.execute(query.order_by(schedule.c.id).limit(LOOKED_AT))
    return tuple(
        ScheduleFacts(
            name=row.name,
            reason=row.last_reason or f"It was {row.last_outcome}.",
            at=row.last_at or now,
        )
        if row.last_outcome in _NOT_RUN
        else ScheduleFacts(name=row.name, reason="It is due, and nothing runs it.", at=row.due_at)
        for row in rows
    )


def read_reports(connection: Connection) -> tuple[OutboxFacts, ...]:
    """Return what agents said last of their outboxes."""
    report, agent = agent_report, tables.agent
    query = select(report.c.jid, report.c.waiting, report.c.waiting_since, report.c.dead_letters)
    query = query.join(agent, agent.c.jid == report.c.jid).where(agent.c.revoked_at.is_(None))
    return tuple(
        OutboxFacts(
            name="",
            agent=row.jid,
            items=row.waiting,
            oldest_at=row.waiting_since,
            dead_letters=row.dead_letters,
        )
        for row in connection.execute(query)
    )


def read_backup(connection: Connection) -> BackupFacts:
    """Return when the last safety copy was made, and since when there is something to copy."""
    last = select(audit.c.at).where(audit.c.action == BACKUP).order_by(audit.c.id.desc()).limit(1)
    begun = select(func.min(tables.chain.c.opened_at))
    return BackupFacts(
        last_at=connection.execute(last).scalar_one_or_none(), begun_at=connection.execute(begun).scalar_one()
    )


def read_keys(connection: Connection, *, now: int) -> tuple[KeyFacts, ...]:
    """Return the keys that are good and expire one day, the first to expire first."""
    good = (api_key.c.revoked_at.is_(None), api_key.c.expires_at > now)
    query = select(api_key.c.id, api_key.c.name, api_key.c.agent, api_key.c.expires_at).where(*good)
    rows: Sequence[tuple[str, str, str | None, int]] = [
        tuple(row) for row in connection.execute(query.order_by(api_key.c.expires_at).limit(LOOKED_AT))
    ]
    return tuple(
        KeyFacts(id=id, holder=agent or f"key {name}", expires_at=expires_at) for id, name, agent, expires_at in rows
    )
