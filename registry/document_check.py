"""Whether the file of a document still is what its name says, read piece by piece."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from registry.content import ContentFolder
from vedette.errors import RefusedError, StoreError


def document_check(folder: ContentFolder | None) -> Callable[[str], bool | None] | None:
    """Return what tells whether a document's file is good, None where it is not there; None without a folder."""
    if folder is None:
        return None

    def check(sha256: str) -> bool | None:
        try:
            if folder.size_of(sha256) is None:
                return None
            with folder.open(sha256) as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except (StoreError, RefusedError, OSError):
            return False

    return check
