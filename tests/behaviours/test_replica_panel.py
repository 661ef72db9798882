"""What the registry's page says of the store's replica."""

from __future__ import annotations

from behaviours.replica_panel import replica_panel
from registry.replica_lag import Outcome, ReplicaState


def shown(*, used: bool, lag: float | None, reason: str) -> list[list[str]]:
    reads = dict.fromkeys(Outcome, 0) | {Outcome.REPLICA: 7}
    panel = replica_panel(ReplicaState(place="db2:5432/vedette", used=used, lag=lag, reason=reason, reads=reads))
    return [[cell.text for cell in row] for row in panel.rows]


def test_it_says_whether_the_replica_answers_and_who_answered() -> None:
    rows = shown(used=True, lag=0.04, reason="")
    assert rows[0] == ["db2:5432/vedette", "answers"]
    assert rows[1] == ["at the last look", "0.0 s behind"]
    assert rows[2] == ["the replica", "7"]
    assert len(rows) == 2 + len(Outcome)


def test_it_says_why_it_does_not() -> None:
    assert shown(used=False, lag=None, reason="db2: refused")[:2] == [
        ["db2:5432/vedette", "db2: refused"],
        ["at the last look", "not known"],
    ]
    assert shown(used=False, lag=1.0, reason="")[0][1] == "was not looked at in time"
