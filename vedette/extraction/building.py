"""Stucco's vocabulary: what things are called, how they are described, and what they consist of.

Names and descriptions are those of its graphs, so that old and new ones align. Each method returns the id of its
vertex; an empty id where the text is no such thing, which is said once as a problem. Edges from or to an empty id are
left out, so that callers need not ask.
"""

from __future__ import annotations

from vedette.extraction.addresses import AddressError, AddressRange, address, number
from vedette.extraction.drafting import MAX_VERTICES, Draft, Given
from vedette.extraction.subgraph import WHOLE, Position

SUB_OBSERVABLE = "Sub-Observable"
CONTAINED_WITHIN = "Contained_Within"
EXPLOIT_TARGET = "ExploitTarget"
EXPLOIT_TARGET_RELATED = "ExploitTargetRelatedObservable"
EXPLOITS = "Exploits"
OBSERVABLE = "Observable"
RELATED_TTP = "RelatedTTP"
USES_IP = "UsesIP"

MAX_PORT = 65_535

_CPE_PARTS = ("part", "vendor", "product", "version", "update", "edition", "language")


class Building(Draft):
    """Makes vertices and edges as Stucco names them."""

    def __init__(self, *, source: str = "", limit: int = MAX_VERTICES) -> None:
        """Start with nothing; `source` is what vertices say where they come from, such as `Argus`."""
        super().__init__(source=source, limit=limit)
        # Millions of flows are between a few thousand of them.
        self._addresses: dict[str, tuple[str, str]] = {}
        self._sockets: dict[tuple[str, str], tuple[str, str]] = {}

    # Network ---------------------------------------------------------------------------

    def ip(self, text: str, position: Position = WHOLE, **properties: Given) -> str:
        """An IP address: named and described by its usual form, with `ipInt` (v6: decimal text)."""
        return self._address(text, position, properties)[0]

    def port(self, text: str | int, position: Position = WHOLE, **properties: Given) -> str:
        """A port: a number, hexadecimal as Argus writes some, or the name of a service."""
        name = port_name(str(text))
        if not name:
            self.skip(position, f"{str(text)[:60]!r} is no port")
            return ""
        return self.add("Observable", name, {"description": name, **properties}, observable="Port", position=position)

    def socket(self, ip: str, port: str | int, position: Position = WHOLE, **properties: Given) -> str:
        """An address and a port: `ip:port`, in brackets where it is v6, with both as what it consists of."""
        made, _ = self._socket(ip, str(port), position)
        if made and properties:
            self.say(made, **properties)
        return made

    def flow(
        self,
        here: tuple[str, str | int],
        there: tuple[str, str | int],
        position: Position = WHOLE,
        **properties: Given,
    ) -> str:
        """A flow from an address and port to another: `ip:port_through_ip:port`, with both sockets."""
        out, out_words = self._socket(here[0], str(here[1]), position)
        into, into_words = self._socket(there[0], str(there[1]), position)
        if not out or not into:
            return ""
        name = f"{self.name_of(out)}_through_{self.name_of(into)}"
        said = {"description": f"{out_words} to {into_words}", **properties}
        made = self.add("Observable", name, said, observable="Network Flow", position=position)
        self.edge(made, out, SUB_OBSERVABLE, position)
        self.edge(made, into, SUB_OBSERVABLE, position)
        return made

    def address_range(self, text: str, end: str = "", /, position: Position = WHOLE, **properties: Given) -> str:
        """A range of addresses: CIDR, `start - end`, or a start and an end."""
        try:
            found = AddressRange.parse(text, end)
        except AddressError as error:
            self.skip(position, str(error))
            return ""
        said: dict[str, Given] = {
            "description": f"{found.start} through {found.end}",
            "startIP": str(found.start),
            "endIP": str(found.end),
            "startIPInt": number(found.start),
            "endIPInt": number(found.end),
            **properties,
        }
        return self.add("AddressRange", found.name, said, observable="Address", position=position)

    def domain(self, name: str, position: Position = WHOLE, **properties: Given) -> str:
        """A domain name, as it is written."""
        return self._observable("Domain Name", name, position, properties)

    def dns_record(self, name: str, ip: str, position: Position = WHOLE, **properties: Given) -> str:
        """What a name resolved to: `name_resolved_to_ip`, with both."""
        domain, address = self.domain(name, position), self.ip(ip, position)
        if not domain or not address:
            return ""
        resolved = self.name_of(address)
        name = f"{self.name_of(domain)}_resolved_to_{resolved}"
        words = f"Requested domain name {self.name_of(domain)} resolved to IP address {resolved}"
        said = {"description": words, **properties}
        record = self.add("Observable", name, said, observable="DNS Record", position=position)
        self.edge(record, domain, SUB_OBSERVABLE, position)
        self.edge(record, address, SUB_OBSERVABLE, position)
        return record

    def autonomous_system(self, asn: str | int, position: Position = WHOLE, **properties: Given) -> str:
        """An autonomous system, named by its number alone."""
        return self._observable("AS", str(asn).strip().upper().removeprefix("AS"), position, properties)

    def organization(self, name: str, position: Position = WHOLE, **properties: Given) -> str:
        """An organisation as a registry of addresses or names knows it."""
        return self._observable("Whois", name, position, properties)

    def uri(self, text: str, position: Position = WHOLE, **properties: Given) -> str:
        """A URI or URL."""
        return self._observable("URI", text, position, properties)

    def http_session(self, request: str, position: Position = WHOLE, **properties: Given) -> str:
        """An HTTP request: named by what was requested."""
        said = {"description": f"HTTP request of URL {request.strip()}"} | properties
        return self._observable("HTTP Session", request, position, said)

    def email(self, address: str, position: Position = WHOLE, **properties: Given) -> str:
        """An e-mail address."""
        return self._observable("Email Address", address, position, properties)

    # Hosts -----------------------------------------------------------------------------

    def hostname(self, name: str, position: Position = WHOLE, **properties: Given) -> str:
        """A host, by name."""
        return self._observable("Hostname", name, position, properties)

    def host_at(self, ip: str, position: Position = WHOLE, **properties: Given) -> str:
        """The host at an address, whatever its name: `host_at_ip`, with the address."""
        address = self.ip(ip, position)
        if not address:
            return ""
        host = self.hostname(f"host_at_{self.name_of(address)}", position, **properties)
        self.edge(host, address, SUB_OBSERVABLE, position)
        return host

    def account(self, name: str, position: Position = WHOLE, **properties: Given) -> str:
        """A user's account."""
        return self._observable("User Account", name, position, properties)

    def process(self, name: str, position: Position = WHOLE, **properties: Given) -> str:
        """A process, or a service."""
        return self._observable("Process", name, position, properties)

    def file(self, name: str, position: Position = WHOLE, **properties: Given) -> str:
        """A file, by name or path, or by a hash of its content where it has none."""
        return self._observable("File", name, position, properties)

    def product(self, product: str, position: Position = WHOLE, **properties: Given) -> str:
        """A product: `cpe:part:vendor:product:version:update:edition:language`, empty where it is not known.

        Those of the properties that have these names are in its name.
        """
        if not product.strip():
            return ""
        known = {name: str(properties.get(name) or "").strip() for name in _CPE_PARTS} | {"product": product.strip()}
        name = ":".join(["cpe", *(part.replace(":", "%3a") for part in known.values())])
        version = known["version"]
        words = f"{known['product']} version {version}" if version else known["product"]
        return self.cpe(name, position, **({"description": words} | properties | known))

    def cpe(self, name: str, position: Position = WHOLE, **properties: Given) -> str:
        """A product, by a CPE name as it is written (2.2 `cpe:/a:…` or 2.3 `cpe:2.3:a:…`)."""
        return self._observable("Product", name, position, properties)

    # Threats ---------------------------------------------------------------------------

    def vulnerability(self, name: str, position: Position = WHOLE, **properties: Given) -> str:
        """A vulnerability: its CVE id where it has one."""
        return self._thing("Vulnerability", name, position, properties)

    def weakness(self, name: str, position: Position = WHOLE, **properties: Given) -> str:
        """A weakness: its CWE id where it has one."""
        return self._thing("Weakness", name, position, properties)

    def exploit(self, name: str, position: Position = WHOLE, **properties: Given) -> str:
        """An exploit."""
        return self._thing("Exploit", name, position, properties)

    def malware(self, name: str, position: Position = WHOLE, **properties: Given) -> str:
        """A malware, or what an address is listed for."""
        return self._thing("Malware", name, position, properties)

    # Parts -----------------------------------------------------------------------------

    def say(self, id: str, /, **properties: Given) -> None:
        """Say more of a vertex that is there; nothing for an empty id."""
        sketch = self._sketches.get(id)
        if sketch is not None:
            self._unite(sketch, properties)

    def is_ip(self, text: str) -> bool:
        """Tell whether a text is an IP address."""
        if text in self._addresses:
            return True
        try:
            address(text)
        except AddressError:
            return False
        return True

    def name_of(self, id: str) -> str:
        """Return the name of a vertex that is there."""
        return str(self._sketches[id].properties["name"])

    def type_of(self, id: str) -> str:
        """Return the type of a vertex that is there."""
        return str(self._sketches[id].properties["vertexType"])

    def _thing(self, type: str, name: str, position: Position, properties: dict[str, Given]) -> str:
        if not name.strip():
            return ""
        return self.add(type, name, {"description": name.strip(), **properties}, position=position)

    def _observable(self, kind: str, name: str, position: Position, properties: dict[str, Given]) -> str:
        if not name.strip():
            return ""
        said = {"description": name.strip(), **properties}
        return self.add("Observable", name, said, observable=kind, position=position)

    def _address(self, text: str, position: Position, properties: dict[str, Given]) -> tuple[str, str]:
        """Return the id and the usual form of an address; empty where it is none."""
        known = self._addresses.get(text)
        if known is None:
            try:
                found = address(text)
            except AddressError as error:
                self.skip(position, str(error))
                return "", ""
            name = str(found)
            made = self.vertex(
                "IP", name, observable="Address", position=position, description=name, ipInt=number(found)
            )
            known = self._addresses[text] = made, name
        if properties:
            self.say(known[0], **properties)
        return known

    def _socket(self, ip: str, port: str, position: Position) -> tuple[str, str]:
        """Return the id and the description of an address and port; empty where one of them is none."""
        known = self._sockets.get((ip, port))
        if known is not None:
            return known
        (host, name), number = self._address(ip, position, {}), self.port(port, position)
        if not host or not number:
            return "", ""
        label = self.name_of(number)
        words = f"{name}, port {label}"
        made = self.vertex(
            "Observable",
            f"[{name}]:{label}" if ":" in name else f"{name}:{label}",
            observable="Socket Address",
            position=position,
            description=words,
        )
        self.edge(made, host, SUB_OBSERVABLE, position)
        self.edge(made, number, SUB_OBSERVABLE, position)
        known = self._sockets[ip, port] = made, words
        return known


def port_name(text: str) -> str:
    """Return a port as it is named: its number, or the name of its service; empty where it is neither."""
    text = text.strip()
    if not text.isascii() or len(text) > 40:
        return ""
    if text.isdigit():
        return str(int(text)) if int(text) <= MAX_PORT else ""
    if text[:2].lower() == "0x":
        try:
            return str(int(text, 16)) if int(text, 16) <= MAX_PORT else ""
        except ValueError:
            return ""
    # RFC 6335 section 5.1, and the underscores of old lists.
    named = text.replace("-", "").replace("_", "")
    return text if named.isalnum() and not named.isdigit() else ""
