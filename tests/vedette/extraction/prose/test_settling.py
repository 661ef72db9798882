"""One name has one label in a document, but where one name is two things."""

from __future__ import annotations

import pytest

from vedette.extraction.prose.labels import Label
from vedette.extraction.prose.settling import Labelled, settled, settled_label


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ([("MALWARE", 0.9), ("LOC", 0.4)], {("cuba", "LOC"): "MALWARE"}),
        # Nothing speaks more for one than for the other.
        ([("MALWARE", 0.9), ("LOC", 0.8)], {}),
        ([("LOC", 0.6), ("LOC", 0.6), ("MALWARE", 0.7)], {("cuba", "MALWARE"): "LOC"}),
        # A maker and its product, a gang and its ransomware.
        ([("VENDOR", 0.9), ("SOFTWARE", 0.4)], {}),
        ([("MALWARE", 0.9), ("THREAT_ACTOR", 0.4)], {}),
        ([("VERSION", 0.9), ("UPDATE", 0.4)], {}),
        ([("MALWARE", 0.9)], {}),
    ],
)
def test_what_is_said_more_counts(said: list[tuple[Label, float]], wanted: dict[tuple[str, Label], Label]) -> None:
    names = [Labelled(text, label, sure) for text, (label, sure) in zip(("Cuba", "cuba", "CUBA"), said, strict=False)]

    assert settled(names) == wanted


def test_the_names_of_one_thing_are_what_speaks_most_for() -> None:
    assert settled_label([("MALWARE", 0.9), ("THREAT_ACTOR", 0.6), ("THREAT_ACTOR", 0.6)]) == "THREAT_ACTOR"
