"""`nmap`: hosts with their addresses, names, ports, products, operating systems and script outputs, of nmap's XML.

Our probe sends the XML itself, or, where it was told to parse it, its standard form with the XML beside it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from vedette.extraction.addresses import AddressError, AddressRange
from vedette.extraction.building import CONTAINED_WITHIN, SUB_OBSERVABLE, Building
from vedette.extraction.dates import milliseconds_of_seconds
from vedette.extraction.entries import Entry, done, each, is_json
from vedette.extraction.interface import Document, ExtractionError, Extractor
from vedette.extraction.sources.forms import read_json, resolve
from vedette.extraction.subgraph import Position, Subgraph
from vedette.extraction.urls import place_host
from vedette.extraction.xml_entries import xml_entries

MAX_OUTPUT = 1_500
"""Characters of a script's output that are kept: the whole of it is in the document."""

_PROGRAMS = ("cpe:/a:", "cpe:2.3:a:")
"""What names of programs begin with; operating systems and hardware are of the host, not of the port."""

_PROTOCOLS = frozenset({"tcp", "udp", "sctp", "ip"})


class Nmap(Extractor):
    """Reads a port scan."""

    name = "nmap"
    summary = "nmap's XML: hosts, names, ports, services, products, operating systems, scripts"

    def extract(self, document: Document) -> Subgraph:
        """Return what the scan found; empty where no host is up."""
        building = Building(source="nmap")
        if not document.content and document.meta.get("exit_code"):
            # nmap is not installed, or ended before it said a word: the item says why.
            return building.done()
        wrapped = is_json(document)
        content = _output(document.content) if wrapped else document.content
        target = str(document.meta.get("target") or "")
        for entry in each(building, xml_entries(content, roots={"nmaprun"}, names={"host"})):
            _host(building, entry, target, wrapped=wrapped)
        return done(building)


def _output(content: bytes) -> bytes:
    """Return the XML that is beside the form."""
    value = read_json(content)
    if not isinstance(value, dict) or not isinstance(value.get("output"), str):
        raise ExtractionError("neither nmap's XML nor a form of nmap with its output")
    try:
        # Where there was more than an item holds it is cut off, and what is there is read.
        return base64.b64decode(value["output"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ExtractionError(f"the output in the form is not Base64: {error}") from error


def _network(building: Building, target: str) -> str:
    """Return the range that was scanned; empty where it was one host."""
    if "/" not in target:
        return ""
    try:
        AddressRange.parse(target)
    except AddressError:
        return ""
    return building.address_range(target)


def _host(building: Building, entry: Entry[Element], target: str, *, wrapped: bool) -> None:
    host = entry.value
    status = host.find("status")
    if status is not None and status.get("state") != "up":
        return
    addresses = {part.get("addrtype", "ipv4"): part for part in host.iterfind("address")}
    main = addresses.get("ipv4", addresses.get("ipv6"))
    label = main.get("addr", "") if main is not None else ""
    # Within a form, offsets would be those of what is encoded there.
    position = Position(f"host {label}") if wrapped else Position(f"host {label}", entry.start, entry.end)
    seen = milliseconds_of_seconds(host.get("endtime", ""))
    ip = building.ip(label, position, hostState="up", lastSeen=seen)
    if not ip:
        return
    building.edge(ip, _network(building, target), CONTAINED_WITHIN, position)
    _hardware(building, addresses.get("mac"), ip, position)
    for name in host.iterfind("hostnames/hostname"):
        if name.get("name"):
            resolve(building, place_host(building, name.get("name", ""), position), ip, position)
    for port in host.iterfind("ports/port"):
        _port(building, port, label, ip, position)
    for system, accuracy in _systems(host):
        made = building.cpe(system, position)
        building.edge(ip, made, SUB_OBSERVABLE, position, accuracy=accuracy)
    building.say(ip, scripts=_scripts(host.find("hostscript")))


def _hardware(building: Building, address: Element | None, ip: str, position: Position) -> None:
    """State the address of the network card, which nmap sees in its own network only."""
    if address is None or not address.get("addr"):
        return
    made = building.vertex(
        "Observable",
        address.get("addr", "").lower(),
        observable="MAC Address",
        position=position,
        description=address.get("addr", "").lower(),
        vendor=address.get("vendor"),
    )
    building.edge(ip, made, SUB_OBSERVABLE, position)


def _port(building: Building, port: Element, address: str, ip: str, position: Position) -> None:
    state, service, protocol = port.find("state"), port.find("service"), port.get("protocol", "tcp")
    if protocol not in _PROTOCOLS:
        building.skip(position, f"{protocol[:40]!r} is no protocol of ports")
        return
    said = service.attrib if service is not None else {}
    socket = building.socket(
        address,
        port.get("portid", ""),
        position,
        service=said.get("name"),
        extraInfo=said.get("extrainfo"),
        scripts=_scripts(port),
        **{f"{protocol}State": state.get("state") if state is not None else None},
    )
    names = [text for name in port.iterfind("service/cpe") if (text := (name.text or "").strip())]
    of_host = [name for name in names if not name.startswith(_PROGRAMS)]
    product, version = said.get("product", ""), said.get("version", "")
    for name in of_host:
        building.edge(ip, building.cpe(name, position), SUB_OBSERVABLE, position)
    for name in names:
        if name not in of_host:
            made = building.cpe(name, position, product=product, version=version)
            building.edge(socket, made, SUB_OBSERVABLE, position)
    if product and len(of_host) == len(names):
        building.edge(socket, building.product(product, position, version=version), SUB_OBSERVABLE, position)


def _systems(host: Element) -> Iterator[tuple[str, int]]:
    """Yield the operating systems that are most likely, by their CPE names, with how sure nmap is in percent."""
    matches = [(_percent(match), match) for match in host.iterfind("os/osmatch")]
    best = max((accuracy for accuracy, _ in matches), default=0)
    for accuracy, match in matches:
        if accuracy == best:
            for name in match.iterfind("osclass/cpe"):
                if (name.text or "").strip():
                    yield (name.text or "").strip(), accuracy


def _percent(match: Element) -> int:
    text = match.get("accuracy", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0


def _scripts(parent: Element | None) -> list[str] | None:
    """Return what scripts said, each with its name before it; None where none did."""
    found = [] if parent is None else list(parent.iterfind("script"))
    return [f"{script.get('id', '')}: {script.get('output', '').strip()}"[:MAX_OUTPUT] for script in found] or None
