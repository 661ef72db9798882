"""Correcting one sentence: what it names and says is rejected, changed or added with forms; and taken back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.corrections import CorrectedItem, Corrections, UnknownCorrectionError
from registry.graph_corrections import CorrectionLine
from vedette.errors import RefusedError
from vedette.extraction.prose.annotated import AnnotatedDocument
from vedette.extraction.prose.corrections.kinds import Correction, parse_correction
from vedette.extraction.prose.labels import RELATIONS
from vedette.messages.limits import MAX_TEXT
from web.api.access import Rules
from web.api.forms import read_form
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.v1.acting import actor_of
from web.api.v1.items import Uuid
from web.console.annotation import WORDS, Texts
from web.console.annotation_addresses import SENTENCE, UNDO, Sentence, sentence_address, text_address
from web.console.annotation_view import entities_near, sentence_row, sentences_of
from web.console.entity_kinds import GROUPS
from web.console.frame import add_page
from web.console.items import ITEMS
from web.console.parameters import PageParameters

WORDS_SHOWN: Final = 400
"""Words of a sentence that can be chosen; a longer one is no sentence of a person's."""

AROUND: Final = 2
"""Sentences before and behind from which a relation may lead here: "the group" is named a sentence earlier."""

_WORD: Final = re.compile(r"\w+(?:[-.:/@\\]+\w+)*|[^\w\s]")
_SPAN: Final = re.compile(r"(\d{1,9})-(\d{1,9})")

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="The correction's number.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """A word that can be chosen as the first or last of an entity."""

    text: str
    """What it is."""
    start: int
    """Of its first character in the document."""
    end: int
    """Behind its last one."""


class SentenceParameters(PageParameters):
    """Which sentence."""

    sentence: Sentence
    """Its number, from 1."""
    change: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    """Id of the entity that is to be changed: the form for that is shown."""


class CorrectingRoutes:
    """`GET` and `POST /items/{uuid}/text/sentence`, and the form that takes a correction back."""

    def __init__(self, *, texts: Texts, corrections: Corrections, gate: Gate) -> None:
        self._texts = texts
        self._frame = texts.frame
        self._corrections = corrections
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        operate = Depends(rules.any_of_by_form(Scope.OPERATE))
        add_page(app, SENTENCE, self.show, rule=Depends(rules.any_of(Scope.READ)))
        add_page(app, SENTENCE, self.correct, rule=operate, method="POST")
        add_page(app, UNDO, self.undo, rule=operate, method="POST")

    async def show(self, uuid: Uuid, request: Request, asked: Annotated[SentenceParameters, Query()]) -> Response:
        """Show a sentence, and what can be corrected in it."""
        return await self._show(uuid, request, asked)

    async def correct(self, uuid: Uuid, request: Request, asked: Annotated[SentenceParameters, Query()]) -> Response:
        """Correct something in it."""
        form = await read_form(request)
        found = await self._texts.find(uuid, request)
        if isinstance(found, Response):
            return found
        try:
            document = found[1].corrected.document
            correction = correction_of(form, document, asked.sentence)
            why = _why(form)
            await self._corrections.add(uuid, correction, why=why, by=actor_of(request, self._gate))
        except RefusedError as error:
            return await self._show(uuid, request, asked, problem=f"{error.field}: {error.reason}", status=422)
        return go_to(f"{sentence_address(uuid, asked.sentence)}&said=corrected")

    async def undo(self, uuid: Uuid, number: Number, request: Request) -> Response:
        """Take a correction back."""
        form = await read_form(request)
        try:
            line = await self._corrections.undo(uuid, number, why=_why(form), by=actor_of(request, self._gate))
        except UnknownCorrectionError:
            return self._frame.missing(request, "It was taken back already, or never made.", current=ITEMS)
        sentence = form.get("sentence", "")
        if sentence.isascii() and sentence.isdigit() and 0 < len(sentence) < 8:
            return go_to(f"{sentence_address(uuid, int(sentence))}&said=undone")
        return go_to(f"{text_address(line.item)}?said=undone")

    async def _show(
        self, uuid: str, request: Request, asked: SentenceParameters, *, problem: str = "", status: int = 200
    ) -> Response:
        found = await self._texts.find(uuid, request)
        if isinstance(found, Response):
            return found
        item, annotated = found
        row = sentence_row(annotated, asked.sentence)
        entities = entities_near(annotated.corrected.document, asked.sentence)
        if row is None:
            return self._frame.missing(request, "The text has no such sentence.", current=ITEMS)
        document = annotated.corrected.document
        return self._frame.page(
            request,
            "text_sentence.html",
            current=ITEMS,
            status=status,
            item=item,
            document=document,
            row=row,
            total=len(document.sentences),
            words=words_of(document, asked.sentence),
            entities=entities,
            changing=next((one for one in entities if one.id == asked.change), None),
            ends=entities_near(document, asked.sentence, around=AROUND),
            groups=GROUPS,
            relations=RELATIONS,
            seen=seen_of(document, asked.sentence),
            lines=_lines(annotated, asked.sentence),
            asked=asked,
            problem=problem,
            **WORDS,
        )


def words_of(document: AnnotatedDocument, number: int) -> list[Word]:
    """Return the words of a sentence, by its number from 1, that can be chosen."""
    sentence = document.sentences[number - 1]
    # What is marked begins and ends at words, whatever those are to a reader.
    ends = [end for one in entities_near(document, number) for end in (one.start, one.end)]
    ends = [end for end in (sentence.start, *ends, sentence.end) if sentence.start <= end <= sentence.end]
    every = (_WORD.finditer(document.text, start, end) for start, end in pairwise(ends))
    chosen = islice(chain.from_iterable(every), WORDS_SHOWN)
    return [Word(text=one[0], start=one.start(), end=one.end()) for one in chosen]


def seen_of(document: AnnotatedDocument, number: int) -> str:
    """Return what tells whether a sentence is still the one that a form was made for."""
    sentence = document.sentences[number - 1]
    return hashlib.sha256(document.text[sentence.start : sentence.end].encode("utf-8", "replace")).hexdigest()[:16]


def correction_of(form: Mapping[str, str], document: AnnotatedDocument, number: int) -> Correction:
    """Return the correction that a posted form is.

    Args:
        form: its fields.
        document: as it stands now.
        number: of the sentence that the form was made for, from 1.

    Raises:
        RefusedError: it is none, or of a text that was read anew since.
    """
    if number > len(document.sentences) or form.get("seen") != seen_of(document, number):
        raise RefusedError("sentence", "was read anew since this page was made: look at it again")
    value: dict[str, object] = {"kind": form.get("kind", "")}
    for name in ("at", "head", "tail"):
        if name in form:
            value[name] = _place(document, name, form[name])
    for name in ("label", "relation"):
        if name in form:
            value[name] = form[name]
    if "first" in form or "last" in form:
        chosen = _place(document, "words", f"{form.get('first', '')}-{form.get('last', '')}")
        value["at" if value["kind"] == "add-entity" else "to"] = chosen
    return parse_correction(value)


def _place(document: AnnotatedDocument, name: str, text: str) -> dict[str, object]:
    found = _SPAN.fullmatch(text)
    start, end = (int(found[1]), int(found[2])) if found else (0, 0)
    if not start < end <= len(document.text):
        reason = "end before they begin" if name == "words" and found else "must be chosen"
        raise RefusedError(name, reason)
    return {"start": start, "end": end, "text": document.text[start:end]}


def _why(form: Mapping[str, str]) -> str:
    why = form.get("why", "").strip()
    if "\0" in why or len(why) > MAX_TEXT:
        raise RefusedError("why", f"may have {MAX_TEXT} characters, and no NUL")
    return why


def _lines(annotated: CorrectedItem, number: int) -> list[tuple[CorrectionLine, int, str]]:
    document = annotated.corrected.document
    lines = [line for line in reversed(annotated.lines) if sentences_of(line, document) == number]
    return [(line, number, annotated.unfit.get(line.id, "")) for line in lines[:50]]
