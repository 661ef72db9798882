"""Parts found by name through entry points, so that others can add theirs; each is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from vedette.configuration.loading import did_you_mean
from vedette.errors import ConfigurationError

PartT = TypeVar("PartT")


@cache
def installed(group: str) -> Mapping[str, EntryPoint]:
    """Return the entry points of a group by name; read once: packages do not change while a process runs."""
    return by_name(entry_points(group=group))


def by_name(points: Iterable[EntryPoint]) -> Mapping[str, EntryPoint]:
    """Return entry points by name."""
    found: dict[str, EntryPoint] = {}
    for point in points:
        # The first wins, as sys.path has it; ours cannot be replaced without a word by a later one.
        found.setdefault(point.name, point)
    return found


def make_part(
    points: Mapping[str, EntryPoint], name: str, kind: type[PartT], *, noun: str, place: str, key: str
) -> PartT:
    """Return a part, made without arguments.

    Args:
        points: the entry points by name.
        name: what is asked for.
        kind: the class that it must derive from.
        noun: what such a part is called in messages.
        place: file that names it, for messages.
        key: key in that file, for messages.

    Raises:
        ConfigurationError: unknown (names the nearest), or its plug-in is broken (names the cause).
    """
    if name not in points:
        raise ConfigurationError(place, key, f"unknown {noun} {name[:60]!r}" + did_you_mean(name, points))
    point = points[name]
    try:
        made = point.load()()
    except Exception as error:
        reason = f"the {noun} {name!r} ({point.value}) cannot be loaded: {type(error).__name__}: {error}"
        raise ConfigurationError(place, key, reason) from error
    if not isinstance(made, kind):
        raise ConfigurationError(place, key, f"the {noun} {name!r} ({point.value}) is not a vedette {noun}")
    return made
