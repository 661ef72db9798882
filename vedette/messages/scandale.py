"""Bare SCANDALE messages: an item's JSON without signature, from accounts enrolled for it."""

from __future__ import annotations

from typing import Any

from vedette.errors import RefusedError

OLD_PAYLOAD_KEY = "row"
"""What SCANDALE's first probes called `payload.raw`."""


def standardized(data: Any, *, agent: str) -> dict[str, Any]:
    """Return the item that a bare message means: with its sender, and `raw` for the older `row`.

    Raises:
        RefusedError: it is not an object with a meta and a payload.
    """
    if not isinstance(data, dict):
        raise RefusedError("item", "is not a JSON object")
    meta, payload = data.get("meta"), data.get("payload")
    if not isinstance(meta, dict):
        raise RefusedError("meta", "is missing or not an object")
    if not isinstance(payload, dict):
        raise RefusedError("payload", "is missing or not an object")
    if OLD_PAYLOAD_KEY in payload and "raw" not in payload:
        payload = {("raw" if key == OLD_PAYLOAD_KEY else key): value for key, value in payload.items()}
    return {**data, "meta": {**meta, "agent": meta.get("agent", agent)}, "payload": payload}
