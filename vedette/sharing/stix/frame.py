"""What the objects of an investigation have in common: who made them, how they are marked, whose ids they have."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vedette.extraction.stix.vocabulary import TLP_2
from vedette.graph.stix_objects import domain_id, times
from vedette.graph.stix_observables import Stix
from vedette.sharing.investigation import Investigation, Tlp

NOBODY: Final = "Vedette"
"""Who shares, where the configuration names no organisation."""


_TLP_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_TLP_DEFINED: Final = "2022-10-01T00:00:00.000Z"


def marking_id(tlp: Tlp) -> str:
    """Return the id of a marking of TLP 2.0, the same everywhere."""
    return f"marking-definition--{TLP_2[tlp.value]}"


def markings(*marked: Tlp) -> list[Stix]:
    """Return the definitions of markings as OASIS has them, for who does not know their ids; each once."""
    return [
        {
            "type": "marking-definition",
            "spec_version": "2.1",
            "id": marking_id(tlp),
            "created": _TLP_DEFINED,
            "name": f"TLP:{tlp.value.upper()}",
            "extensions": {_TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": tlp.value}},
        }
        for tlp in dict.fromkeys(marked)
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What all objects have in common."""

    namespace: uuid.UUID
    """Of the ids of all but observables: the fleet's, so that no two fleets make versions of one object."""
    maker: str
    """Id of the identity that shares."""
    marking: str
    """Id of the TLP marking."""

    @classmethod
    def of(cls, investigation: Investigation, marked: Tlp) -> Frame:
        """Return what the objects of an investigation have in common; `marked`: its TLP, or a stricter one."""
        named = investigation.organisation or NOBODY
        maker = domain_id("identity", f"organisation\n{named}", investigation.instance)
        return cls(
            namespace=investigation.instance, maker=maker, marking=f"marking-definition--{TLP_2[marked.value]}"
        )

    def id(self, type: str, name: str) -> str:
        """Return the id of an object that is no observable."""
        return domain_id(type, name, self.namespace)

    def identity(self, investigation: Investigation) -> Stix:
        """Return who shares; always the same object, so that it never has two versions that differ."""
        kind = "organization" if investigation.organisation else "system"
        name = investigation.organisation or NOBODY
        made = {"type": "identity", "spec_version": "2.1", "id": self.maker, **times(0, 0)}
        # Who somebody is may be told everybody: what is strict is what they say.
        return {**made, "name": name, "identity_class": kind, "object_marking_refs": [marking_id(Tlp.CLEAR)]}

    def made(self, type: str, name: str, first: int, last: int, fields: Mapping[str, object]) -> Stix:
        """Return an object of ours, marked.

        Args:
            type: STIX's.
            name: what its id is made of.
            first: when it was made, UTC, microseconds.
            last: when it was changed.
            fields: all others.
        """
        common = {"type": type, "spec_version": "2.1", "id": self.id(type, name), **times(first, last)}
        return self.marked({**common, **fields})

    def marked(self, made: Stix, *, confidence: int | None = None, labels: Sequence[str] = ()) -> Stix:
        """Return an object marked; one that is no observable also with its maker and what is thought of it."""
        made = {**made, "object_marking_refs": [self.marking]}
        if "created" not in made:
            return made
        made.setdefault("created_by_ref", self.maker)
        if confidence is not None:
            made["confidence"] = confidence
        if labels:
            made["labels"] = list(labels)
        return made
