"""What differs between two sets of facts."""

from __future__ import annotations

from collections.abc import Mapping

from vedette.correlation.finding import Change

MAX_CHANGES = 100
"""Changes that a finding lists; the rest is counted."""


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """Return every fact that came, went or changed, by name."""
    return [
        Change(fact=name, before=before.get(name), after=after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def disagreements(one: Mapping[str, str], other: Mapping[str, str]) -> list[Change]:
    """Return the facts of which two witnesses speak both, and differently.

    What only one of them says is no contradiction: the other may not have looked.
    """
    return [
        Change(fact=name, before=one[name], after=other[name])
        for name in sorted(one.keys() & other.keys())
        if one[name] != other[name]
    ]


def bounded(changes: list[Change]) -> tuple[tuple[Change, ...], int]:
    """Return the changes that a finding lists, and how many more there are."""
    return tuple(changes[:MAX_CHANGES]), max(0, len(changes) - MAX_CHANGES)
