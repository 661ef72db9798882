"""What an export to a collection would do, for a person to read and to approve."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from vedette.canonical import canonical_json
from vedette.sharing.exporter import MAX_SHOWN, Action, Change, Difference, Plan
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.stix.objects import stix_objects

_NAMED = ("name", "value", "key", "relationship_type", "path")


class Statement:
    """An investigation as objects, watched on their way: what they are called, and a digest of them all."""

    def __init__(self, investigation: Investigation) -> None:
        self._investigation = investigation
        self._digest = hashlib.sha256()
        self._called: dict[str, str] = {}
        self.withheld: list[Withheld] = []
        """What cannot be said in STIX; complete once all objects were made."""
        self.total = 0
        """How many objects there are."""

    def objects(self) -> Iterator[Mapping[str, Any]]:
        """Yield the objects; each call makes them anew, the same ones."""
        self._digest, self.withheld, self.total = hashlib.sha256(), [], 0
        for one in stix_objects(self._investigation, withheld=self.withheld):
            self._digest.update(canonical_json(one))
            self.total += 1
            called = next((str(one[name]) for name in _NAMED if name in one), "")
            if called:
                self._called[one["id"]] = called[:200]
            yield one

    def plan(self, differences: Sequence[Difference], *, notes: Sequence[str] = ()) -> Plan:
        """Return the plan that differences are; after all objects were made."""
        return Plan(
            digest=self.digest(differences),
            changes=[self._change(*one) for one in differences[:MAX_SHOWN]],
            total=len(differences),
            withheld=[*self._investigation.withheld, *self.withheld],
            notes=notes,
        )

    def digest(self, differences: Iterable[Difference]) -> str:
        """Return what a person approves: over the objects, and what is done with them."""
        whole = self._digest.copy()
        for action, id in differences:
            whole.update(f"\n{action} {id}".encode())
        return whole.hexdigest()

    def _change(self, action: Action, id: str) -> Change:
        return Change(action=action, what=f"{id} {self._called.get(id, '')}".strip())
