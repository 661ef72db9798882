"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path


def write_whole(path: Path, parts: Iterable[bytes], *, mode: int | None = None, alone: bool = False) -> None:
    """Write a file, or replace it; a reader sees the old one or the new one, and it is on the disk afterwards.

    Args:
        path: where it is; its folder is there.
        parts: its bytes; what this raises is passed on, and nothing is left.
        mode: its permissions, whatever the process's mask says; None: those that the mask leaves.
        alone: nobody else writes it at the same time: what a stop in the middle left is then written over.

    Raises:
        OSError: the file system refuses.
    """
    partial = path.with_name(f".{path.name}.part" if alone else f".{path.name}.{secrets.token_hex(8)}.part")
    if alone:
        partial.unlink(missing_ok=True)
    # Before there is anything in it that others may not read.
    descriptor = os.open(
        partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else mode
    )
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.writelines(parts)
            opened.flush()
            os.fsync(opened.fileno())
        if mode is not None:
            partial.chmod(mode)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk.

    Raises:
        OSError: the file system refuses.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
