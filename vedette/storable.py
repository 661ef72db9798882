"""Text from outside as both databases can keep it."""

from __future__ import annotations


def storable(text: str, *, limit: int | None = None) -> str:
    """Return the text with NUL characters and lone surrogates replaced, cut to `limit` characters.

    For notes about what peers sent, not for what is proved: PostgreSQL refuses both.
    """
    cut = text if limit is None else text[:limit]
    if cut.isascii() and "\0" not in cut:
        return cut
    return cut.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
