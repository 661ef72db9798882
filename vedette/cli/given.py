"""A document that is given to a command: a file, or standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from vedette.errors import ConfigurationError


def given(file: Path, *, limit: int) -> bytes:
    """Return a document's bytes, at most `limit`.

    Raises:
        ConfigurationError: it cannot be read, or is too large.
    """
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(limit + 1)
    except OSError as error:
        raise ConfigurationError(str(file), "", f"cannot be read: {error.strerror or error}") from error
    if len(data) > limit:
        raise ConfigurationError(str(file), "", f"is larger than {limit} bytes: split it")
    return data
