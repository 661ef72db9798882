"""Applying people's corrections: to the document they were made of, to another reading of it, and in any order."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.prose_documents import REPORT, report
from tests.vedette.extraction.prose.annotations import annotated
from vedette.errors import RefusedError
from vedette.extraction.prose.annotated import AnnotatedDocument
from vedette.extraction.prose.corrections.correcting import apply
from vedette.extraction.prose.corrections.kinds import (
    AddEntity,
    AddRelation,
    ChangeEntity,
    Correction,
    Place,
    RejectEntity,
    RejectRelation,
    parse_correction,
)
from vedette.extraction.prose.corrections.lessons import lessons_of
from vedette.extraction.prose.labels import LABELS, RELATIONS


def at(text: str, *, after: int = 0) -> Place:
    """Where a text stands in the report."""
    start = REPORT.index(text, after)
    return Place(start=start, end=start + len(text), text=text)


LAZARUS, QAKBOT, BANKS, NORWAY = at("Lazarus Group"), at("Qakbot"), at("banks"), at("Norway")


def named(document: AnnotatedDocument) -> list[tuple[str, str]]:
    return [(one.text, one.label) for one in document.entities]


def said(document: AnnotatedDocument) -> list[tuple[str, str, str]]:
    entities = document.entities
    return [(entities[one.head].text, one.relation, entities[one.tail].text) for one in document.relations]


def sound(document: AnnotatedDocument) -> None:
    """Hold what every annotated document promises."""
    end = 0
    for number, one in enumerate(document.entities):
        assert one.id == number
        assert one.start >= end
        assert document.text[one.start : one.end] == one.text
        sentence = document.sentences[one.sentence]
        assert sentence.start <= one.start < one.end <= sentence.end
        assert one.same_as is None or (one.same_as < number and document.entities[one.same_as].same_as is None)
        end = one.end
    for relation in document.relations:
        assert {relation.head, relation.tail} <= set(range(len(document.entities)))
    tagged = [token for sentence in document.sentences for token in sentence.tokens if token.label != "O"]
    for token in tagged:
        assert any(one.start < token.end and token.start < one.end for one in document.entities)
    assert sum(token.label.startswith("B-") for token in tagged) <= len(document.entities)


def corrected(*corrections: Correction) -> AnnotatedDocument:
    result = apply(report(), corrections)
    assert result.unfit == ()
    sound(result.document)
    return result.document


def test_without_corrections_the_document_is_the_readers() -> None:
    document = report()
    sound(document)
    assert apply(document, []).document is document


def test_what_names_nothing_goes_with_all_that_was_said_of_it() -> None:
    document = corrected(RejectEntity(at=QAKBOT))
    assert named(document).count(("Qakbot", "MALWARE")) == 1, "only the one that was meant"
    assert ("Lazarus Group", "uses", "Qakbot") not in said(document)
    assert ("Qakbot", "communicates-with", "192.0.2.7") in said(document)
    (left,) = (one for one in document.entities if one.text == "Qakbot")
    assert left.same_as is None, "the first of them is gone, so it is the first"
    assert [token.label for token in document.sentences[0].tokens][3] == "O"


def test_what_is_something_else_keeps_what_was_said_of_it() -> None:
    document = corrected(ChangeEntity(at=BANKS, to=BANKS, label="ORG"))
    (banks,) = (one for one in document.entities if one.text == "banks")
    assert (banks.label, banks.origin, banks.confidence) == ("ORG", "person", 1.0)
    assert ("Lazarus Group", "targets", "banks") in said(document)
    assert "B-ORG" in [token.label for token in document.sentences[0].tokens]


def test_a_longer_name_swallows_what_stood_in_it() -> None:
    whole = at("banks in Norway")
    document = corrected(ChangeEntity(at=BANKS, to=whole, label="ORG"))
    assert ("banks in Norway", "ORG") in named(document)
    assert ("Norway", "LOC") not in named(document)
    labels = [token.label for token in document.sentences[0].tokens]
    assert labels[5:8] == ["B-ORG", "I-ORG", "I-ORG"]


def test_what_was_not_seen_is_added_and_is_the_same_as_its_namesake() -> None:
    document = corrected(RejectEntity(at=QAKBOT), AddEntity(at=QAKBOT, label="MALWARE"))
    first, second = (one for one in document.entities if one.text == "Qakbot")
    assert (first.origin, second.origin) == ("person", "model")
    again = corrected(AddEntity(at=at("runs"), label="TOOL"), AddEntity(at=at("scripts"), label="TOOL"))
    assert [one.text for one in again.entities if one.origin == "person"] == ["runs", "scripts"]


def test_relations_are_rejected_and_added() -> None:
    document = corrected(
        RejectRelation(head=LAZARUS, relation="uses", tail=QAKBOT),
        AddRelation(head=LAZARUS, relation="targets", tail=NORWAY),
    )
    assert ("Lazarus Group", "uses", "Qakbot") not in said(document)
    (added,) = (one for one in document.relations if one.origin == "person")
    assert (added.confidence, added.negated, added.hedged, added.sentence) == (1.0, False, False, 0)
    assert said(document)[-1] == ("Lazarus Group", "targets", "Norway")


def test_what_the_reader_did_not_vouch_for_a_person_does() -> None:
    cobra, weakness = at("Hidden Cobra"), at("CVE-2026-0001")
    document = corrected(AddRelation(head=cobra, relation="exploits", tail=weakness))
    (only,) = (one for one in document.relations if one.relation == "exploits")
    assert (only.hedged, only.origin) == (False, "person")


@pytest.mark.parametrize(
    ("correction", "reason"),
    [
        (RejectEntity(at=Place(start=0, end=3, text="Foo")), "another text stands there now"),
        (RejectEntity(at=at("uses")), "no entity is read at"),
        (RejectRelation(head=LAZARUS, relation="drops", tail=QAKBOT), "is not read any more"),
        (AddRelation(head=LAZARUS, relation="uses", tail=LAZARUS), "from an entity to itself"),
        (AddRelation(head=LAZARUS, relation="uses", tail=at("against")), "no entity is read at"),
        (AddEntity(at=at("Norway.\nThe"), label="LOC"), "past the end of its sentence"),
        (ChangeEntity(at=BANKS, to=Place(start=9_000, end=9_003, text="out"), label="ORG"), "another text"),
    ],
)
def test_what_does_not_fit_is_reported_and_the_others_count(correction: Correction, reason: str) -> None:
    result = apply(report(), [correction, RejectEntity(at=NORWAY)])
    (unfit,) = result.unfit
    assert (unfit.place, unfit.correction) == (0, correction)
    assert reason in unfit.reason
    assert reason in str(unfit)
    assert ("Norway", "LOC") not in named(result.document)
    sound(result.document)


def test_of_another_reading_what_still_fits_is_kept() -> None:
    moved = report().model_copy(update={"text": "x" + REPORT})
    result = apply(moved, [RejectEntity(at=NORWAY), AddEntity(at=at("runs"), label="TOOL")])
    assert len(result.unfit) == 2
    assert result.document.entities == moved.entities


def test_the_last_word_counts() -> None:
    document = corrected(
        AddEntity(at=at("banks in Norway"), label="ORG"),
        AddEntity(at=at("in", after=39), label="LOC"),
        RejectEntity(at=at("in", after=39)),
    )
    assert not any(one.origin == "person" for one in document.entities)


def test_any_corrections_in_any_order_leave_a_sound_document() -> None:
    chance = random.Random(20_261_122)
    for _ in range(60):
        corrections = [_random(chance) for _ in range(chance.randrange(1, 25))]
        result = apply(report(), corrections)
        sound(result.document)
        assert apply(report(), corrections) == result
        lessons = lessons_of(result, corrections)
        for line in lessons.entities:
            assert len(line["tokens"]) == len(line["tags"])


def _random(chance: random.Random) -> Correction:
    def place() -> Place:
        known = [(one.start, one.end) for one in report().entities]
        start = chance.randrange(len(REPORT) - 30)
        start, end = chance.choice([*known, (start, start + chance.randrange(1, 25))])
        text = REPORT[start:end]
        return Place(start=start, end=end, text=text if text.strip() else "x" * (end - start))

    label, relation = chance.choice(LABELS), chance.choice(RELATIONS)
    kinds: Sequence[Correction] = (
        RejectEntity(at=place()),
        ChangeEntity(at=place(), to=place(), label=label),
        AddEntity(at=place(), label=label),
        RejectRelation(head=place(), relation=relation, tail=place()),
        AddRelation(head=place(), relation=relation, tail=place()),
    )
    return chance.choice(kinds)


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        "x",
        {"kind": "reject-entity"},
        {"kind": "other", "at": {"start": 0, "end": 1, "text": "L"}},
        {"kind": "reject-entity", "at": {"start": 0, "end": 5, "text": "L"}},
        {"kind": "reject-entity", "at": {"start": -1, "end": 0, "text": "L"}},
        {"kind": "reject-entity", "at": {"start": 0, "end": 2, "text": "  "}},
        {"kind": "reject-entity", "at": {"start": 0, "end": 1, "text": "\ud800"}},
        {"kind": "reject-entity", "at": {"start": 0, "end": 401, "text": "x" * 401}},
        {"kind": "add-entity", "at": {"start": 0, "end": 1, "text": "L"}, "label": "NOTHING"},
        {"kind": "add-entity", "at": {"start": 0, "end": 1, "text": "L"}, "label": "ORG", "more": 1},
    ],
)
def test_what_is_no_correction_is_refused_with_its_field(value: object) -> None:
    with pytest.raises(RefusedError):
        parse_correction(value)


def test_every_correction_survives_json() -> None:
    chance = random.Random(1)
    for _ in range(50):
        one = _random(chance)
        assert parse_correction(one.model_dump()) == one


def test_corrected_sentences_are_lessons_in_the_data_sets_form() -> None:
    corrections: list[Correction] = [
        ChangeEntity(at=BANKS, to=BANKS, label="ORG"),
        RejectRelation(head=LAZARUS, relation="uses", tail=QAKBOT),
        AddRelation(head=LAZARUS, relation="targets", tail=NORWAY),
        RejectEntity(at=at("against")),
    ]
    lessons = lessons_of(apply(report(), corrections), corrections)
    (tagged,) = lessons.entities
    assert tagged["source"] == "corrections"
    assert tagged["tokens"][:4] == ["Lazarus", "Group", "uses", "Qakbot"]
    assert tagged["tags"][:6] == ["B-THREAT_ACTOR", "I-THREAT_ACTOR", "O", "B-MALWARE", "O", "B-ORG"]
    rejected, added = lessons.relations
    assert rejected["relation"] == "none"
    assert added | {"tokens": []} == {
        "tokens": [],
        "head": {"start": 0, "end": 2, "type": "THREAT_ACTOR"},
        "tail": {"start": 7, "end": 8, "type": "LOC"},
        "relation": "targets",
        "source": "corrections",
    }


def test_what_a_person_calls_another_thing_takes_nothing_else_along() -> None:
    document = annotated(
        "[Emotet|MALWARE] came.", "[Emotet|MALWARE] left.", "[Emotet|MALWARE] was.", same={1: 0, 2: 0}
    )
    place = Place(start=0, end=6, text="Emotet")
    corrected = apply(document, [ChangeEntity(at=place, to=place, label="TOOL")]).document
    assert [(one.label, one.same_as) for one in corrected.entities] == [
        ("TOOL", None),
        ("MALWARE", None),
        ("MALWARE", 1),
    ]


def test_what_two_sentences_say_of_the_same_two_is_rejected_in_both() -> None:
    document = report()
    twice = document.relations[0]
    ends = [document.entities[id] for id in (twice.head, twice.tail)]
    again = document.model_copy(
        update={
            "relations": (*document.relations, twice.model_copy(update={"sentence": len(document.sentences) - 1}))
        }
    )
    head, tail = (Place(start=one.start, end=one.end, text=one.text) for one in ends)

    result = apply(again, [RejectRelation(head=head, relation=twice.relation, tail=tail)])

    assert result.unfit == ()
    assert said(result.document) == said(document)[1:]


def test_what_is_added_over_several_entities_takes_the_place_of_all() -> None:
    document = report()
    first, _, third = document.entities[:3]
    whole = Place(start=first.start, end=third.end, text=document.text[first.start : third.end])

    result = apply(document, [AddEntity(at=whole, label="CAMPAIGN")])

    assert result.unfit == ()
    sound(result.document)
    inside = [one for one in result.document.entities if one.start < whole.end and whole.start < one.end]
    assert [(one.text, one.label) for one in inside] == [(whole.text, "CAMPAIGN")]
