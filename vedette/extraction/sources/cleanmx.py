"""`cleanmx`: Clean MX's list of URLs that serve viruses (`xmlviruses.php`)."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from vedette.extraction.building import CONTAINED_WITHIN, OBSERVABLE, RELATED_TTP, SUB_OBSERVABLE, Building
from vedette.extraction.dates import milliseconds_of_seconds
from vedette.extraction.entries import Entry, done, each
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.listed import HASHES
from vedette.extraction.subgraph import Position, Subgraph
from vedette.extraction.urls import UrlError, place_url, read_url
from vedette.extraction.xml_entries import xml_entries

SOURCE = "CleanMx(virus)"
"""What its vertices name as their source."""

_NAME_SERVERS = ("ns1", "ns2", "ns3", "ns4", "ns5")


class CleanMx(Extractor):
    """Reads what serves a virus: its URL, socket, domain, network and operator."""

    name = "cleanmx"
    summary = "Clean MX: URLs that serve viruses, with address, network and MD5 (XML)"

    def extract(self, document: Document) -> Subgraph:
        """Return what the entries state."""
        building = Building(source=SOURCE)
        for entry in each(building, xml_entries(document.content, roots={"output"}, names={"entry"})):
            _read(building, entry)
        return done(building)


def _read(building: Building, entry: Entry[Element]) -> None:
    said = {part.tag: (part.text or "").strip() for part in entry.value}
    number = said.get("id", "")
    position = entry.position(number)
    if not number:
        building.skip(position, "an entry without id")
        return
    digest = said.get("md5", "").lower()
    malware = building.malware(
        f"{SOURCE}_{number}",
        position,
        description=f"{SOURCE} entry {number}",
        # What it was called before.
        alias=[f"CleanMx_{number}"],
        md5=[digest] if HASHES.get(len(digest)) == "md5" else None,
        vtScore=said.get("vt_score"),
        firstSeen=milliseconds_of_seconds(said.get("first", "")),
        lastSeen=milliseconds_of_seconds(said.get("last", "")),
    )
    virus = building.malware(said.get("virusname", ""), position)
    building.edge(malware, virus, RELATED_TTP, position)
    url = place_url(building, said.get("url", ""), position, status=said.get("response"))
    building.edge(malware, url.uri, OBSERVABLE, position)
    socket = _socket(building, said, position)
    building.edge(malware, socket, OBSERVABLE, position)
    domain = _domain(building, said, position)
    building.edge(socket, domain, SUB_OBSERVABLE, position)


def _socket(building: Building, said: dict[str, str], position: Position) -> str:
    """Return the socket that answered, with the network that it is in."""
    address = said.get("ip") or said.get("review", "")
    if not address:
        return ""
    try:
        port = read_url(said.get("url", "")).port
    except UrlError:
        port = None
    socket = building.socket(address, port or 80, position)
    network = _network(building, said, position)
    if socket:
        building.edge(building.ip(address, position), network, CONTAINED_WITHIN, position)
    if said.get("as"):
        system = building.autonomous_system(said["as"], position)
        building.edge(system, network, SUB_OBSERVABLE, position)
    return socket


def _network(building: Building, said: dict[str, str], position: Position) -> str:
    if not said.get("inetnum"):
        return ""
    name, description = said.get("netname", ""), said.get("descr", "")
    words = f"Netname {name}: {description}" if name else description
    return building.address_range(
        said["inetnum"],
        position=position,
        description=words or None,
        netname=name,
        countryCode=said.get("country"),
        assignedBy=said.get("source"),
        email=[said["email"]] if said.get("email") else None,
    )


def _domain(building: Building, said: dict[str, str], position: Position) -> str:
    name = said.get("domain", "")
    # Where the URL has an address, the list repeats it here.
    if not name or name == said.get("ip"):
        return ""
    servers = [server for key in _NAME_SERVERS if (server := said.get(key, ""))]
    return building.domain(name, position, nameServers=servers or None)
