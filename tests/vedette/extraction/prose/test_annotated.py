"""The annotated document: its tokens are small, and its JSON is checked like that of the rest."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from vedette.extraction.prose.annotated import AnnotatedDocument, Token


def test_a_token_has_no_dictionary_of_its_own() -> None:
    assert not hasattr(Token(text="a", start=0, end=1), "__dict__")


@pytest.mark.parametrize("wrong", [{"start": -1}, {"end": "late"}, {"colour": "red"}, {"text": None}])
def test_tokens_of_json_are_checked(wrong: dict[str, object]) -> None:
    token = {"text": "a", "start": 0, "end": 1} | wrong
    said = {"text": "a", "sentences": [{"start": 0, "end": 1, "tokens": [token]}]}
    with pytest.raises(ValidationError, match="tokens"):
        AnnotatedDocument.model_validate_json(json.dumps(said))


def test_tokens_come_back_from_json() -> None:
    token = Token(text="a", start=0, end=1, pos="DET", head=0, relation="root")
    said = {"text": "a", "sentences": [{"start": 0, "end": 1, "tokens": [token]}]}
    document = AnnotatedDocument.model_validate(said)
    assert AnnotatedDocument.model_validate_json(document.model_dump_json()) == document
    assert document.sentences[0].tokens == (token,)
