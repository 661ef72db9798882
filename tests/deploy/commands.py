"""Command lines of ours that stand in units and container files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from typer.main import get_command

from vedette.cli.main import build


def unknown_options(words: Sequence[str]) -> list[str]:
    """Return the options of a command line (without `vedette`) that its command does not have."""
    command: Any = get_command(build(words))
    for word in [word for word in words if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")][:2]:
        command = getattr(command, "commands", {}).get(word, command)
    known = {option for parameter in command.params for option in parameter.opts}
    assert len(known) > 1, f"there is no such command: {words}"
    return [word for word in words if word.startswith("-") and word not in known]
