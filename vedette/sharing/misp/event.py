"""An investigation as a MISP event: the same investigation, the same event. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.misp.composing import Composing, Document, Said
from vedette.sharing.misp.facts import add_fact
from vedette.sharing.misp.ids import organisation_uuid
from vedette.sharing.misp.marking import said_of
from vedette.sharing.misp.options import MispOptions
from vedette.sharing.misp.references import References
from vedette.sharing.misp.reports import add_description, add_report
from vedette.sharing.misp.scans import add_scan
from vedette.sharing.misp.values import one_line, seconds, seen

MAX_INFO: Final = 1_000
"""Characters of an event's title."""

ONGOING: Final = "1"
COMPLETED: Final = "2"
"""MISP's states of analysis."""

UNDEFINED: Final = "4"
"""MISP's threat level of what nobody has weighed."""

_ENDED: Final = frozenset({"item", "job"})
"""Kinds of investigations to which nothing is added."""


@dataclass(frozen=True, kw_only=True)
class MispEvent:
    """An event, and what is not in it."""

    event: Document
    """What stands below `Event` in MISP's JSON."""
    withheld: tuple[Withheld, ...]
    """What is left out: by policy, then what a server would drop."""

    @property
    def document(self) -> Document:
        """What MISP reads from a file."""
        return {"Event": self.event}


def misp_event(investigation: Investigation, options: MispOptions | None = None) -> MispEvent:
    """Return an investigation as an event.

    Args:
        investigation: all of it.
        options: how it is marked; none: for the own organisation only.

    Raises:
        ExportError: MISP's templates, types or galaxies cannot be read.
    """
    to = Composing(investigation.uuid)
    # The latest first: of what an object has only one of, it has the latest.
    scans = {scan.item: add_scan(to, scan) for scan in reversed(investigation.scans)}
    ids = _add_facts(to, investigation)
    references = References(to, investigation.facts, ids)
    for edge in investigation.edges:
        references.add(edge)
    _add_origins(to, investigation, ids, scans)
    if investigation.facts or investigation.scans or investigation.proofs:
        add_description(to, investigation.description, investigation.last_seen)
    of_item = {scan.item: scan for scan in investigation.scans}
    for proof in investigation.proofs:
        add_report(to, proof, of_item.get(proof.item), scans.get(proof.item, ""))
    attributes, objects = to.finish()
    reports = sorted(to.reports, key=lambda one: str(one["uuid"]))
    event = _marked(investigation, options or MispOptions(), to.tags) | {
        "timestamp": _newest([*attributes, *objects, *reports], investigation.last_seen),
        "Attribute": attributes,
        "Object": objects,
        "EventReport": reports,
    }
    return MispEvent(event=event, withheld=(*investigation.withheld, *to.withheld))


def _add_facts(to: Composing, investigation: Investigation) -> dict[str, str | None]:
    """Add the facts; returns by vertex the id of what it became, None for what others have in them."""
    within = _within_others(investigation)
    return {
        fact.vertex.id: None if fact.vertex.id in within else add_fact(to, fact, said_of(fact))
        for fact in investigation.facts
    }


def _within_others(investigation: Investigation) -> set[str]:
    """Return the ports of which nothing is said but that they are of an address: that is in the objects of these."""
    types = {fact.vertex.id: fact.vertex.observable_type for fact in investigation.facts}
    found: set[str] = set()
    otherwise: set[str] = set()
    for edge in investigation.edges:
        otherwise.add(edge.out_id)
        (found if types.get(edge.out_id) == "Socket Address" else otherwise).add(edge.in_id)
    return {vertex for vertex in found - otherwise if types.get(vertex) == "Port"}


def _add_origins(
    to: Composing, investigation: Investigation, ids: Mapping[str, str | None], scans: Mapping[str, str]
) -> None:
    """Say of facts from which scan they are: of objects by their own references, of attributes by the scan's."""
    for scan in investigation.scans:
        own = scans[scan.item]
        said = Said(what="", first=scan.observed_at, last=scan.observed_at, comment=f"item {scan.item}")
        for vertex in scan.vertices:
            id = ids.get(vertex)
            if not own or not id:
                continue
            if to.is_object(id):
                to.refer(id, "derived-from", own, said)
            else:
                to.refer(own, "includes", id, said)


def _marked(investigation: Investigation, options: MispOptions, galaxies: set[str]) -> Document:
    """Return what is said of the event itself."""
    tags = {*galaxies, *investigation.tags}
    tags = {tag for tag in tags if not tag.lower().startswith("tlp:")} | {investigation.tlp.tag}
    if investigation.pap is not None:
        tags = {tag for tag in tags if not tag.lower().startswith("pap:")} | {investigation.pap.tag}
    group = options.sharing_group
    organisation = options.organisation_uuid or organisation_uuid(investigation.instance)
    made = {
        "uuid": str(investigation.uuid),
        "info": _line(investigation.title) or investigation.key[:MAX_INFO],
        "date": seen(max(investigation.first_seen, 0))[:10],
        "analysis": COMPLETED if investigation.kind in _ENDED else ONGOING,
        "threat_level_id": UNDEFINED,
        "distribution": str(options.distribution),
        "published": False,
        "Orgc": {"name": _line(investigation.organisation) or "Vedette", "uuid": str(organisation)},
        "Tag": [{"name": tag} for tag in sorted(map(_line, tags)) if tag],
    }
    return made if group is None else made | {"SharingGroup": {"uuid": str(group), "name": str(group)}}


def _newest(children: list[Document], otherwise: int) -> str:
    """Return the latest time of what is in an event: servers take no child that is newer than its event."""
    listed = [*children, *(one for child in children for one in child.get("ObjectReference", ()))]
    return max((str(one["timestamp"]) for one in listed), key=int, default=seconds(otherwise))


def _line(text: str) -> str:
    return one_line(text)[:MAX_INFO]
