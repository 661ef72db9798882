"""`vedette opml`: lists of feeds in and out."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
import yaml

from vedette.cli.output import JSON_OPTION, print_json
from vedette.collection.opml import MAX_OPML, read_opml, write_opml
from vedette.collection.sections import choose_section, load_sections
from vedette.errors import ConfigurationError

app = typer.Typer(no_args_is_help=True, help="Lists of feeds of other readers: import, export.")

OPML_ARGUMENT = typer.Argument(help="The OPML file.")
SOURCES_ARGUMENT = typer.Argument(help="Sources, such as Stucco's stucco.yml.")
IMPORT_OPTION = typer.Option("feeds", "--section", help="What the section is called.")
EXPORT_OPTION = typer.Option(None, "--section", help="Which section of it; not needed where there is only one.")


@app.command(name="import")
def import_feeds(file: Path = OPML_ARGUMENT, section: str = IMPORT_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Print the feeds of an OPML file as a section of sources."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_OPML + 1)
    except OSError as error:
        raise ConfigurationError(str(file), "", f"cannot be read: {error.strerror or error}") from error
    value = {"default": {section: {"collectors": read_opml(data, place=str(file))}}}
    if as_json:
        print_json(value)
    else:
        sys.stdout.write(yaml.safe_dump(value, sort_keys=False, allow_unicode=True))


@app.command(name="export")
def export_feeds(
    file: Path = SOURCES_ARGUMENT, section: str | None = EXPORT_OPTION, as_json: bool = JSON_OPTION
) -> None:
    """Print the feeds of a section as OPML."""
    chosen = choose_section(load_sections(file), section, place=str(file))
    made = write_opml(chosen.sources, title=chosen.name).decode()
    if as_json:
        print_json({"section": chosen.name, "opml": made})
    else:
        sys.stdout.write(made)
