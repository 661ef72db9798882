"""What is wrong with the work: queues, outboxes, dead letters, agents, jobs. Pure, no I/O.

1. A queue is told when it is deep and rose through the whole window, or when its oldest item is too old; sooner when
   it belongs to a role and no agent of that role is there.
2. An agent that went is expected back, unless it was revoked; one that is unknown is not gone.
3. Jobs wait for nobody only when no run of any job is in work: else they wait for their turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from vedette.clock import MICROSECONDS
from vedette.repairs.facts import AgentFacts, Facts, OutboxFacts, QueueFacts
from vedette.repairs.policy import RepairPolicy
from vedette.repairs.repair import Repair, RepairKind, Severity
from vedette.repairs.wording import length

_DECIDE = "Look at the reasons, remove the cause, then replay them; or discard them with a reason."


def queues(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield the queues that grow, whose oldest item is too old, or that nobody is there for."""
    for queue in facts.queues or ():
        age = 0.0 if queue.oldest_at is None else (facts.now - queue.oldest_at) / MICROSECONDS
        grows = queue.is_rising and queue.depth >= policy.queue_items
        if age > policy.agent_gone and _nobody_takes(queue, facts):
            yield _forsaken(queue, age=age)
        elif grows or age > policy.queue_age:
            yield _queue(queue, age=age, grows=grows)


def _nobody_takes(queue: QueueFacts, facts: Facts) -> bool:
    """Tell whether a queue belongs to a role of which no agent is there; one that is unknown may be."""
    if facts.agents is None or "@" in queue.owner:
        return False
    return not any(one.role == queue.owner and one.ever_seen and one.show != "gone" for one in facts.agents)


def _forsaken(queue: QueueFacts, *, age: float) -> Repair:
    return Repair(
        kind=RepairKind.QUEUE,
        place=queue.name,
        severity=Severity.WARNING,
        what=f"The queue {queue.name} {_holds(queue, age)}, and nobody takes from it.",
        cause=f"No agent of the role {queue.owner} is there.",
        remedy=f"Start one: `vedette agent {queue.owner} -c FILE`; those of the role rt are in `vedette.yml`, too "
        "(`rt.agents`). Nothing is lost meanwhile: the queue holds what it has.",
        link=f"/?text={quote(queue.owner, safe='')}",
        since=queue.oldest_at,
    )


def _holds(queue: QueueFacts, age: float) -> str:
    return f"holds {queue.depth:,} {'item' if queue.depth == 1 else 'items'}, the oldest for {length(age)}"


def _queue(queue: QueueFacts, *, age: float, grows: bool) -> Repair:
    holds = _holds(queue, age)
    return Repair(
        kind=RepairKind.QUEUE,
        place=queue.name,
        severity=Severity.WARNING,
        what=f"The queue {queue.name} {'grows: it ' if grows else ''}{holds}.",
        cause=f"{queue.owner} takes less from it than comes in."
        if grows
        else f"{queue.owner} does not take from it.",
        remedy="Look whether its consumers are there, and at their pages. More of them share the work when the queue "
        "belongs to a role. Nothing is lost meanwhile: a queue holds what it has.",
        link=f"/?text={quote(queue.owner, safe='')}",
        since=queue.oldest_at,
    )


def outboxes(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield the outboxes that cannot be read, and those whose oldest item is too old."""
    for outbox in facts.outboxes or ():
        age = 0.0 if outbox.oldest_at is None else (facts.now - outbox.oldest_at) / MICROSECONDS
        if outbox.error or age > policy.outbox_age:
            yield _outbox(outbox, age=age)


def _outbox(outbox: OutboxFacts, *, age: float) -> Repair:
    unread = (
        "It is left as it is. Stop its agent, keep a copy of the file, and start the agent again; its log says why."
    )
    return Repair(
        kind=RepairKind.OUTBOX,
        place=outbox.agent,
        severity=Severity.CRITICAL if outbox.error else Severity.WARNING,
        what=f"The outbox {outbox.agent} cannot be read."
        if outbox.error
        else f"{outbox.items:,} items of {outbox.agent} are not confirmed, the oldest for {length(age)}.",
        cause=outbox.error or "The engine did not confirm them: the agent is not there, or the engine refuses them.",
        remedy=unread
        if outbox.error
        else "Look whether the agent and the engine are there, and what is refused: `vedette dead-letters list`, "
        "and the agent's page. Nothing is lost: it sends them again and again.",
        link="" if outbox.error else f"/agents/{quote(outbox.agent, safe='')}",
        since=outbox.oldest_at,
    )


def dead_letters(facts: Facts, _policy: RepairPolicy) -> Iterable[Repair]:
    """Yield the places with items that were given up."""
    waiting = [(f"queue:{one.name}", one.name, one.dead_letters) for one in facts.queues or ()]
    waiting += [
        (f"outbox:{one.name}" if one.name else one.agent, one.agent, one.dead_letters) for one in facts.outboxes or ()
    ]
    for place, name, count in waiting:
        if count:
            by = "a consumer could not handle them" if place.startswith("queue:") else "the engine refused them"
            yield Repair(
                kind=RepairKind.DEAD_LETTERS,
                place=place,
                severity=Severity.WARNING,
                what=f"{count:,} {'item waits' if count == 1 else 'items wait'} for a decision in {name}.",
                cause=f"They were tried several times, and {by}; each says why.",
                remedy=_DECIDE if ":" in place else f"{_DECIDE} On its machine: `vedette dead-letters list`.",
                link=f"/dead-letters?place={quote(place, safe='')}" if ":" in place else "",
            )


def refusals(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield who is refused again and again."""
    for one in facts.refusals or ():
        if one.count >= policy.refusals:
            yield Repair(
                kind=RepairKind.REFUSALS,
                place=one.sender,
                severity=Severity.WARNING,
                what=f"{one.sender} was refused often within the last hour ({one.count:,} times or more).",
                cause=one.reason,
                remedy="Mend the sender; what it must send is in the message's field that the reason names. All "
                "refusals: `/v1/refusals`. If you do not know it, revoke it: `vedette revoke NAME`.",
            )


def agents(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield the agents that are gone for too long, or of which nobody knows."""
    for agent in facts.agents or ():
        seconds = (facts.now - agent.since) / MICROSECONDS
        if not agent.ever_seen and seconds > policy.agent_gone:
            yield _never_came(agent)
        elif agent.show == "gone" and seconds > policy.agent_gone:
            yield _agent(agent, f"has been gone for {length(seconds)}", Severity.WARNING)
        elif agent.show == "unknown" and seconds > policy.agent_unknown:
            yield _agent(agent, "may be there or not: nobody knows", Severity.NOTICE)


def _agent(agent: AgentFacts, what: str, severity: Severity) -> Repair:
    return Repair(
        kind=RepairKind.AGENT,
        place=agent.jid,
        severity=severity,
        what=f"{agent.jid} {what}.",
        cause=agent.status or "It said nothing before; its process, its machine or its connection ended.",
        remedy="Start it again on its machine: `vedette up`, or `vedette agent ROLE -c FILE`. If it is not needed "
        "any more, revoke it: `vedette revoke NAME`.",
        link=f"/agents/{quote(agent.jid, safe='')}",
        since=agent.since,
    )


def _never_came(agent: AgentFacts) -> Repair:
    return Repair(
        kind=RepairKind.AGENT,
        place=agent.jid,
        severity=Severity.NOTICE,
        what=f"{agent.jid} is enrolled and never came.",
        cause="It was not started yet, or cannot reach the XMPP server.",
        remedy="Start it: `vedette agent ROLE -c FILE`; its log says what it cannot reach. If it is not needed, "
        "revoke it: `vedette revoke NAME`.",
        link=f"/agents/{quote(agent.jid, safe='')}",
        since=agent.since,
    )


def behaviours(facts: Facts, _policy: RepairPolicy) -> Iterable[Repair]:
    """Yield the parts of the hub that fail now."""
    for one in facts.behaviours or ():
        yield Repair(
            kind=RepairKind.BEHAVIOUR,
            place=f"{one.name} of {one.agent}",
            severity=Severity.CRITICAL if one.state == "stopped" else Severity.WARNING,
            what=f"“{one.name}” of {one.agent} fails: {one.failures:,} times since it was started.",
            cause=one.last_error or "It said nothing.",
            remedy="It begins again by itself, later each time. Look at the agent's page and at the hub's log; what "
            "the cause names must be mended.",
            link=f"/agents/{quote(one.agent, safe='')}",
            since=one.last_error_at,
        )


def jobs(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield that jobs wait and nobody does any."""
    state = facts.jobs
    if state is None or state.oldest_at is None or state.working:
        return
    waited = (facts.now - state.oldest_at) / MICROSECONDS
    if waited > policy.job_wait:
        yield Repair(
            kind=RepairKind.JOBS,
            place="jobs",
            severity=Severity.WARNING,
            what=f"{state.waiting:,} {'job waits' if state.waiting == 1 else 'jobs wait'}, the oldest for "
            f"{length(waited)}, and nobody does them.",
            cause="No job agent is there that may do them, at the place that they ask for.",
            remedy="Let this machine do them: `jobs.agents` in `vedette.yml`; or run `vedette agent launcher` where "
            "they shall be done. Or cancel them.",
            link="/jobs",
            since=state.oldest_at,
        )


def schedules(facts: Facts, _policy: RepairPolicy) -> Iterable[Repair]:
    """Yield the schedules that did not run when they should have."""
    for one in facts.schedules or ():
        yield Repair(
            kind=RepairKind.SCHEDULE,
            place=one.name,
            severity=Severity.WARNING,
            what=f"The schedule {one.name} did not run when it should have.",
            cause=one.reason,
            remedy="Look at the schedule; run it now if it is needed, or change it.",
            link="/schedules",
            since=one.at,
        )
