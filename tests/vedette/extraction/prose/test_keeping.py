"""Annotated documents packed and unpacked: nothing is lost, what is too large goes without its tokens."""

from __future__ import annotations

import re
import zlib

import orjson
import pytest

from tests.vedette.extraction.prose.annotations import annotated
from vedette.extraction.prose.annotated import AnnotatedDocument, Token
from vedette.extraction.prose.keeping import KeepingError, Summary, keep, unpack


def document() -> AnnotatedDocument:
    """Return one with all there is."""
    plain = annotated(
        "[Emotet|MALWARE] uses [Mimikatz|TOOL].",
        "The émigré \U0001f980 too.",
        says=[(0, "uses", 1, {"hedged": True})],
        techniques={1: ("T1566", 0.9)},
    )
    return plain.model_copy(
        update={
            "title": "On Emotet",
            "skipped": {"boilerplate": 3},
            "sentences": tuple(
                one.model_copy(update={"tokens": _tokens(plain.text, one.start, one.end)}) for one in plain.sentences
            ),
        }
    )


def _tokens(text: str, start: int, end: int) -> tuple[Token, ...]:
    return tuple(
        Token(
            text=found[0], start=found.start(), end=found.end(), pos="X", head=number, relation="dep", label="B-TOOL"
        )
        for number, found in enumerate(re.compile(r"\S+").finditer(text, start, end))
    )


def test_what_is_kept_is_what_was_read() -> None:
    told = document()
    kept = keep(told, places=[(0, 10), None], least_confidence=0.4)
    assert kept.summary == Summary(language="en", read=True, sentences=2, entities=2, relations=1)
    reading = unpack(kept.packed)
    assert reading.annotated() == told
    assert (list(reading.places), reading.least_confidence) == ([(0, 10), None], 0.4)
    assert keep(told, places=[(0, 10), None], least_confidence=0.4).packed == kept.packed


def test_tokens_can_be_left_out() -> None:
    plain = unpack(keep(document(), least_confidence=0.5).packed, tokens=False).annotated()
    assert plain.sentences
    assert all(not one.tokens for one in plain.sentences)
    assert plain.entities == document().entities


def test_a_document_that_is_too_large_goes_without_its_tokens() -> None:
    told = document()
    whole = len(keep(told, least_confidence=0.5).packed)
    kept = keep(told, least_confidence=0.5, limit=whole - 1)
    assert len(kept.packed) < whole
    assert (
        unpack(kept.packed).annotated() == unpack(keep(told, least_confidence=0.5).packed, tokens=False).annotated()
    )


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"no zlib",
        zlib.compress(b""),
        zlib.compress(b"{}\n{}"),
        zlib.compress(b"[]\n{}"),
        zlib.compress(b'{"least_confidence":0.5,"places":[1]}\n{}'),
        zlib.compress(b'{"least_confidence":0.5}\n{"text":"a"}') + zlib.compress(orjson.dumps([[]])),
        zlib.compress(b'{"least_confidence":0.5}\n{"text":"a","sentences":[{}]}') + zlib.compress(b"[[[1]]]"),
    ],
)
def test_what_is_damaged_says_so(packed: bytes) -> None:
    with pytest.raises(KeepingError, match="annotated document"):
        unpack(packed)
    whole = keep(document(), least_confidence=0.5).packed
    with pytest.raises(KeepingError):
        unpack(whole[:-20])
    with pytest.raises(KeepingError):
        unpack(zlib.compress(b'{"least_confidence":0.5}\n{}')).annotated()
