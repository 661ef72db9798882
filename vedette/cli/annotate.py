"""`vedette annotate`: what a text names and states, as an annotated document; or tags of sentences that are words."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from pydantic import BaseModel, Field

from vedette.cli.given import given
from vedette.cli.json_lines import answer_lines
from vedette.cli.output import JSON_OPTION, Exit, complain
from vedette.configuration.loading import did_you_mean
from vedette.errors import ConfigurationError
from vedette.extraction.interface import MAX_DOCUMENT, Document, ExtractionError
from vedette.extraction.prose.labels import LabelSet

if TYPE_CHECKING:
    from vedette.extraction.prose.reading.reader import WeightsReader

LABEL_SETS: Final[tuple[LabelSet, ...]] = ("cyner", "annoctr", "kev", "vedette")

FILE_ARGUMENT = typer.Argument(None, help="The text: plain, Markdown, HTML, PDF, Word …; - for standard input.")
TITLE_OPTION = typer.Option("", "--title", help="What it is called, where it does not say so itself.")
TOKENS_OPTION = typer.Option(None, "--tokens", help='Lines {"tokens": […]}, each answered by {"tags": […]}.')
LABELS_OPTION = typer.Option(None, "--labels", help=f"With --tokens: whose labels: {', '.join(LABEL_SETS)} (ours).")
UD_OPTION = typer.Option(False, "--ud", help='With --tokens: answered by {"upos": […], "head": […], "deprel": […]}.')

MAX_TOKENS = 100_000
"""Of a line."""


class TokensLine(BaseModel):
    """A line of `--tokens`."""

    tokens: Annotated[list[str], Field(max_length=MAX_TOKENS)]
    """A sentence's words."""


def annotate(
    file: Path | None = FILE_ARGUMENT,
    title: str = TITLE_OPTION,
    tokens: Path | None = TOKENS_OPTION,
    labels: str | None = LABELS_OPTION,
    ud: bool = UD_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Print the annotated document of a text: sentences, entities, relations, techniques; nothing is stored.

    JSON, but at a terminal a page for a person. With --tokens instead: tags, or a parse, of sentences that are words.
    Exit 1 and the reason where the text cannot be read.
    """
    if (file is None) == (tokens is None):
        raise ConfigurationError("annotate", "", "give one of FILE and --tokens")
    if tokens is not None:
        _tag(tokens, labels or "vedette", ud)
        return
    if ud or labels is not None:
        raise ConfigurationError("annotate", "--ud" if ud else "--labels", "belongs to --tokens, which is not given")
    assert file is not None  # noqa: S101 (for mypy: one of them is given)
    _annotate(file, title, as_json=as_json or not sys.stdout.isatty())


def shipped_reader() -> WeightsReader:
    """Return a reader with the shipped weights, which uses the cores that this process may use."""
    # Only now: it takes 60 MB and a third of a second, which `--help` should not.
    from vedette.extraction.prose.reading.reader import WeightsReader

    return WeightsReader.shipped(threads=len(os.sched_getaffinity(0)))


def _annotate(file: Path, title: str, *, as_json: bool) -> None:
    from vedette.extraction.prose.annotating import annotate_all
    from vedette.extraction.prose.text.texts import text_of

    try:
        text = text_of(Document(content=given(file, limit=MAX_DOCUMENT), meta={"title": title} if title else {}))
    except ExtractionError as error:
        complain(f"{file}: {error}")
        raise typer.Exit(Exit.NO) from error
    (found,) = annotate_all([text], reader=shipped_reader())
    if as_json:
        sys.stdout.write(found.model_dump_json() + "\n")
    else:
        from vedette.cli.annotation_page import print_annotated

        print_annotated(found)
    if not found.read:
        complain(f"{file}: {found.why_not}")
        raise typer.Exit(Exit.NO)


def _tag(file: Path, labels: str, ud: bool) -> None:
    if labels not in LABEL_SETS:
        raise ConfigurationError("annotate", "--labels", f"{labels[:60]!r} is none{did_you_mean(labels, LABEL_SETS)}")
    from vedette.extraction.prose.tagging import tags_of

    reader = shipped_reader()

    def tags(lines: Sequence[TokensLine]) -> list[dict[str, Any]]:
        return [{"tags": one} for one in tags_of([line.tokens for line in lines], labels, reader=reader)]

    def parses(lines: Sequence[TokensLine]) -> list[dict[str, Any]]:
        found = reader.read([line.tokens for line in lines])
        return [{"upos": one.pos, "head": one.heads, "deprel": one.relations} for one in found]

    answer_lines(file, TokensLine, parses if ud else tags)
