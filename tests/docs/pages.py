"""The commands of a page of the documentation, run one after the other as it has them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from vedette.cli.main import build

DOCS = Path(__file__).resolve().parents[2] / "docs"


def commands(page: str, *, least: int) -> list[str]:
    """Return the lines of a page's shell blocks; where there are fewer than that, they are written in another way."""
    lines = [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert len(lines) >= least
    return lines


def run(lines: list[str], *, typed: str | None = None) -> Iterator[tuple[str, Result]]:
    """Run `vedette` commands here, and yield each with its result: all of them end well."""
    for line in lines:
        _, *words = shlex.split(line)
        done = CliRunner().invoke(build(words), words, input=typed)
        assert done.exit_code == 0, (line, done.output)
        yield line, done
