"""What tools put out, as MISP has it: a scan-result with the output attached, an ip-port for each service. Pure."""

from __future__ import annotations

import shlex
from typing import Final

from vedette.sharing.investigation import Scan, Service
from vedette.sharing.misp.composing import Composing, Part, Said
from vedette.sharing.misp.host_facts import add_software
from vedette.sharing.misp.network_facts import add_service
from vedette.sharing.misp.templates import template
from vedette.sharing.misp.values import UnfitValueError, moment, one_line

_SCAN: Final = "scan-result"
_OF_HOSTS: Final = frozenset({"packages", "services", "logins"})
"""Tools that look at the machine that they run on."""

_FORMATS: Final = {
    "application/xml": "XML",
    "text/xml": "XML",
    "application/json": "JSON",
    "text/csv": "CSV",
    "text/html": "HTML",
    "application/pdf": "PDF",
    "text/plain": "free-text output",
}
"""Formats of the template by content type."""


def add_scan(to: Composing, scan: Scan) -> str:
    """Add a scan with its services, and what refers to what; returns the id of its object.

    Raises:
        ExportError: the templates cannot be read.
    """
    said = Said(
        what=f"scan {scan.tool} of {scan.target[:80]!r}",
        first=scan.observed_at,
        last=scan.observed_at,
        comment=f"item {scan.item}",
    )
    query = one_line(shlex.join(scan.command) or f"{scan.tool} {scan.target}")
    parts = [
        Part("scan-result-query", query),
        Part("scan-result-tool", _tool(scan.tool)),
        Part("scan-type", "System" if scan.tool in _OF_HOSTS else "Network"),
        Part("scan-result-format", _FORMATS.get(scan.content_type.partition(";")[0].strip().lower(), "Unknown")),
        Part("scan-end", _time(scan.observed_at)),
        Part("description", _description(scan)),
    ]
    if scan.raw is not None:
        parts.append(Part(_SCAN, scan.file_name or f"{scan.tool}-{scan.item}", data=scan.raw))
    made = to.object(_SCAN, scan.item, parts, said)
    for service in scan.services:
        if service.state.startswith("open"):
            _add_service(to, service, made, said)
        else:
            to.withhold_one_of(f"port {service.state[:20]} of {said.what}", "only open ports are services")
    return made


def _add_service(to: Composing, service: Service, scan: str, said: Said) -> None:
    words = (service.name, service.product, service.version, f"({service.state})")
    port = add_service(
        to,
        service.address,
        str(service.port),
        service.protocol,
        said,
        text=" ".join(word for word in words if word),
        hostname=service.hostname if "." in service.hostname else "",
    )
    if not port:
        return
    if scan:
        to.refer(port, "derived-from", scan, said)
    if service.product or service.cpe:
        software = add_software(
            to, service.cpe or service.product, said, name=service.product, version=service.version
        )
        if software:
            to.refer(port, "hosts", software, said)


def _tool(name: str) -> str:
    """Return a tool by the name that the template proposes, where it does."""
    usual = template(_SCAN).relations["scan-result-tool"].usual
    return next((one for one in usual if one.casefold() in (name.casefold(), f"{name} scan".casefold())), name)


def _time(microseconds: int) -> str:
    try:
        return moment(microseconds) if microseconds > 0 else ""
    except UnfitValueError:
        return ""


def _description(scan: Scan) -> str:
    lines = [f"Target: {scan.target}", f"Observed by: {scan.agent}"]
    lines += [f"Exit code: {scan.exit_code}"] if scan.exit_code is not None else []
    lines += [f"Verdict: {scan.verdict}"] if scan.verdict else []
    lines += [f"Output: {scan.size} bytes, SHA-256 {scan.sha256}"] if scan.sha256 else []
    if scan.raw is None and scan.sha256:
        lines.append("The output is not attached.")
    return "\n".join(lines)
