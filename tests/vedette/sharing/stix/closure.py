"""What an object of STIX refers to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def references(value: Any, key: str = "") -> Iterator[str]:
    """Yield the ids in all fields that refer to others, at whatever depth."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from references(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from references(one, key)
    elif key.endswith(("_ref", "_refs")):
        yield value
