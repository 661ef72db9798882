"""The records of an investigation: one of each fact, edge, scan and proof, the same in every sink. Pure.

Each has `kind, id, investigation` (uuid), `key, tlp`; beside these

- `fact`: `vertex`, `properties` in Stucco's names (`vertexType, observableType, name, …`), `first_seen, last_seen,
  mentions, malicious, own, warned, alarming, confidence, reviewed, items, sources`;
- `edge`: `outVertID, inVertID, relation` (Stucco's names), `count, first_seen, last_seen, confidence`;
- `scan`: `item, agent, tool, target, command, exit_code, verdict, observed_at, sha256, size, content_type, file_name,
  services, vertices, raw` (base64);
- `proof`: `item, state, agent, received_at, statement` (its exact text), `statement_sha256, payload_sha256, stamps,
  bundle` (base64 of the zip).

`id` is a uuid5 of the investigation's and of what the record is about: the same thing has the same id in every
export. Times are microseconds, UTC. What was withheld from others is told to none of them: it is no record.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args
from uuid import uuid5

import orjson

from vedette.graph.port import EdgeView
from vedette.sharing.exporter import ExportError
from vedette.sharing.investigation import Fact, Investigation, Proof, Scan, Withheld

RecordKind = Literal["fact", "edge", "scan", "proof"]
"""What a record is of."""

KINDS: tuple[RecordKind, ...] = get_args(RecordKind)
"""All, in the order in which they are exported: an edge comes after its ends."""

_MAX_WHAT = 200


class UnfitError(ValueError):
    """A record holds what JSON cannot carry; says what."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One thing that is exported."""

    kind: RecordKind
    id: str
    """The same for the same thing of the same investigation, always."""
    what: str
    """For a person: `fact IP 192.0.2.7`."""
    vertex: str
    """Id of the vertex, where it is a fact."""
    values: Mapping[str, Any]
    """Everything, by name: plain JSON values, and bytes where there are some."""

    def line(self) -> bytes:
        """Return it as one line of JSON, without the line's end; the same gives the same bytes.

        Raises:
            UnfitError: it holds what JSON cannot carry.
        """
        try:
            return orjson.dumps(self.values, default=as_base64)
        except orjson.JSONEncodeError as error:
            raise UnfitError(f"cannot be written as JSON: {error}") from error

    def withheld(self, reason: str) -> Withheld:
        """Return it as something that is left out."""
        return Withheld(what=self.what, reason=reason, vertex=self.vertex)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """A record and what tells whether it has changed."""

    record: Record
    digest: str
    """SHA-256 of its line, hex."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealing:
    """All records of an investigation."""

    records: Sequence[Sealed]
    """Those that can be written, in their order."""
    unfit: Mapping[str, Withheld]
    """Those that cannot, by their ids."""


def records_of(investigation: Investigation) -> Iterator[Record]:
    """Yield all records, by kind and then in the investigation's order."""
    for fact in investigation.facts:
        yield _of_fact(investigation, fact)
    for edge in investigation.edges:
        yield _of_edge(investigation, edge)
    for scan in investigation.scans:
        yield _of_scan(investigation, scan)
    for proof in investigation.proofs:
        yield _of_proof(investigation, proof)


def seal(investigation: Investigation) -> Sealing:
    """Return all records that can be written, each id once, and those that cannot."""
    sealed: dict[str, Sealed] = {}
    unfit: dict[str, Withheld] = {}
    for record in records_of(investigation):
        try:
            digest = hashlib.sha256(record.line()).hexdigest()
        except UnfitError as error:
            unfit[record.id] = record.withheld(str(error))
        else:
            sealed[record.id] = Sealed(record=record, digest=digest)
    return Sealing(records=list(sealed.values()), unfit=unfit)


def head_line(investigation: Investigation) -> bytes:
    """Return what is said of an investigation as a whole, as one line of JSON without the line's end.

    Raises:
        ExportError: JSON cannot carry it.
    """
    head = {
        "kind": "investigation",
        "id": str(investigation.uuid),
        "key": investigation.key,
        "about": investigation.kind,
        "title": investigation.title,
        "description": investigation.description,
        "organisation": investigation.organisation,
        "tlp": investigation.tlp.value,
        "pap": None if investigation.pap is None else investigation.pap.value,
        "tags": list(investigation.tags),
        "first_seen": investigation.first_seen,
        "last_seen": investigation.last_seen,
    }
    try:
        return orjson.dumps(head)
    except orjson.JSONEncodeError as error:
        raise ExportError(f"the investigation {investigation.key!r} cannot be written as JSON: {error}") from error


def is_empty(investigation: Investigation) -> bool:
    """Tell whether nothing is in it."""
    return not (investigation.facts or investigation.edges or investigation.scans or investigation.proofs)


def _of_fact(investigation: Investigation, fact: Fact) -> Record:
    vertex = fact.vertex
    stucco = vertex.as_stucco()
    return _record(
        investigation,
        "fact",
        vertex.id,
        what=f"{'/'.join(filter(None, (vertex.type, vertex.observable_type)))} {vertex.name}",
        vertex=vertex.id,
        properties={name: stucco[name] for name in sorted(stucco)},
        first_seen=vertex.first_seen,
        last_seen=vertex.last_seen,
        mentions=vertex.mentions,
        malicious=fact.malicious,
        own=fact.own,
        warned=fact.warned,
        alarming=fact.alarming,
        confidence=fact.confidence,
        reviewed=fact.reviewed,
        items=list(fact.items),
        sources=list(fact.sources),
    )


def _of_edge(investigation: Investigation, edge: EdgeView) -> Record:
    return _record(
        investigation,
        "edge",
        f"{edge.out_id}\n{edge.relation}\n{edge.in_id}",
        what=f"{edge.out_id} {edge.relation} {edge.in_id}",
        outVertID=edge.out_id,
        inVertID=edge.in_id,
        relation=edge.relation,
        count=edge.count,
        first_seen=edge.first_seen,
        last_seen=edge.last_seen,
        confidence=edge.confidence,
    )


def _of_scan(investigation: Investigation, scan: Scan) -> Record:
    return _record(
        investigation,
        "scan",
        scan.item,
        what=f"{scan.tool} {scan.target} ({scan.item})",
        item=scan.item,
        agent=scan.agent,
        tool=scan.tool,
        target=scan.target,
        command=list(scan.command),
        exit_code=scan.exit_code,
        verdict=scan.verdict,
        observed_at=scan.observed_at,
        sha256=scan.sha256,
        size=scan.size,
        content_type=scan.content_type,
        file_name=scan.file_name,
        services=[asdict(service) for service in scan.services],
        vertices=list(scan.vertices),
        raw=scan.raw,
    )


def _of_proof(investigation: Investigation, proof: Proof) -> Record:
    return _record(
        investigation,
        "proof",
        proof.item,
        what=f"{proof.state} of item {proof.item}",
        item=proof.item,
        state=proof.state,
        agent=proof.agent,
        received_at=proof.received_at,
        # RFC 8785 is UTF-8, and its text is what was hashed.
        statement=proof.statement.decode("utf-8", errors="surrogateescape"),
        statement_sha256=proof.statement_sha256,
        payload_sha256=proof.payload_sha256,
        stamps=[asdict(stamp) for stamp in proof.stamps],
        bundle=proof.bundle,
    )


def _record(investigation: Investigation, kind: RecordKind, about: str, *, what: str, **values: Any) -> Record:
    name = f"{kind}\n{about}".encode("utf-8", errors="replace").decode()
    id = str(uuid5(investigation.uuid, name))
    common = {
        "kind": kind,
        "id": id,
        "investigation": str(investigation.uuid),
        "key": investigation.key,
        "tlp": investigation.tlp.value,
    }
    shown = f"{kind} {what}"[:_MAX_WHAT].encode("utf-8", errors="replace").decode()
    vertex = values["vertex"] if kind == "fact" else ""
    return Record(kind=kind, id=id, what=shown, vertex=vertex, values=common | values)


def as_base64(value: object) -> str:
    """Return bytes as JSON has them.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is not a JSON value")
