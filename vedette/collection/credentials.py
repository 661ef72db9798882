"""What a source's API wants to see: its key, from a file of its own."""

from __future__ import annotations

from vedette.collection.desk import Desk

_MAX_KEY = 4_096


def read_key(desk: Desk) -> str:
    """Return the key of a source; empty: it has none.

    Raises:
        OSError: its file cannot be read, or holds no key.
    """
    if desk.source.api_key_file is None:
        return ""
    with (desk.folder / desk.source.api_key_file).open("rb") as file:
        key = file.read(_MAX_KEY).decode("ascii", errors="replace").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise OSError(0, "holds no key")
    return key


def as_client(desk: Desk) -> None:
    """Stop asking robots.txt: it is for crawlers (RFC 9309 section 1), and an API is there for programs."""
    desk.source = desk.source.model_copy(update={"robots": False})
