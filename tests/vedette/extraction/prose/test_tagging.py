"""Sentences that come as words are tagged in a data set's labels, or in ours with patterns and rules."""

from __future__ import annotations

from collections.abc import Sequence

from tests.prose_reader import ListedReader, shipped
from vedette.extraction.prose.tagging import tags_of

WORDS = ["Qakbot", "calls", "192.0.2.7", "on", "Windows", "7", "SP1", "."]


def test_our_own_labels_are_those_of_an_annotated_document() -> None:
    reader = shipped()

    ours, nothing = tags_of([WORDS, []], "vedette", reader=reader)
    (theirs,) = tags_of([WORDS], "cyner", reader=reader)

    assert (ours[2], ours[4:7], nothing) == ("B-IPV4", ["B-OS", "B-VERSION", "B-UPDATE"], [])
    assert theirs == reader.in_labels([WORDS], "cyner")[0]


def test_what_a_pattern_knows_is_found_in_the_labels_of_kev() -> None:
    words = ["The", "thing", "in", "admin", "user.php", "is", "CVE-2021-0001", "."]

    (tags,) = tags_of([words], "kev", reader=Silent())

    assert tags == ["O", "O", "O", "B-SOFTWARE", "B-FILE", "O", "B-VULNERABILITY_ID", "O"]


def test_the_labels_of_others_are_the_models_alone() -> None:
    assert tags_of([["user.php"]], "cyner", reader=Silent()) == [["O"]]


class Silent(ListedReader):
    """Says in all labels only that `admin` is a product."""

    def __init__(self) -> None:
        super().__init__({})

    def in_labels(self, sentences: Sequence[Sequence[str]], head: str) -> list[list[str]]:
        """Return the tags."""
        return [["B-SOFTWARE" if word == "admin" else "O" for word in words] for words in sentences]
