"""Proposals for an event of another organisation: its owner accepts or discards each of them.

MISP takes proposals for attributes only, one in a request, so there are few of them and only additions; objects,
references, tags and reports cannot be proposed. What was proposed once is not proposed again, also after its owner
discarded it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from vedette.canonical import canonical_json, sha256_hex
from vedette.sharing.exporter import MAX_SHOWN, Change, Exported, ExportError, Memory, Plan
from vedette.sharing.investigation import Withheld
from vedette.sharing.misp.holding import Child, Holding, holding_of
from vedette.sharing.misp.refusal import MispRefusalError
from vedette.sharing.misp.server import Event, MispServer
from vedette.sharing.misp.sightings import read_marks, write_marks

MOST_PROPOSALS: Final = 100
"""Proposals of one export: the others come next time."""

ONLY_ATTRIBUTES: Final = "only attributes can be proposed for an event of another organisation"


class Proposals:
    """What we say, as proposals for one event."""

    def __init__(
        self, ours: Event, theirs: Event, *, server: MispServer, memory: Memory, withheld: Sequence[Withheld]
    ) -> None:
        self.event = str(ours["uuid"])
        """UUID of the event that they are for."""
        self._ours = holding_of(ours)
        self._theirs = holding_of(theirs)
        self._proposed = {_value(row) for row in _proposals(theirs)}
        self._server = server
        self._memory = memory
        self._before = tuple(withheld)
        self._key = f"proposals {self.event}"

    async def plan(self) -> Plan:
        """Say what would be proposed."""
        todo, _ = await self._todo()
        changes = [Change(action="add", what=f"proposal of {child.shown}") for child in todo]
        return Plan(
            digest=_digest(todo),
            changes=changes[:MAX_SHOWN],
            total=len(changes),
            withheld=self._withheld(),
            notes=(f"event {self.event} is another organisation's: proposals are sent",),
        )

    async def send(self, *, only: str | None) -> Exported:
        """Propose.

        Raises:
            ExportError: it is another plan by now.
        """
        todo, marks = await self._todo()
        if only is not None and _digest(todo) != only:
            raise ExportError("the event or what is to be sent changed since the plan was approved: plan it again")
        refused: list[Withheld] = []
        before = self._server.writes
        for child in todo:
            try:
                await self._server.propose(self.event, _proposal(child))
            except MispRefusalError as error:
                refused.append(Withheld(what=child.shown, reason=f"the server refuses the proposal: {error}"))
            marks = {**marks, child.uuid: 1}
            await self._memory.remember({self._key: write_marks(marks)})
        return Exported(
            sent=len(todo) - len(refused),
            unchanged=len(self._ours) - 1 - len(todo),
            requests=self._server.writes - before,
            withheld=(*self._withheld(), *refused),
            notes=(f"event {self.event} is another organisation's: proposals were sent",),
        )

    async def _todo(self) -> tuple[list[Child], Mapping[str, int]]:
        marks = read_marks((await self._memory.recall([self._key])).get(self._key))
        there = {_value(child.raw) for child in self._theirs.values() if child.kind == "attribute"} | self._proposed
        todo = [
            child
            for uuid, child in self._ours.items()
            if _proposable(child) and uuid not in marks and _value(child.raw) not in there
        ]
        return todo[:MOST_PROPOSALS], marks

    def _withheld(self) -> tuple[Withheld, ...]:
        others = _others(self._ours)
        return (*self._before, *(Withheld(what=child.shown, reason=ONLY_ATTRIBUTES) for child in others))


def _proposable(child: Child) -> bool:
    return child.kind == "attribute" and not child.parent


def _others(ours: Holding) -> list[Child]:
    return [child for child in ours.values() if child.kind in {"object", "report"}]


def _proposals(event: Event) -> list[Mapping[str, Any]]:
    rows = event.get("ShadowAttribute")
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _value(raw: Mapping[str, Any]) -> tuple[str, str]:
    return str(raw.get("type")), str(raw.get("value"))


def _proposal(child: Child) -> dict[str, Any]:
    names = ("uuid", "type", "category", "value", "to_ids", "comment", "first_seen", "last_seen", "data")
    return {name: child.raw[name] for name in names if name in child.raw}


def _digest(todo: Sequence[Child]) -> str:
    return sha256_hex(canonical_json([[child.uuid, *(text or "" for text in child.fields)] for child in todo]))
