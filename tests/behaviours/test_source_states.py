"""What a collector's state says of a sealed source: it travels where its items must not be read."""

from __future__ import annotations

from behaviours.source_states import Collected, source_state, sources_panel
from tests.vedette.collection.rig import source
from vedette.collection.report import Report
from vedette.collection.rounds import Rounds


def test_of_a_sealed_source_neither_place_nor_problems_are_told() -> None:
    report = Report(source="test", uri="https://secret.example/feed")
    report.fail("https://secret.example/feed: 404")
    last = Collected(began=1, ended=2, report=report)
    for sealed in (True, False):
        what = source("https://secret.example/feed", cron="0 10 * * * ?", sealed=sealed)
        (one,) = Rounds([what], now=1, remembered={}).all.values()
        told = f"{source_state(one, last, now=1)} {sources_panel([(one, last)])}"
        assert ("secret.example" in told) is not sealed
        assert "test" in told
