"""Files as every exporter writes them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vedette import files
from vedette.sharing.exporter import ExportError


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file that appears whole or not at all (see `vedette.files`).

    Raises:
        ExportError: something else than a file is there; what `parts` raises is passed on, and nothing is left.
        OSError: the file system refuses.
    """
    if path.exists() and not path.is_file():
        # Renaming over a device would take it away from everybody.
        raise ExportError(f"{path}: is no file; name one")
    files.write_whole(path, parts)
