"""Scans as STIX 2.1: what was observed, by which command, with which output; and proofs as notes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from vedette.graph.port import EdgeView
from vedette.graph.stix_observables import (
    Stix,
    UnfitError,
    address_object,
    artifact_object,
    domain_object,
    software_object,
    traffic_to,
)
from vedette.sharing.investigation import Proof, Scan, Service
from vedette.sharing.proof_text import proof_text
from vedette.sharing.stix.frame import Frame

Tie = tuple[EdgeView, str, str]
"""An edge between two objects, and their ids."""

_MEDIA_TYPES: Final = frozenset(
    {
        "application/gzip",
        "application/json",
        "application/pdf",
        "application/xml",
        "application/zip",
        "text/csv",
        "text/html",
        "text/plain",
        "text/xml",
    }
)
"""Of outputs, as far as IANA has them registered: `mime_type` has no others (section 6.1)."""

_ANY_BYTES: Final = "application/octet-stream"
_IS_OF: Final = "Sub-Observable"
"""The graph's relation between a port and what answers there, and between a name and its address."""


def service_objects(scan: Scan, service: Service) -> tuple[list[Stix], list[Tie]]:
    """Return the traffic to a port, who has it, its name and what answers there; and how they belong together.

    Raises:
        UnfitError: the host has no address, or the port is none.
    """
    host = address_object(service.address)
    socket = f"[{host['value']}]:{service.port}" if host["type"] == "ipv6-addr" else f"{host['value']}:{service.port}"
    made = traffic_to(socket, service.protocol)
    ties = []
    if product := service.cpe or service.product:
        software = software_object(product, service.version)
        made.append(software)
        ties.append(_tie(scan, made[0]["id"], software["id"]))
    if named := _name(service.hostname):
        made.append(named)
        ties.append(_tie(scan, named["id"], host["id"]))
    return made, ties


def _name(text: str) -> Stix | None:
    """Return the name by which a host was reached, where it is one that others can resolve."""
    try:
        return domain_object(text) if text else None
    except UnfitError:
        return None


def _tie(scan: Scan, out: str, into: str) -> Tie:
    at = scan.observed_at
    edge = EdgeView(out_id=out, in_id=into, relation=_IS_OF, count=1, first_seen=at, last_seen=at, confidence=1.0)
    return edge, out, into


def output(scan: Scan) -> list[Stix]:
    """Return the output of a scan, byte for byte; empty where it is not shared."""
    if scan.raw is None:
        return []
    kind = scan.content_type.partition(";")[0].strip().lower()
    return [artifact_object(scan.raw, kind if kind in _MEDIA_TYPES else _ANY_BYTES)]


def scan_note(scan: Scan, refs: Sequence[str], frame: Frame) -> Stix:
    """Return what was run, as a note on what was observed."""
    lines = [f"{scan.tool} of {scan.target}, run by {scan.agent}; item {scan.item}."]
    if scan.command:
        # One word a line: no quoting of a shell that somebody might take for safe.
        lines += ["Command, one word a line:", *(f"    {word}" for word in scan.command)]
    if scan.exit_code is not None:
        lines.append(f"Exit code: {scan.exit_code}.")
    if scan.verdict:
        lines.append(f"Verdict: {scan.verdict}.")
    if scan.sha256:
        named = f" ({scan.file_name})" if scan.file_name else ""
        lines.append(f"Output{named}: {scan.size} bytes, SHA-256 {scan.sha256}.")
    fields = {"abstract": f"{scan.tool} of {scan.target}", "content": "\n".join(lines), "object_refs": list(refs)}
    return frame.made("note", f"scan\n{scan.item}", scan.observed_at, scan.observed_at, fields)


def proof_objects(proof: Proof, refs: Sequence[str], frame: Frame) -> Iterator[Stix]:
    """Yield the bundle of a proof, where there is one, and a note that says what the proof is of.

    Args:
        proof: which.
        refs: ids of what it proves.
        frame: what all objects have in common.
    """
    listed = list(refs)
    if proof.bundle is not None:
        bundle = frame.marked(artifact_object(proof.bundle, "application/zip"))
        listed.append(bundle["id"])
        yield bundle
    last = max((stamp.gen_time for stamp in proof.stamps), default=proof.received_at)
    fields = {
        "abstract": f"Proof of item {proof.item}: {proof.state}",
        "content": proof_text(proof),
        "object_refs": listed,
    }
    yield frame.made("note", f"proof\n{proof.item}", proof.received_at, last, fields)
