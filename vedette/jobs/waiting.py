"""Why nobody does a job yet, and what to do about it. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vedette.messages.card import Role

_NOBODY = (
    "No job agent or launcher is there. Set `jobs.agents` in vedette.yml and start the fleet again, "
    "or enrol one on another host: `vedette enroll NAME --role launcher`."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """Who could do jobs: a job agent, or a launcher that starts some."""

    jid: str
    """Bare JID."""
    role: Role
    """`job` or `launcher`; the registry, where the hub itself starts job agents."""
    place: str
    """Where it runs; empty: not said."""
    present: bool
    """Whether it is there now, or is started when there is work."""


def why_waiting(workers: Sequence[Worker], *, agents: Collection[str], place: str) -> str:
    """Return why nobody can do a job; empty where somebody can, as soon as it is free.

    Args:
        workers: who could do jobs.
        agents: JIDs that the job asks for; none means any.
        place: where it must be done; empty means anywhere.
    """
    if not workers:
        return _NOBODY
    named = [worker for worker in workers if not agents or worker.jid in agents]
    if not named:
        return f"Nobody of {', '.join(sorted(agents))} does jobs here. Ask for others, or for any, and run it again."
    there = [worker for worker in named if place in ("", worker.place)]
    if not there:
        known = ", ".join(sorted({worker.place for worker in named if worker.place})) or "no place at all"
        return f"Nobody does jobs at {place}; known are: {known}. Run it again with another place, or without."
    if not any(worker.present for worker in there):
        return f"Those who could do it are not there: {', '.join(worker.jid for worker in there[:5])}. Start one."
    return ""
