"""What goes between a collector and its worker: a head of JSON and bytes, each with its length before it."""

from __future__ import annotations

import struct
from typing import Any

import orjson

HEAD = struct.Struct(">II")
"""Lengths of the JSON and of the bytes."""

MAX_HEAD = 64 * 1024 * 1024
"""Bytes of the JSON."""

MAX_DATA = 1 << 30
"""Bytes beside it."""


class FrameError(Exception):
    """What came is no frame: the other side is broken, or no longer ours."""


def pack(value: dict[str, Any], data: bytes = b"") -> bytes:
    """Return a frame."""
    head = orjson.dumps(value)
    return b"".join((HEAD.pack(len(head), len(data)), head, data))


def lengths(start: bytes) -> tuple[int, int]:
    """Return how long the two parts of a frame are.

    Raises:
        FrameError: longer than any frame.
    """
    head, data = HEAD.unpack(start)
    if head > MAX_HEAD or data > MAX_DATA:
        raise FrameError("a frame is longer than any frame")
    return head, data


def unpack(head: bytes) -> dict[str, Any]:
    """Return the JSON of a frame.

    Raises:
        FrameError: it is none.
    """
    try:
        value = orjson.loads(head)
    except orjson.JSONDecodeError as error:
        raise FrameError(str(error)) from error
    if not isinstance(value, dict):
        raise FrameError("a frame's head is no object")
    return value
