"""Documents: what is the same, what is asked of the classifier, how sure it all is, and any tree at all."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from random import Random
from types import FrameType

import pytest

from tests.prose_reader import ListedReader
from tests.prose_sentences import document, said, said_by
from vedette.extraction.prose.annotated import Entity, Sentence
from vedette.extraction.prose.labels import LABELS, RELATIONS
from vedette.extraction.prose.ports import Pair, SentenceReading
from vedette.extraction.prose.relations.classified import MAX_PAIRS
from vedette.extraction.prose.relations.pairs import MAX_STATEMENTS
from vedette.extraction.prose.relations.relating import HEDGED, relate, relate_all
from vedette.extraction.prose.relations.words import listed


class Asked(ListedReader):
    """Counts what it is asked, and says one thing of every pair."""

    def __init__(self, *, related: str, probability: float) -> None:
        super().__init__({})
        self._answer = (related, probability)
        self.questions: list[list[Pair]] = []

    def relate(self, pairs: Sequence[Pair]) -> list[tuple[str, float]]:
        self.questions.append(list(pairs))
        return [self._answer] * len(pairs)

    def read(self, sentences: Sequence[Sequence[str]]) -> list[SentenceReading]:
        raise AssertionError("the sentences are read already")


def same(*marked: str) -> list[int | None]:
    entities, _ = relate(*document(marked), reader=None)
    return [one.same_as for one in entities]


def test_a_name_that_is_named_again_is_the_same_thing() -> None:
    assert same("[Apache HTTP Server|SOFTWARE] is old . // x", "The [apache http-server|SOFTWARE] was updated .") == [
        None,
        0,
    ]
    assert same("[Emotet|MALWARE] and the [Emotet trojan|MALWARE] and [EMOTET|TOOL] .") == [None, 0, 0]
    assert same("[Lazarus|THREAT_ACTOR] is the [Lazarus Group|THREAT_ACTOR] .") == [None, 0]


@pytest.mark.parametrize(
    "marked",
    [
        "[Foo|SOFTWARE] [1.0|VERSION] and [Bar|SOFTWARE] [1.0|VERSION] .",
        "[Lazarus|THREAT_ACTOR] runs [Lazarus|MALWARE] .",
        "A [buffer overflow|VULNERABILITY] and another [buffer overflow|VULNERABILITY] .",
        "[The Group|THREAT_ACTOR] and [The Gang|THREAT_ACTOR] .",
    ],
)
def test_what_only_sounds_the_same_stays_apart(marked: str) -> None:
    assert set(same(marked)) == {None}


def test_an_alias_holds_for_the_whole_document_and_is_the_first_entity() -> None:
    found = same(
        "[Fancy Bear|THREAT_ACTOR] was seen .",
        "[APT28|THREAT_ACTOR] , also known as [Fancy Bear|THREAT_ACTOR] or [Sofacy|THREAT_ACTOR] , was seen .",
        "[APT28|THREAT_ACTOR] and [Sofacy|THREAT_ACTOR] .",
    )
    assert found == [None, 0, 0, 0, 0, 0]


def test_what_is_one_thing_does_nothing_to_itself() -> None:
    found = said_by(
        "[Foo|SOFTWARE] ( aka [Bar|SOFTWARE] ) and [Bar|SOFTWARE] .", "[NotPetya|MALWARE] ( [ExPetr|MALWARE] )"
    )
    assert found == {"Bar same-as Foo", "ExPetr same-as NotPetya"}


def test_the_classifier_is_asked_once_for_all_documents_and_of_fitting_pairs_only() -> None:
    reader = Asked(related="uses", probability=0.95)
    documents = [
        document(["[APT28|THREAT_ACTOR] and [X-Agent|MALWARE] .", "[APT28|THREAT_ACTOR] in [Berlin|LOC] ."]),
        document(["[Foo|SOFTWARE] [1.2|VERSION] is old ."]),
        document(["[FIN7|THREAT_ACTOR] and [Carbanak|MALWARE] ."]),
    ]
    found = relate_all(documents, reader=reader)
    assert [[(pair.head_label, pair.tail_label) for pair in asked] for asked in reader.questions] == [
        [("THREAT_ACTOR", "MALWARE")] * 2
    ]
    assert [said(*one) for one in found] == [
        {"APT28 uses X-Agent"},
        {"1.2 version-of Foo"},
        {"FIN7 uses Carbanak"},
    ]


def test_nothing_is_asked_where_nothing_is_to_ask() -> None:
    reader = Asked(related="uses", probability=0.95)
    assert relate_all([], reader=reader) == []
    assert relate([], [], reader=reader) == ([], [])
    assert reader.questions == []


def test_an_unsure_classifier_is_not_believed_alone() -> None:
    sentences, entities = document(["[APT28|THREAT_ACTOR] and [X-Agent|MALWARE] ."])
    assert relate(sentences, entities, reader=Asked(related="uses", probability=0.6))[1] == []
    assert relate(sentences, entities, reader=Asked(related="none", probability=0.99))[1] == []


def test_two_that_agree_are_surer_and_one_that_is_contradicted_is_less_sure() -> None:
    sentences, entities = document(["[APT41|THREAT_ACTOR] 's backdoor [Winnti|MALWARE] was seen ."])
    alone, agreed, denied = (
        relate(sentences, entities, reader=reader)[1][0].confidence
        for reader in (
            None,
            Asked(related="uses", probability=0.9),
            Asked(related="none", probability=0.9),
        )
    )
    assert denied < alone < agreed <= 1


def test_a_relation_is_as_sure_as_its_entities_and_half_as_sure_where_it_is_doubted() -> None:
    sentences, entities = document(["[Foo|SOFTWARE] [1.0|VERSION] , and possibly [1.1|VERSION] , is affected ."])
    sure, doubted = relate(sentences, entities, reader=None)[1]
    assert doubted.confidence == pytest.approx(sure.confidence * HEDGED, abs=1e-3)
    unsure: list[Entity] = [one.model_copy(update={"confidence": 0.5}) for one in entities]
    assert relate(sentences, unsure, reader=None)[1][0].confidence == pytest.approx(sure.confidence / 2, abs=1e-3)


def test_a_list_that_was_read_as_a_sentence_says_only_so_much() -> None:
    flaws = " , ".join(f"[V{place}|VULNERABILITY]" for place in range(40))
    products = " , ".join(f"[P{place}|SOFTWARE]" for place in range(60))
    actors = " , ".join(f"[A{place}|THREAT_ACTOR]" for place in range(20))
    tools = " , ".join(f"[T{place}|TOOL]" for place in range(20))
    reader = Asked(related="uses", probability=0.95)
    _, relations = relate(*document([f"{flaws} in {products} .", f"{actors} , {tools} ."]), reader=reader)
    assert len([one for one in relations if one.sentence == 0]) == MAX_STATEMENTS
    assert len(reader.questions[0]) == MAX_PAIRS


def calls(read: tuple[list[Sentence], list[Entity]]) -> int:
    """Return how many functions are called: unlike the time, the same on any machine."""
    count = 0

    def counted(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        relate(*read, reader=None)
    finally:
        sys.setprofile(before)
    return count


def test_twice_the_text_is_twice_the_work() -> None:
    def of(sentences: int) -> int:
        return calls(
            document(
                [f"[A{at % 50}|THREAT_ACTOR] used [M{at}|MALWARE] ; the malware is old ." for at in range(sentences)]
            )
        )

    assert of(400) < 2.2 * of(200)


def test_a_sentence_in_which_every_verb_has_every_name_is_bounded_work() -> None:
    names = " ".join(f"[A{at}|{'MALWARE' if at % 2 else 'THREAT_ACTOR'}]" for at in range(80))
    words = f"{names} {' '.join(['used'] * 320)}"
    tree = [("PROPN", 81, "nsubj" if at < 40 else "obj") for at in range(80)]
    tree += [("VERB", 0 if at == 0 else 81, "root" if at == 0 else "conj") for at in range(320)]
    assert calls(document([words], [tree])) < 500_000


WORDS = sorted(
    listed(
        """
        used exploits drops by in , ( ) and not may before of the malware it that which is was aka fixed 's no attack
        against based behind responsible from to with
        """
    )
)
WAYS = sorted(
    listed(
        """
        nsubj nsubj:pass obj obl obl:agent nmod conj cc xcomp ccomp advcl acl acl:relcl appos cop aux:pass case root
        """
    )
)


def any_sentence(chance: Random) -> tuple[str, list[tuple[str, int, str]]]:
    """Return words in any order with a tree that need not be one."""
    words = [
        f"[N{chance.randrange(6)}|{chance.choice(LABELS)}]" if chance.random() < 0.5 else chance.choice(WORDS)
        for _ in range(chance.randint(1, 14))
    ]
    tree = [
        (chance.choice(["VERB", "NOUN", "AUX"]), chance.randint(-1, len(words) + 2), chance.choice(WAYS))
        for _ in words
    ]
    return " ".join(words), tree


@pytest.mark.parametrize("seed", range(4))
def test_any_tree_with_circles_and_without_a_root_is_read(seed: int) -> None:
    chance = Random(seed)
    said_anything = 0
    for _ in range(80):
        parsed = [any_sentence(chance) for _ in range(3)]
        sentences, entities = document([text for text, _ in parsed], [tree for _, tree in parsed])
        found, relations = relate(sentences, entities, reader=None)
        assert [one.id for one in found] == [one.id for one in entities]
        for one in found:
            assert one.same_as is None or (one.same_as < one.id and found[one.same_as].same_as is None)
        for told in relations:
            assert told.head != told.tail
            assert {told.head, told.tail} <= {one.id for one in entities}
            assert told.relation in RELATIONS
            assert 0 < told.confidence <= 1
        assert relate(sentences, entities, reader=None) == (found, relations)
        said_anything += bool(relations)
    assert said_anything > 3
