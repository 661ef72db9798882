"""Windows of one sentence are one reading again: places counted on, one root, each technique once."""

from __future__ import annotations

from vedette.extraction.prose.ports import SentenceReading, Span
from vedette.extraction.prose.reading.joining import joined


def test_windows_are_joined() -> None:
    first = SentenceReading(
        spans=[Span(start=0, end=1, label="TOOL", confidence=0.9)],
        pos=["NOUN", "VERB"],
        heads=[2, 0],
        relations=["nsubj", "root"],
        techniques=[("T1059", 0.5), ("T1003", 0.2)],
    )
    last = SentenceReading(
        spans=[Span(start=1, end=2, label="MALWARE", confidence=0.8)],
        pos=["VERB", "NOUN"],
        heads=[0, 1],
        relations=["root", "obj"],
        techniques=[("T1003", 0.7), ("T1059", 0.1)],
    )

    found = joined([first, last])

    assert [(one.start, one.end) for one in found.spans] == [(0, 1), (3, 4)]
    assert found.pos == ["NOUN", "VERB", "VERB", "NOUN"]
    assert found.heads == [2, 0, 2, 3]
    assert found.relations == ["nsubj", "root", "parataxis", "obj"]
    assert found.techniques == [("T1003", 0.7), ("T1059", 0.5)]


def test_no_windows_are_nothing() -> None:
    assert joined([]) == SentenceReading(spans=[], pos=[], heads=[], relations=[], techniques=[])
