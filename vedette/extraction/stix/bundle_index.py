"""What must be known of all objects of a bundle before any is read: which version counts, what they are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from vedette.extraction.entries import Entry
from vedette.extraction.interface import ExtractionError
from vedette.extraction.json_entries import json_entries
from vedette.extraction.stix.cyber_observables import Values, single
from vedette.extraction.stix.vocabulary import MARKINGS

_ARRAYS: Final = frozenset({"objects"})
_NAMED: Final = frozenset({"domain-name", "identity", "ipv4-addr", "ipv6-addr", "mac-addr"})


class BundleIndex:
    """The index of one bundle; whatever can be read of one that is cut off."""

    def __init__(self, content: bytes) -> None:
        """Go through a document.

        Raises:
            ExtractionError: nothing of it can be read.
        """
        self._content = content
        self._latest: dict[str, tuple[str, int]] = {}
        self._names: dict[str, str] = {}
        self._markings = dict(MARKINGS)
        self._techniques: dict[str, str] = {}
        self._tactics: dict[str, str] = {}
        read = 0
        self.broken = ""
        """Why it could not be read to its end; empty where it could."""
        try:
            for number, entry in enumerate(json_entries(content, arrays=_ARRAYS)):
                read += 1
                if isinstance(entry.value, dict):
                    self._add(number, entry.value)
        except ExtractionError as error:
            self.broken = str(error)
            if not read:
                raise

    def objects(self) -> Iterator[tuple[int, Entry[Any]]]:
        """Yield the objects with their numbers, each in its latest version (STIX 2.1, section 3.6)."""
        try:
            for number, entry in enumerate(json_entries(self._content, arrays=_ARRAYS)):
                id = single(entry.value.get("id")) if isinstance(entry.value, dict) else ""
                if not id or self._latest[id][1] == number:
                    yield number, entry
        except ExtractionError:
            # Said in `broken` already.
            return

    def __contains__(self, id: str) -> bool:
        return id in self._latest

    def name(self, id: str) -> str:
        """Return the name of an identity, or the value of an address or a domain; empty where it is not there."""
        return self._names.get(id, "")

    def marking(self, id: str) -> str:
        """Return what a marking is called, such as `TLP:GREEN`; its id where it is not known."""
        return self._markings.get(id, id)

    def technique(self, id: str) -> str:
        """Return the name of an ATT&CK technique by its id there, such as `T1059`; empty where it is not there."""
        return self._techniques.get(id, "")

    def tactics(self, fields: Values) -> list[str]:
        """Return the ids of the ATT&CK tactics that a technique serves: its phases are their short names."""
        phases = fields.get("kill_chain_phases")
        named = (
            [single(one.get("phase_name")) for one in phases if isinstance(one, dict)]
            if isinstance(phases, list)
            else []
        )
        return [self._tactics[name] for name in dict.fromkeys(named) if name in self._tactics]

    def _add(self, number: int, fields: Values) -> None:
        id, type = single(fields.get("id")), single(fields.get("type"))
        if id:
            version = (single(fields.get("modified")), number)
            self._latest[id] = max(self._latest.get(id, version), version)
        if type in _NAMED:
            self._names[id] = single(fields.get("value")) or single(fields.get("name"))
        elif type == "marking-definition":
            self._markings[id] = _marking_name(fields) or self.marking(id)
        elif type == "attack-pattern":
            self._techniques[attack_id(fields)] = single(fields.get("name"))
        elif type == "x-mitre-tactic":
            self._tactics[single(fields.get("x_mitre_shortname"))] = id


def attack_id(fields: Values) -> str:
    """Return an object's id in MITRE ATT&CK, such as `T1059.001` or `G0016`; empty where it has none."""
    return next((id for source, id in external_ids(fields) if source.startswith("mitre") and "attack" in source), "")


def external_ids(fields: Values) -> Iterator[tuple[str, str]]:
    """Yield the external ids of an object, each with its source, such as `cve`."""
    given = fields.get("external_references")
    for one in given if isinstance(given, list) else ():
        if isinstance(one, dict) and (id := single(one.get("external_id"))):
            yield single(one.get("source_name")), id


def _marking_name(fields: Mapping[str, Any]) -> str:
    definition = fields.get("definition")
    said = definition if isinstance(definition, dict) else {}
    colour, statement = single(said.get("tlp")), single(said.get("statement"))
    return single(fields.get("name")) or (f"TLP:{colour.upper()}" if colour else statement)
