"""A question about a pair: roles on its words, and of a long sentence the words around both."""

from __future__ import annotations

import pytest

from vedette.extraction.prose.features import MAX_WORDS, role
from vedette.extraction.prose.ports import Pair
from vedette.extraction.prose.reading.asking import question


def asked(words: int, head: tuple[int, int], tail: tuple[int, int]) -> tuple[list[str], list[int]] | None:
    """Ask about a sentence of numbers."""
    named = [str(number) for number in range(words)]
    return question(Pair(words=named, head=head, head_label="MALWARE", tail=tail, tail_label="TOOL"))


def test_words_have_their_roles() -> None:
    found = asked(6, (3, 5), (0, 1))

    assert found is not None
    assert found[0] == ["0", "1", "2", "3", "4", "5"]
    assert found[1] == [role("TOOL", tail=True), 0, 0, *[role("MALWARE", tail=False)] * 2, 0]


@pytest.mark.parametrize(
    ("head", "tail"),
    [((0, 1), (50, 52)), ((200, 210), (290, 291)), ((299, 300), (210, 211)), ((150, 151), (160, 161))],
)
def test_of_a_long_sentence_both_are_in_the_window(head: tuple[int, int], tail: tuple[int, int]) -> None:
    found = asked(300, head, tail)

    assert found is not None
    words, roles = found
    assert len(words) == len(roles) == MAX_WORDS
    assert words[roles.index(role("MALWARE", tail=False))] == str(head[0])
    assert words[roles.index(role("TOOL", tail=True))] == str(tail[0])


@pytest.mark.parametrize(
    ("head", "tail"), [((0, 1), (200, 201)), ((5, 9), (0, 1)), ((0, 1), (2, 7)), ((2, 2), (2, 2))]
)
def test_what_cannot_be_asked_is_not(head: tuple[int, int], tail: tuple[int, int]) -> None:
    words = 300 if tail[1] > 100 else 6

    assert asked(words, head, tail) is None
