"""Addresses of the pages of sharing. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from vedette.clock import to_datetime

if TYPE_CHECKING:
    # Every agent renders a page of its own, and needs no list of items for that.
    from registry.item_list import ItemsWanted

SHARING: Final = "/sharing"
"""Where the page is."""

NEW: Final = f"{SHARING}/new"
"""Where one looks at an investigation, and shares it."""


_ITEM_WORDS: Final = ("target", "check", "agent", "type", "format", "source", "verdict", "state")


def share_address(value: str, key: str) -> str:
    """Return where everything is looked at that has a value: `share_address("192.0.2.7", "target")`."""
    return look_address(f"{key}={shlex.quote(value)}")


def selection_address(wanted: ItemsWanted) -> str:
    """Return where the items of a filter are looked at; without one it is where people say what they mean."""
    words = {name: getattr(wanted, name) for name in _ITEM_WORDS}
    times = {"since": wanted.since, "until": wanted.until}
    words |= {name: None if at is None else to_datetime(at).isoformat() for name, at in times.items()}
    said = [f"{name}={shlex.quote(str(value))}" for name, value in words.items() if value is not None]
    return look_address(" ".join(said)) if said else NEW


def look_address(select: str, destination: str | None = None) -> str:
    """Return where a selection is looked at as it would leave towards a destination."""
    return f"{NEW}?{_asking(select, destination)}"


def file_address(select: str, destination: str | None, form: str) -> str:
    """Return where it is a file."""
    return f"/v1/investigations?{_asking(select, destination)}&{urlencode({'format': form})}"


def _asking(select: str, destination: str | None) -> str:
    return urlencode({"select": select} | ({"destination": destination} if destination else {}))
