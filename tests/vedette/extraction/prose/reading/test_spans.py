"""What tags say: entities with the mean probability of their tags."""

from __future__ import annotations

import numpy as np
import pytest

from vedette.extraction.prose.ports import Span
from vedette.extraction.prose.reading.spans import spans


def test_spans_have_the_mean_probability_of_their_tags() -> None:
    tags = ["B-MALWARE", "I-MALWARE", "B-MALWARE", "O", "B-TOOL", "I-TOOL", "I-TOOL"]
    sure = np.array([0.8, 0.6, 0.5, 0.9, 0.3, 0.6, 0.9], dtype=np.float32)

    found = spans(tags, sure)

    assert [(one.start, one.end, one.label) for one in found] == [
        (0, 2, "MALWARE"),
        (2, 3, "MALWARE"),
        (4, 7, "TOOL"),
    ]
    assert [one.confidence for one in found] == pytest.approx([0.7, 0.5, 0.6])


def test_a_label_with_a_dash_or_slash_is_whole() -> None:
    tags = ["B-CLICommand/Code-Snippet", "I-CLICommand/Code-Snippet"]

    found = spans(tags, np.ones(2, dtype=np.float32))

    assert found == [Span(start=0, end=2, label="CLICommand/Code-Snippet", confidence=1.0)]


def test_no_words_have_no_spans() -> None:
    assert spans([], np.zeros(0, dtype=np.float32)) == []
