"""Names that come again: spelled alike, where nothing else is, and not if they were rather seen wrongly."""

from __future__ import annotations

from vedette.extraction.prose.labels import Label
from vedette.extraction.prose.recurring import Name, recurring


def again(sentences: list[str], *seen: tuple[int, int, int, Label, float]) -> list[tuple[int, int, int, str]]:
    """Return where names stand again."""
    words = [sentence.split(" ") for sentence in sentences]
    names = [Name(*one) for one in seen]
    free = [
        [not any(one.sentence == place and one.start <= at < one.end for one in names) for at in range(len(some))]
        for place, some in enumerate(words)
    ]
    return [(one.sentence, one.start, one.end, one.label) for one in recurring(words, names, free)]


def test_a_name_is_found_where_it_was_missed() -> None:
    sentences = ["they use Emotet", "what Emotet does", "emotet and EMOTET"]

    assert again(sentences, (0, 2, 3, "MALWARE", 0.9)) == [(1, 1, 2, "MALWARE")]


def test_a_name_of_several_words_is_found_whole() -> None:
    sentences = ["by Lazarus Group now", "Lazarus Group struck , Lazarus did"]

    assert again(sentences, (0, 1, 3, "THREAT_ACTOR", 0.9)) == [(1, 0, 2, "THREAT_ACTOR")]


def test_the_first_word_of_a_sentence_has_a_capital_anyway() -> None:
    sentences = ["the Play gang", "Play with it"]

    assert again(sentences, (0, 1, 2, "MALWARE", 0.9)) == []


def test_what_is_missed_more_often_than_seen_is_no_name() -> None:
    sentences = ["a Server b", "c Server d", "e Server f"]

    assert again(sentences, (0, 1, 2, "TOOL", 0.9)) == []


def test_unsure_common_and_other_names_are_not_on_the_list() -> None:
    sentences = ["x Emotet banks Poland", "y Emotet banks Poland"]

    assert again(sentences, (0, 1, 2, "MALWARE", 0.5), (0, 2, 3, "ORG", 0.9), (0, 3, 4, "LOC", 0.9)) == []


def test_the_label_that_more_speaks_for_is_taken() -> None:
    sentences = ["a Cobalt Strike", "b Cobalt Strike", "c Cobalt Strike", "d Cobalt Strike"]

    found = again(sentences, (0, 1, 3, "TOOL", 0.7), (1, 1, 3, "MALWARE", 0.9), (2, 1, 3, "TOOL", 0.8))

    assert found == [(3, 1, 3, "TOOL")]


def test_nothing_comes_of_nothing() -> None:
    assert recurring([], [], []) == []
    assert recurring([[]], [], [[]]) == []
