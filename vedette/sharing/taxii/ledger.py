"""What we put into a collection of another server, remembered: what is held, and what each investigation said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import orjson

from vedette.sharing.exporter import Memory
from vedette.sharing.taxii.holding import Held

_PIECE: Final = 1_000


class Ledger:
    """The objects of one collection."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def held(self, ids: Sequence[str]) -> dict[str, Held]:
        """Return what is held of some objects.

        Raises:
            StoreError: the memory failed.
        """
        found = await self._memory.recall([f"object:{id}" for id in ids])
        return {key.removeprefix("object:"): _read(value) for key, value in found.items()}

    async def hold(self, held: Mapping[str, Held | None]) -> None:
        """Remember what is held; None: it is no longer there.

        Raises:
            StoreError: the memory failed.
        """
        if held:
            await self._memory.remember({f"object:{id}": _written(one) for id, one in held.items()})

    async def ids_of(self, group: str) -> set[str]:
        """Return the objects that an investigation said, or was about to say.

        Raises:
            StoreError: the memory failed.
        """
        pieces = await self._pieces(group)
        found = await self._memory.recall([_piece(group, number) for number in range(pieces)])
        return {id for value in found.values() for id in orjson.loads(value)}

    async def keep_ids(self, group: str, ids: Iterable[str]) -> None:
        """Remember which objects an investigation says.

        Raises:
            StoreError: the memory failed.
        """
        every, before = sorted(ids), await self._pieces(group)
        starts = range(0, len(every), _PIECE)
        values: dict[str, str | None] = {_piece(group, number): None for number in range(len(starts), before)}
        for number, start in enumerate(starts):
            values[_piece(group, number)] = orjson.dumps(every[start : start + _PIECE]).decode()
        values[f"group:{group}"] = str(len(starts)) if every else None
        await self._memory.remember(values)

    async def _pieces(self, group: str) -> int:
        key = f"group:{group}"
        return int((await self._memory.recall([key])).get(key, "0"))


def _piece(group: str, number: int) -> str:
    return f"group:{group}:{number}"


def _written(held: Held | None) -> str | None:
    if held is None:
        return None
    return orjson.dumps([held.digest, held.version, held.turn, held.revoked, dict(held.groups)]).decode()


def _read(value: str) -> Held:
    digest, version, turn, revoked, groups = orjson.loads(value)
    said = {group: (str(one), int(strictness)) for group, (one, strictness) in groups.items()}
    return Held(digest=digest, version=version, turn=turn, revoked=revoked, groups=said)
