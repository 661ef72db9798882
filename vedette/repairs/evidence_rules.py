"""What is wrong with time-stamps, clocks and the evidence itself. Pure, no I/O.

1. An authority that does not answer is critical when no other one does, else a warning.
2. Whose certificate ends soon is a warning, in the last week critical: what it stamps then is worth little.
3. A wrong clock of ours is critical, since every item gets its time from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from vedette.clock import MICROSECONDS
from vedette.repairs.advice import advice_on
from vedette.repairs.facts import AuthorityFacts, ClockFacts, Facts, StampingFacts
from vedette.repairs.policy import RepairPolicy
from vedette.repairs.repair import Repair, RepairKind, Severity
from vedette.repairs.wording import DAY, days, length

_WEEK = 7 * DAY

_MANY = 3
"""Agents from which on their agreement says something of the hub's clock."""


def authorities(facts: Facts, _policy: RepairPolicy) -> Iterable[Repair]:
    """Yield the authorities that do not answer."""
    known = facts.stamping.authorities if facts.stamping else ()
    for authority in (one for one in known if not one.is_asked):
        others = any(one.is_asked for one in known)
        yield Repair(
            kind=RepairKind.AUTHORITY,
            place=authority.name,
            severity=Severity.WARNING if others else Severity.CRITICAL,
            what=f"The time-stamping authority {authority.name} does not answer as it should.",
            cause=authority.last_error or "Its last requests failed.",
            remedy="It is asked again by itself, and what waits is stamped then. Look whether its address answers: "
            "`vedette tsa list`. If it stays away, add another one: `vedette tsa add`.",
            since=authority.last_token_at,
        )


def certificates(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield the authorities whose certificate ends soon."""
    for authority in facts.stamping.authorities if facts.stamping else ():
        ends = authority.certificate_ends
        if ends is not None and ends - facts.now < policy.certificate_days * DAY:
            yield _certificate(authority, left=ends - facts.now)


def _certificate(authority: AuthorityFacts, *, left: int) -> Repair:
    when = f"ends in {days(left)}" if left > 0 else "has ended"
    ask = "Ask who runs it when it gets another one" if authority.external else "It is this machine's own"
    return Repair(
        kind=RepairKind.CERTIFICATE,
        place=authority.name,
        severity=Severity.CRITICAL if left < _WEEK else Severity.WARNING,
        what=f"The certificate of the time-stamping authority {authority.name} {when}.",
        cause="Certificates end; this is the first of the chain that its newest time-stamp was verified with.",
        remedy=f"{ask}. What it proved is renewed by itself while another authority answers; if it is the only "
        "one, add another now: `vedette tsa add`.",
    )


def proofs(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield that items wait too long for a time-stamp."""
    state = facts.stamping
    if state is None or state.oldest_pending < policy.proof_age:
        return
    yield Repair(
        kind=RepairKind.PROOF,
        place="items",
        severity=Severity.CRITICAL if state.oldest_pending >= 10 * policy.proof_age else Severity.WARNING,
        what=f"{state.pending:,} items have no time-stamp yet, the oldest for {length(state.oldest_pending)}.",
        cause=_why_unproved(state),
        remedy="Nothing is lost: they are stamped when an authority answers. Look at the authorities: "
        "`vedette tsa list`, and at the page of the engine.",
        link="/items?state=pending",
        since=facts.now - int(state.oldest_pending * MICROSECONDS),
    )


def _why_unproved(state: StampingFacts) -> str:
    silent = [one for one in state.authorities if not one.is_asked]
    if silent:
        return f"{', '.join(one.name for one in silent)}: {silent[0].last_error or 'does not answer'}"
    return "The authorities answer, so what waits is more than they stamp, or a batch failed."


def revocations(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield the lists of revocations that are old."""
    for one in facts.revocations or ():
        at = one.checked_at if one.fetched_at is None else one.fetched_at
        is_old = one.fetched_at is None or facts.now - at > policy.revocation_days * DAY
        if not is_old or (one.fetched_at is None and not one.error):
            continue
        never = "was never had" if one.fetched_at is None else f"is {days(facts.now - at)} old"
        yield Repair(
            kind=RepairKind.REVOCATION,
            place=one.url,
            severity=Severity.WARNING,
            what=f"What is known of revocations from {one.url} {never}.",
            cause=one.error or "It was not asked for since.",
            remedy="Look whether this machine reaches the address, and what `fetching` in `vedette.yml` allows. "
            "It is asked for again by itself; until then a revoked certificate would not be noticed.",
            since=at,
        )


def clocks(facts: Facts, policy: RepairPolicy) -> Iterable[Repair]:
    """Yield the clocks that are wrong: the hub's, an authority's, an agent's."""
    if facts.stamping is not None:
        yield from _stamped_clocks(facts.stamping)
    told = facts.clocks or ()
    # What signs of life say comes last, and is the better reading: items may carry a time that is not the clock's.
    off = {one.agent: one for one in told if abs(one.ahead) > policy.clock_seconds * MICROSECONDS}
    ours = _is_ours(told, off)
    for one in off.values():
        yield _agent_clock(one, ours=ours)


def _is_ours(told: Iterable[ClockFacts], off: Mapping[str, ClockFacts]) -> bool:
    """Tell whether it is rather the hub's clock: every agent that gives signs of life, of several, is off one way."""
    beats = [one for one in told if one.beats]
    ways = {one.ahead > 0 for one in beats}
    return len(beats) >= _MANY and len(ways) == 1 and all(off.get(one.agent) is one for one in beats)


def _stamped_clocks(state: StampingFacts) -> Iterable[Repair]:
    for authority in (one for one in state.authorities if one.clock_offset is not None):
        offset = authority.clock_offset or 0
        which = "ahead of" if offset > 0 else "behind"
        blamed = {
            "ours": "All authorities see it, so it is this machine's.",
            "theirs": "The other authorities agree.",
        }
        yield Repair(
            kind=RepairKind.CLOCK,
            place=f"authority {authority.name}",
            severity=Severity.CRITICAL if state.clock_blamed == "ours" else Severity.WARNING,
            what=f"The clock of the authority {authority.name} is {length(abs(offset) / MICROSECONDS)} {which} ours.",
            cause=blamed.get(state.clock_blamed, "One authority alone cannot tell which of the two clocks is wrong."),
            remedy="Compare this machine's clock: `timedatectl`; set it with chrony or systemd-timesyncd. If it is "
            "right, ask who runs the authority. Its tokens are kept: each proves the time that it says.",
        )


def _agent_clock(one: ClockFacts, *, ours: bool) -> Repair:
    cause = "Its newest items say that they were collected after they came here."
    if one.beats:
        cause = "Its signs of life say so."
        if one.is_set is False:
            cause += " The kernel of its machine says that nothing keeps the clock right."
    if ours:
        cause += " All agents are off the same way: it is rather the hub's clock that is wrong."
    which = "ahead of" if one.ahead > 0 else "behind"
    return Repair(
        kind=RepairKind.CLOCK,
        place=one.agent,
        severity=Severity.WARNING,
        what=f"The clock of {one.agent} is {length(abs(one.ahead) / MICROSECONDS)} {which} the hub's.",
        cause=cause,
        remedy="Compare both machines: `timedatectl`; set the wrong clock with chrony or systemd-timesyncd. "
        "Its items are kept with both times.",
        link=f"/items?agent={quote(one.agent, safe='')}",
    )


def alarms(facts: Facts, _policy: RepairPolicy) -> Iterable[Repair]:
    """Yield what the sweep and others found wrong with the evidence; it ends when a person takes note of it."""
    for alarm in facts.alarms or ():
        yield Repair(
            kind=RepairKind.EVIDENCE,
            place=f"{alarm.kind} at {alarm.place}",
            severity=Severity.CRITICAL,
            what=alarm.text,
            cause="Found when what is stored was verified again; nothing was repaired by itself.",
            remedy=advice_on(alarm.kind),
            since=alarm.at,
            reference=f"alarm {alarm.id}",
        )
