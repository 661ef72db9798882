"""The files of MISP's warning lists: a folder of `*/list.json`, read one after the other."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from vedette.errors import ConfigurationError

MAX_ENTRIES: Final = 250_000
"""Entries of a list that is read."""

MAX_FILE: Final = 16 * 1024 * 1024
"""Bytes of a list's file that is read."""

MAX_LISTS: Final = 1_000
"""Lists in a folder."""


def folder_of_package() -> Path:
    """Return where the package keeps its lists, without importing it."""
    found = importlib.util.find_spec("pymispwarninglists")
    if found is None or found.origin is None:
        raise ConfigurationError("sharing", "warning_lists", "the package pymispwarninglists is not installed")
    return Path(found.origin).parent / "data" / "misp-warninglists" / "lists"


def read_lists(folder: Path, problems: list[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the lists of a folder; what is none is passed over, and said."""
    files = sorted(folder.glob("*/list.json"))[: MAX_LISTS + 1]
    if not files or len(files) > MAX_LISTS:
        raise ConfigurationError(
            "sharing",
            "warning_lists",
            f"{folder}: has {len(files) or 'no'} lists (*/list.json); 1 to {MAX_LISTS} are read",
        )
    for file in files:
        try:
            reason = "" if file.stat().st_size <= MAX_FILE else f"more than {MAX_FILE} bytes"
            entry = {} if reason else orjson.loads(file.read_bytes())
            reason = reason or _objection(entry)
        except (OSError, ValueError) as error:
            reason = str(error)
        if reason:
            problems.append(f"{file.parent.name}: {reason[:300]}")
        else:
            yield entry


def _objection(entry: Any) -> str:
    if not isinstance(entry, dict) or not isinstance(entry.get("list"), list):
        return "no list"
    if not isinstance(entry.get("name"), str) or not isinstance(entry.get("matching_attributes", []), list):
        return "no name, or matching_attributes are no list"
    entry.setdefault("matching_attributes", [])
    entry.setdefault("type", "string")
    return f"more than {MAX_ENTRIES} entries" if len(entry["list"]) > MAX_ENTRIES else ""
