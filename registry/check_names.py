"""What checks are called, for people: by what they run at what, as their newest items tell."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from registry import tables
from registry.reading import Reads
from vedette.canonical import parse_json
from vedette.storable import storable

MAX_CHECKS: Final = 100
"""Checks that are named at once: each costs a look into an index."""

_OURS: Final = "vedette:"
"""What the command of a tool that is no program begins with."""


class CheckNames:
    """The checks of a store by name."""

    def __init__(self, *, database: Reads) -> None:
        self._database = database

    async def of(self, checks: Iterable[str]) -> Mapping[str, str]:
        """Return what these checks are called, no two alike; those of which nothing is known are left out.

        Raises:
            StoreError: the database failed.
        """
        wanted = [check for check in dict.fromkeys(checks) if storable(check) == check][:MAX_CHECKS]
        if not wanted:
            return {}
        return names_of(await self._database.read(lambda connection: _newest(connection, wanted)))


def names_of(metas: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return what checks are called: as briefly as tells each from the others; pure.

    Args:
        metas: the meta of an item, by the check that it is of.
    """
    told = {check: words for check, meta in metas.items() if (words := _from_brief_to_long(check, meta))}
    counted = [Counter(level) for level in zip(*told.values(), strict=True)]
    return {
        check: next((name for name, count in zip(names, counted, strict=True) if count[name] == 1), names[-1])
        for check, names in told.items()
    }


def _from_brief_to_long(check: str, meta: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a check may be called, or nothing where its items name no command."""
    command = meta.get("command")
    words = [word for word in command if isinstance(word, str)] if isinstance(command, list) else []
    if not words or not words[0]:
        return ()
    target, agent = _text(meta.get("target")), _text(meta.get("agent"))
    tool = words[0].removeprefix(_OURS).rpartition("/")[2] or words[0]
    brief, whole = f"{tool} {target}".strip(), shlex.join([tool, *words[1:]])
    return brief, f"{brief} by {agent}", f"{whole} by {agent}", f"{brief} by {agent}, {check}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _newest(connection: Connection, checks: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    item = tables.item.c
    found: dict[str, Mapping[str, Any]] = {}
    for check in checks:
        query = select(item.statement).where(item.check == check).order_by(item.received_at.desc()).limit(1)
        statement = connection.execute(query).scalar_one_or_none()
        if statement is not None:
            found[check] = parse_json(statement)["meta"]
    return found
