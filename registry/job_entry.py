"""Entering a job: a plain function inside the caller's transaction, for all that may ask for one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import orjson
from sqlalchemy import Connection, Row, func, insert, select

from registry.audit import AuditEntry, record_audit
from registry.callers import Actor
from registry.job_tables import job, job_run
from vedette.errors import RefusedError
from vedette.jobs.request import Plan
from vedette.storable import storable

MAX_WAITING = 200_000
"""Runs that may wait at once: past that, somebody asks by mistake."""


def enter_job(connection: Connection, plan: Plan, *, by: Actor, now: int, again: str = "") -> Row[Any]:
    """Enter a job whose targets are in scope, with its audit entry; returns its row.

    Args:
        connection: the transaction.
        plan: what is to be done.
        by: who wants it.
        now: microseconds since 1970.
        again: uuid of the job whose request it repeats, for the audit log.

    Raises:
        RefusedError: too many runs wait already.
    """
    waiting = connection.execute(
        select(func.coalesce(func.sum(job.c.total), 0)).where(job.c.ended_at.is_(None))
    ).scalar_one()
    if waiting + len(plan.targets) > MAX_WAITING:
        raise RefusedError("targets", f"more than {MAX_WAITING} runs would wait; cancel jobs, or wait")
    uuid = str(uuid4())
    number = connection.execute(insert(job).values(_row(plan, uuid, by, now)).returning(job.c.id)).scalar_one()
    empty = {"agent": "", "life": "", "attempts": 0, "due_at": 0, "reason": "", "lines": 0, "dropped": 0}
    rows = [
        {"uuid": str(uuid4()), "job_id": number, "target": target, "state": "requested", **empty}
        for target in plan.targets
    ]
    connection.execute(insert(job_run), rows)
    entry = AuditEntry(who=by.who, action="job.request", object=uuid, origin=by.origin, detail=_detail(plan, again))
    record_audit(connection, entry, now=now)
    return connection.execute(select(job).where(job.c.id == number)).one()


def _row(plan: Plan, uuid: str, by: Actor, now: int) -> dict[str, Any]:
    request = plan.request
    counts = dict.fromkeys(("active", "done", "failed", "refused", "cancelled", "pruned"), 0)
    return {
        "uuid": uuid,
        "tool": request.tool,
        "arguments": storable(orjson.dumps(request.arguments).decode()),
        "targets": storable(orjson.dumps(request.targets).decode()),
        "words": orjson.dumps(plan.words).decode(),
        "agents": orjson.dumps(request.agents).decode(),
        "place": storable(request.place),
        "parallel": request.parallel,
        "time_limit": request.time_limit,
        "requested_by": storable(by.who),
        "requested_at": now,
        "state": "requested",
        "total": len(plan.targets),
        **counts,
    }


def _detail(plan: Plan, again: str) -> str:
    shown = ", ".join(plan.targets[:10])
    more = f" and {len(plan.targets) - 10} more" if len(plan.targets) > 10 else ""
    return f"{f'again, as {again}: ' if again else ''}{' '.join(plan.words)} at {shown}{more}"
