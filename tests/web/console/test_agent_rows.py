"""What waits with an agent: what its file says goes before what it said, and what is old is said to be so."""

from __future__ import annotations

from registry.agent_list import AgentLine
from registry.outbox_visit import OutboxDepth
from vedette.messages.card import Role
from web.console.agent_rows import STALE, queue_of, sends_items

NOW = 1_795_305_600_000_000


def agent(*, show: str = "available", reported_at: int | None = NOW - 5, waiting: int | None = 3) -> AgentLine:
    """An agent that said this."""
    return AgentLine(
        jid="a@x",
        role=Role.PROBE,
        show=show,
        status="",
        since=NOW,
        last_seen_at=NOW,
        enrolled_at=NOW,
        revoked_at=None,
        registered_at=None,
        version=None,
        place=None,
        public_key=None,
        started_at=None,
        waiting=waiting,
        waiting_since=NOW - 60,
        dead_letters=1,
        reported_at=reported_at,
    )


def test_the_file_on_this_machine_goes_before_what_was_said() -> None:
    queue = queue_of(agent(show="gone"), OutboxDepth(items=9, since=NOW - 7, dead_letters=0), now=NOW)
    assert queue is not None
    assert (queue.waiting, queue.since, queue.dead_letters, queue.at, queue.stale) == (9, NOW - 7, 0, NOW, False)


def test_what_a_distant_agent_said_is_shown_and_old_when_it_is() -> None:
    fresh = queue_of(agent(), None, now=NOW)
    assert fresh is not None
    assert (fresh.waiting, fresh.since, fresh.dead_letters, fresh.stale) == (3, NOW - 60, 1, False)
    for old in (agent(show="gone"), agent(show="unknown"), agent(reported_at=NOW - STALE - 1)):
        queue = queue_of(old, None, now=NOW)
        assert queue is not None
        assert queue.stale


def test_who_said_nothing_has_nothing_to_show() -> None:
    assert queue_of(agent(reported_at=None, waiting=None), None, now=NOW) is None
    assert [role.value for role in Role if sends_items(role)] == ["probe", "collector", "rt", "job", "gateway"]
