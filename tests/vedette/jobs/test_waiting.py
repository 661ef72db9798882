"""Why a job waits: nobody is there, nobody that it asks for, nobody at its place, or they are away."""

from __future__ import annotations

from typing import Any

import pytest

from vedette.jobs.waiting import Worker, why_waiting
from vedette.messages.card import Role

HERE = Worker(jid="registry@localhost", role=Role.REGISTRY, place="", present=True)
AWAY = Worker(jid="site1@localhost", role=Role.LAUNCHER, place="Luxembourg", present=False)


@pytest.mark.parametrize(
    ("workers", "asked", "words"),
    [
        ([], {}, "jobs.agents"),
        ([HERE], {"agents": ["gone@localhost"]}, "Nobody of gone@localhost"),
        ([HERE], {"place": "Luxembourg"}, "known are: no place at all"),
        ([HERE, AWAY], {"place": "Paris"}, "known are: Luxembourg"),
        ([HERE, AWAY], {"place": "Luxembourg"}, "not there: site1@localhost"),
        ([AWAY], {}, "Start one"),
    ],
    ids=["nobody", "named", "no-place", "other-place", "away-place", "away"],
)
def test_what_is_missing_is_named(workers: list[Worker], asked: dict[str, Any], words: str) -> None:
    assert words in why_waiting(workers, **{"agents": [], "place": ""} | asked)


@pytest.mark.parametrize("asked", [{}, {"agents": ["registry@localhost"]}], ids=["any", "named"])
def test_where_somebody_is_there_nothing_is_missing(asked: dict[str, Any]) -> None:
    assert why_waiting([HERE, AWAY], **{"agents": [], "place": ""} | asked) == ""
