"""How long a document may take on its way, whoever sends it."""

from __future__ import annotations

SLOWEST = 32 * 1024
"""Bytes a second below which an upload is given up: a dead connection looks like a slow one."""

ANSWER_TIME = 60.0
"""Seconds for connecting and for the answer, beside the time for the bytes."""
