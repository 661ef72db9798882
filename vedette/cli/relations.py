"""`vedette relations`: what two entities of a sentence have to do with each other, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import typer
from pydantic import BaseModel, Field, model_validator

from vedette.cli.annotate import MAX_TOKENS, shipped_reader
from vedette.cli.json_lines import answer_lines
from vedette.cli.output import JSON_OPTION
from vedette.extraction.prose.ports import Pair

PAIRS_OPTION = typer.Option(
    ...,
    "--pairs",
    help='Lines {"tokens": […], "head": {"start": 0, "end": 1, "type": "MALWARE"}, "tail": {…}}, or -.',
)


class EntityOfLine(BaseModel):
    """One of the two entities."""

    start: Annotated[int, Field(ge=0)]
    """Its first word, from 0."""
    end: Annotated[int, Field(ge=1)]
    """The one behind its last."""
    type: Annotated[str, Field(max_length=100)] = ""
    """Its label."""


class PairLine(BaseModel):
    """A line of `--pairs`."""

    tokens: Annotated[list[str], Field(min_length=1, max_length=MAX_TOKENS)]
    """A sentence's words."""
    head: EntityOfLine
    tail: EntityOfLine

    @model_validator(mode="after")
    def _check(self) -> Self:
        for one in (self.head, self.tail):
            if not one.start < one.end <= len(self.tokens):
                raise ValueError(
                    f"words {one.start} to {one.end} are not in the sentence, which has {len(self.tokens)}"
                )
        return self

    def pair(self) -> Pair:
        """Return what the model is asked."""
        return Pair(
            words=self.tokens,
            head=(self.head.start, self.head.end),
            head_label=self.head.type,
            tail=(self.tail.start, self.tail.end),
            tail_label=self.tail.type,
        )


def relations(pairs: Path = PAIRS_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Print for each line with two entities of a sentence {"relation": …}: uses, attributed-to or none."""
    reader = shipped_reader()

    def related(lines: Sequence[PairLine]) -> list[dict[str, Any]]:
        return [{"relation": name} for name, _ in reader.relate([line.pair() for line in lines])]

    answer_lines(pairs, PairLine, related)
