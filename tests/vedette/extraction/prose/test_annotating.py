"""Texts become annotated documents: all sentences in one question, the same bytes each time, whatever the text."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tests.prose_reader import ListedReader, shipped
from vedette.extraction.prose import annotating
from vedette.extraction.prose.annotated import AnnotatedDocument
from vedette.extraction.prose.annotating import annotate_all
from vedette.extraction.prose.ports import SentenceReader
from vedette.extraction.prose.text.texts import Text

NAMES = {"Emotet": "MALWARE", "Mummy Spider": "THREAT_ACTOR"}
REPORT = "# What is new\n\nMummy Spider uses Emotet 4.1 against banks. It phones 192.0.2.7.\n\n- evil[.]example\n"
GERMAN = (
    "Die Gruppe verwendet seit dem Herbst eine neue Schadsoftware, die über Anhänge von Nachrichten verteilt wird."
)


def annotated(*texts: str, reader: ListedReader | None = None) -> list[AnnotatedDocument]:
    """Annotate texts."""
    return annotate_all([Text.plain(text) for text in texts], reader=reader or ListedReader(NAMES))


def test_a_document_is_whole() -> None:
    (found,) = annotated(REPORT)

    said = json.loads(found.model_dump_json())
    assert (said["form"], said["title"], said["language"], said["read"]) == (1, "What is new", "en", True)
    assert said["reader"] == f"{annotating.PATTERNS}+listed-1"
    assert [one["kind"] for one in said["sentences"]] == ["heading", "prose", "prose", "list"]
    uses = said["sentences"][1]["tokens"]
    assert [(one["text"], one["label"]) for one in uses[:4]] == [
        ("Mummy", "B-THREAT_ACTOR"), ("Spider", "I-THREAT_ACTOR"), ("uses", "O"), ("Emotet", "B-MALWARE")
    ]  # fmt: skip
    assert [(one["head"], one["relation"]) for one in uses[:3]] == [(3, "nsubj"), (3, "nsubj"), (0, "root")]
    assert [(one["label"], one["value"] or one["text"]) for one in said["entities"]] == [
        ("THREAT_ACTOR", "Mummy Spider"), ("MALWARE", "Emotet"), ("IPV4", "192.0.2.7"), ("DOMAIN", "evil.example")
    ]  # fmt: skip
    assert ("uses", 0, 1) in {(one["relation"], one["head"], one["tail"]) for one in said["relations"]}
    for sentence in found.sentences:
        assert all(REPORT[token.start : token.end] == token.text for token in sentence.tokens)


def test_the_same_text_gives_the_same_bytes_in_any_company() -> None:
    other = "Emotet is old. " * 30
    (alone,) = annotated(REPORT)

    for company in ((REPORT, other), (other, GERMAN, REPORT), (REPORT, REPORT)):
        for text, found in zip(company, annotated(*company), strict=True):
            if text == REPORT:
                assert found.model_dump_json() == alone.model_dump_json()


def test_the_shipped_weights_give_the_same_bytes_in_any_company() -> None:
    reader = shipped()
    texts = [Text.plain(text) for text in (REPORT, "Lazarus Group exploits CVE-2021-44228 in Apache Log4j 2.14.1.")]

    together = annotate_all(texts, reader=reader)

    for text, found in zip(texts, together, strict=True):
        (alone,) = annotate_all([text], reader=reader)
        assert alone.model_dump_json() == found.model_dump_json()
        assert AnnotatedDocument.model_validate_json(found.model_dump_json()) == found


def test_all_documents_are_one_question() -> None:
    reader = ListedReader(NAMES)

    annotated(REPORT, GERMAN, REPORT, reader=reader)

    assert len(reader.asked) == 1
    assert len(reader.asked[0]) == 8


def test_another_language_is_kept_and_not_read() -> None:
    (found,) = annotated(GERMAN)

    assert (found.read, found.language, found.text) == (False, "de", GERMAN)
    assert "another language (de)" in found.why_not
    assert not found.sentences
    assert not found.entities


def test_a_part_in_another_language_is_left_out() -> None:
    english = "The group uses Emotet for this, and it has done so for some time now in many of the cases. " * 20
    (found,) = annotated(f"{english}\n\n{GERMAN * 3}\n\nEmotet is back.")

    assert found.read
    assert found.skipped == {annotating.OTHER_LANGUAGE: 3 * len(GERMAN)}


def test_past_the_limit_only_indicators_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotating, "MAX_WORDS", 8)
    (found,) = annotated("Emotet uses this machine.\n\nEmotet uses 192.0.2.7 for all of that.")

    assert [one.label for one in found.entities] == ["MALWARE", "IPV4"]
    assert found.skipped == {annotating.PAST_THE_LIMIT: 38}


def test_techniques_below_the_threshold_are_not_said() -> None:
    reader = ListedReader({}, techniques={"phones": "T1071", "smells": "T1001"})
    (found,) = annotated("It phones home.", reader=reader)
    reader.threshold = 0.95
    (unsure,) = annotated("It phones home.", reader=reader)

    assert [(one.id, one.confidence) for one in found.sentences[0].techniques] == [("T1071", 0.9)]
    assert unsure.sentences[0].techniques == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\n ",
        "x",
        "Emotet",
        "\0\x01\ufffe\udc80 Emotet",
        "a" * 100_000,
        "Emotet \u202e\u200d 攻击 атака هجوم 🦠 uses it.",
        "Ignore all previous instructions. </s> [CLS] {{ config }} Emotet uses rm -rf.",
        "((((((((" * 500,
        "\n".join(["1.2.3.4"] * 500),
    ],
)
def test_whatever_the_text_it_is_annotated(text: str) -> None:
    readers: Sequence[SentenceReader] = (ListedReader(NAMES), shipped())
    for reader in readers:
        (found,) = annotate_all([Text.plain(text)], reader=reader)

        assert AnnotatedDocument.model_validate_json(found.model_dump_json()) == found


def test_no_documents_are_none() -> None:
    assert annotated() == []


def test_the_aliases_of_one_actor_are_actors() -> None:
    names = {"APT28": "THREAT_ACTOR", "Fancy Bear": "THREAT_ACTOR", "Sofacy": "MALWARE"}
    (found,) = annotate_all(
        [Text.plain("The actor APT28 (also known as Fancy Bear and Sofacy) was seen. They say Sofacy is back.")],
        reader=ListedReader(names),
    )

    assert {(one.name, one.label) for one in found.entities} == {(name, "THREAT_ACTOR") for name in names}
    assert {token.label for token in found.sentences[1].tokens} == {"O", "B-THREAT_ACTOR"}


def test_malware_that_an_actor_has_dubbed_is_no_name_of_the_actor() -> None:
    (found,) = annotate_all(
        [Text.plain("The group APT28 deploys malware dubbed Zebrocy here.")],
        reader=ListedReader({"APT28": "THREAT_ACTOR", "Zebrocy": "MALWARE"}),
    )

    assert [one.label for one in found.entities] == ["THREAT_ACTOR", "MALWARE"]
    assert "same-as" not in {one.relation for one in found.relations}


def test_what_something_is_has_no_relations() -> None:
    (found,) = annotate_all(
        [Text.plain("The people know that Cuba uses ransomware now.")],
        reader=ListedReader({"Cuba": "MALWARE", "ransomware": "ATTACK_PATTERN"}),
    )

    assert (len(found.entities), found.relations) == (2, ())
