"""`vedette extract`: what one document states, as Stucco's JSON; nothing is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from vedette.cli.given import given
from vedette.cli.output import JSON_OPTION, Exit, complain, print_json
from vedette.configuration.loading import did_you_mean
from vedette.errors import ConfigurationError
from vedette.extraction.choosing import choose, find
from vedette.extraction.interface import MAX_DOCUMENT, ExtractorCatalogue
from vedette.extraction.packing import unpack
from vedette.extraction.serving import extract_all
from vedette.extraction.subgraph import Subgraph

SOURCE_ARGUMENT = typer.Argument(
    help="What the document is: a source such as argus, or a routing key such as stucco.in.structured.argus."
)
FILE_ARGUMENT = typer.Argument(help="The document; - for standard input. A compressed one is unpacked.")
META_OPTION = typer.Option([], "--meta", help="NAME=VALUE that the item's meta would have, such as hostname=web1.")
TYPE_OPTION = typer.Option("", "--content-type", help="Its media type, where the source has several forms.")


def extract(
    source: str = SOURCE_ARGUMENT,
    file: Path = FILE_ARGUMENT,
    meta: list[str] = META_OPTION,
    content_type: str = TYPE_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Print what a document states as Stucco's JSON, and to stderr what was skipped; nothing is stored.

    Exit 1 and the reason where nothing can be read, or nothing is stated.
    """
    name = _extractor(source)
    content = given(file, limit=MAX_DOCUMENT)
    said: dict[str, Any] = {"source": source, "format": name} if _is_key(source) else {}
    told = {
        "size": len(content),
        "extractor": name,
        "content_type": content_type,
        "content_encoding": "",
        "meta": said | _meta(meta),
    }
    answer, packed = extract_all([told], content, limit=MAX_DOCUMENT)
    reason = answer["results"][0].get("error", "")
    if reason:
        complain(f"{file}: {reason}")
        raise typer.Exit(Exit.NO)
    subgraph = unpack(packed)
    _report(file, subgraph)
    print_json(_as_json(subgraph) if as_json else subgraph.as_stucco())
    if not subgraph:
        complain(f"{file}: nothing is stated")
        raise typer.Exit(Exit.NO)


def _extractor(source: str) -> str:
    """Return the name of a source's extractor.

    Raises:
        ConfigurationError: there is none; names the nearest.
    """
    catalogue = ExtractorCatalogue()
    if _is_key(source):
        choice = choose({"source": source})
        if choice.extractor is None:
            nearest = did_you_mean(source.rpartition(".")[2], catalogue.names)
            raise ConfigurationError("extract", "source", choice.reason + nearest)
        return choice.extractor
    name = find(source, catalogue.names) or source
    catalogue.extractor(name)
    return name


def _is_key(source: str) -> bool:
    """Tell whether a source is a whole routing key, and not its last word."""
    return ".in." in source


def _meta(given: list[str]) -> dict[str, str]:
    """Return what `--meta` says.

    Raises:
        ConfigurationError: one has no name.
    """
    pairs = [word.partition("=") for word in given]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise ConfigurationError("extract", "--meta", f"{name[:60]!r} is not NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _report(file: Path, subgraph: Subgraph) -> None:
    for problem in subgraph.problems:
        complain(f"{file}: {problem}")
    if subgraph.skipped > len(subgraph.problems):
        complain(f"{file}: and {subgraph.skipped - len(subgraph.problems)} more")


def _as_json(subgraph: Subgraph) -> dict[str, Any]:
    problems = [{"position": str(one.position), "reason": one.reason} for one in subgraph.problems]
    return {**subgraph.as_stucco(), "problems": problems, "skipped": subgraph.skipped}
