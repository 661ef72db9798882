"""What commands print: one line for a person, JSON for a program; and their exit codes."""

from __future__ import annotations

import json
import sys
from enum import IntEnum
from typing import Any

import typer

JSON_OPTION = typer.Option(False, "--json", help="Print JSON instead of text.")
CONFIG_OPTION = typer.Option(None, "-c", "--config", help="The fleet's configuration; vedette.yml here by default.")


class Exit(IntEnum):
    """Exit codes of every command."""

    GOOD = 0
    """Done; the answer is yes."""
    NO = 1
    """The answer is no."""
    USAGE = 2
    """Wrong use or configuration."""


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_line(text: str) -> None:
    """Print a line; control characters of hostile names do not reach the terminal."""
    sys.stdout.write("".join(char if char.isprintable() else "�" for char in text) + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print a line to stderr."""
    sys.stderr.write("vedette: " + "".join(char if char.isprintable() else "�" for char in text) + "\n")
