"""How a key is shown to a server over HTTP."""

from __future__ import annotations

import base64
from typing import Final

_SHORTEST: Final = 6
"""Characters of a part of a key that is looked for: a shorter one is in many words."""


def authorization(key: str, *, scheme: str = "Bearer") -> dict[str, str]:
    """Return the header for a key: `user:password` is Basic (RFC 7617), anything else of the scheme."""
    if not key:
        return {}
    if ":" in key:
        return {"Authorization": f"Basic {base64.b64encode(key.encode()).decode()}"}
    return {"Authorization": f"{scheme} {key}".strip()}


def key_of(header: str) -> str:
    """Return the key that a header of `authorization` shows."""
    scheme, _, shown = header.partition(" ")
    return base64.b64decode(shown).decode() if scheme == "Basic" else shown or scheme


def without_key(text: str, key: str) -> str:
    """Return what a server said without our key, should it repeat what it was sent; also where it breaks off in it.

    Args:
        text: the server's.
        key: as `authorization` takes it.
    """
    for form in _forms(key):
        text = text.replace(form, "…")
        cut = next((n for n in range(len(form) - 1, _SHORTEST - 1, -1) if text.endswith(form[:n])), 0)
        text = f"{text[:-cut]}…" if cut else text
    return text


def _forms(key: str) -> list[str]:
    encoded = base64.b64encode(key.encode()).decode()
    forms = {key, encoded, *key.split(":", 1)[1:]}
    # PHP's JSON escapes slashes.
    forms |= {form.replace("/", "\\/") for form in forms}
    return sorted((form for form in forms if len(form) >= _SHORTEST), key=lambda form: (-len(form), form))
