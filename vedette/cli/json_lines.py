"""Files of JSON lines that commands read, and answer line by line."""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from vedette.errors import ConfigurationError

MAX_LINE = 4 << 20
"""Bytes of a line."""

TOGETHER = 512
"""Lines that are answered at once."""

Line = TypeVar("Line", bound=BaseModel)


def answer_lines(file: Path, model: type[Line], answer: Callable[[Sequence[Line]], Sequence[Any]]) -> None:
    """Print a JSON line for each line of a file, in their order, while it is read.

    Args:
        file: the lines; - for standard input.
        model: what each line is.
        answer: gives an answer to each of some lines.

    Raises:
        ConfigurationError: the file cannot be read, or a line is not what it must be; those before it are answered.
    """
    for some, problem in _together(_lines(file, model)):
        for said in answer(some):
            sys.stdout.write(orjson.dumps(said).decode() + "\n")
        sys.stdout.flush()
        if problem is not None:
            raise problem


def _together(lines: Iterator[Line]) -> Iterator[tuple[list[Line], ConfigurationError | None]]:
    """Yield some lines at a time, and with the last of them what is wrong with the line behind."""
    some: list[Line] = []
    try:
        for line in lines:
            some.append(line)
            if len(some) == TOGETHER:
                yield some, None
                some = []
    except ConfigurationError as error:
        yield some, error
    else:
        yield some, None


def _lines(file: Path, model: type[Line]) -> Iterator[Line]:
    place = "standard input" if str(file) == "-" else str(file)
    with ExitStack() as stack:
        try:
            opened: BinaryIO = sys.stdin.buffer if str(file) == "-" else stack.enter_context(file.open("rb"))
            number = 0
            while line := opened.readline(MAX_LINE + 1):
                number += 1
                yield _read(line, model, f"{place}: line {number}")
        except OSError as error:
            raise ConfigurationError(place, "", f"cannot be read: {error.strerror or error}") from error


def _read(line: bytes, model: type[Line], place: str) -> Line:
    if len(line) > MAX_LINE:
        raise ConfigurationError(place, "", f"is longer than {MAX_LINE} bytes")
    try:
        # Programs of Windows put a byte order mark before the first line.
        return model.model_validate(orjson.loads(line.removeprefix(BOM_UTF8)))
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(place, "", f"is no JSON: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(place, key, first["msg"]) from error
