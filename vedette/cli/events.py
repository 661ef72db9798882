"""`vedette events`: what happens, as it happens."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from vedette.cli.output import JSON_OPTION, print_line
from vedette.cli.remote import CA_OPTION, KEY_FILE_OPTION, URL_OPTION, asking

TOPICS_OPTION = typer.Option(
    None, "--topics", help="Kinds with a comma between: scan, tst, presence, finding, repair; all unless said."
)
AFTER_OPTION = typer.Option("", "--after", help="Go on after the event with this id, as --json prints it.")
COUNT_OPTION = typer.Option(None, "--count", min=1, help="End after so many events; unless said, with Ctrl-C.")


def events(
    topics: str | None = TOPICS_OPTION,
    after: str = AFTER_OPTION,
    count: int | None = COUNT_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Print events as they happen, one a line; a lost connection is made again and nothing is missed."""
    names = [] if topics is None else [name.strip() for name in topics.split(",")]
    with asking(url, key_file=key_file, ca=ca) as hub:
        stream = hub.rows(lambda hub: hub.events.stream(names, after=after))
        for number, event in enumerate(stream, start=1):
            if as_json:
                # A line each: whoever reads on does not wait for the end, which does not come.
                print_line(json.dumps({"id": event.id, "topic": event.topic, "fields": event.fields}))
            else:
                said = " ".join(f"{name}={json.dumps(value)}" for name, value in event.fields.items())
                print_line(f"{event.topic:<9} {said}")
            if number == count:
                return
