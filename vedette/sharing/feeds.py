"""The MISP feeds that we serve: destinations of the exporter `feed`, and the folders that they are. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vedette.sharing.taxii.collections import DestinationLike

EXPORTER: Final = "feed"
"""Name of the exporter that writes feeds."""

_FILE: Final = re.compile(r"(?:manifest\.json|hashes\.csv|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json)")


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedFeed:
    """A feed."""

    name: str
    """The destination's."""
    folder: Path
    """Where its files are."""
    keys: frozenset[str] = frozenset()
    """Names of the API keys that see it; empty: all with the scope `share`."""


def shared_feeds(destinations: Iterable[DestinationLike], *, near: Path, data: Path) -> Sequence[SharedFeed]:
    """Return the feeds among the destinations of a fleet.

    Args:
        destinations: all.
        near: the folder that paths in the configuration are relative to.
        data: the data folder, where a feed is that names no folder.
    """
    return [
        SharedFeed(
            name=one.name,
            folder=feed_folder(one, near=near, data=data),
            keys=frozenset(map(str, one.settings.get("keys") or ())),
        )
        for one in destinations
        if one.exporter == EXPORTER
    ]


def feed_folder(destination: DestinationLike, *, near: Path, data: Path) -> Path:
    """Return where a feed's files are."""
    path = destination.settings.get("path")
    return near / str(path) if path else data / "feeds" / destination.name


def is_feed_file(name: str) -> bool:
    """Tell whether a name is one that the files of a feed have."""
    return _FILE.fullmatch(name) is not None
