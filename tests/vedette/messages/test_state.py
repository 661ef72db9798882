"""What an agent says of itself is shown on pages of everybody: what would break those is refused as a whole."""

from __future__ import annotations

from typing import Any

import pytest

from vedette.errors import RefusedError
from vedette.messages.batch import parse_model
from vedette.messages.state import AgentState

CHECK = {"name": "c", "title": "t", "when": "w", "state": "scheduled", "next_runs": [1]}


def state(*, check: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The state of a probe with one check."""
    values = {"jid": "p@localhost", "role": "probe", "software": "1", "fingerprint": "f", "server": "s", "now": 1}
    presence = {"show": "available", "since": 1}
    return values | {"started_at": 1, "presence": presence, "checks": [CHECK | (check or {})]} | more


def test_a_usual_one_is_read() -> None:
    assert parse_model(AgentState, state()).checks[0].next_runs == [1]


@pytest.mark.parametrize(
    "hostile",
    [
        state(started_at=10**30),
        state(check={"next_runs": [10**30]}),
        state(check={"next_runs": [1] * 1000}),
        state(check={"last_at": -(10**30)}),
        state(check={"paused_at": 2**60}),
        state(check={"name": ""}),
        state(check={"name": "n" * 100_000}),
    ],
    ids=["life", "next", "many", "last", "paused", "no-name", "long-name"],
)
def test_times_that_no_calendar_has_and_names_that_no_order_can_hold_are_refused(hostile: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        parse_model(AgentState, hostile)
