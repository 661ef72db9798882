"""What a CybOX 2 object is in the graph: its type and its name, made of other objects where it has none itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vedette.extraction.addresses import AddressError, AddressRange, address, number
from vedette.extraction.building import port_name
from vedette.extraction.drafting import Given
from vedette.extraction.stix.cybox_types import INLINE, first_name, object_type, observable_type
from vedette.extraction.xml_tree import XmlElement

MAX_HOPS = 8
"""References that are followed for a name: a flow refers to sockets, and these to addresses."""

LIST_MARK: Final = "##comma##"
"""Between the values of an object that stands for several (CybOX 2.1, `delimiter`)."""

_CATEGORIES: Final[Mapping[str, str]] = {"asn": "AS", "e-mail": "Email Address", "mac": "MAC Address"}
"""`observableType` of addresses of a category that are no IP addresses."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """An object as a vertex."""

    type: str
    """`vertexType`."""
    observable: str
    """`observableType`."""
    name: str
    """Its name; empty where it has none."""
    properties: Mapping[str, Given] = field(default_factory=dict)
    """What follows from its name."""


def address_thing(text: str, category: str = "") -> Thing:
    """Return what an address of any category is: an IP, a range of them, or what else has an address."""
    kind = category.lower()
    if kind not in _CATEGORIES:
        try:
            found = address(text)
            name = str(found)
            return Thing(type="IP", observable="Address", name=name, properties={"ipInt": number(found)})
        except AddressError:
            pass
        try:
            several = AddressRange.parse(text)
        except AddressError:
            pass
        else:
            # STIX writes a single address as 198.51.100.1/32, too.
            return range_thing(several) if several.start != several.end else address_thing(str(several.start))
    name = text.strip()
    if kind == "asn":
        name = name.upper().removeprefix("AS")
    return Thing(type="Observable", observable=_CATEGORIES.get(kind, "Address"), name=name)


def range_thing(found: AddressRange) -> Thing:
    """Return a range of addresses."""
    properties: dict[str, Given] = {
        "startIP": str(found.start),
        "endIP": str(found.end),
        "startIPInt": number(found.start),
        "endIPInt": number(found.end),
    }
    return Thing(type="AddressRange", observable="Address", name=found.name, properties=properties)


class Naming:
    """Names objects; those that others refer to are found in an index."""

    def __init__(self, index: Mapping[str, XmlElement]) -> None:
        """Look elements up by id in `index`: observables and objects."""
        self._index = index
        self._known: dict[int, str] = {}
        self._rules = {
            "DNSRecord": self._dns_record,
            "NetworkConnection": self._flow,
            "NetworkFlow": self._flow,
            "Product": self._product,
            "SocketAddress": self._socket,
        }

    def thing(self, properties: XmlElement, type: str = "", *, hops: int = MAX_HOPS) -> Thing:
        """Return what an object is; `type` is of an object that stands in another one's properties."""
        type = type or object_type(properties)
        if type == "Address":
            found = address_thing(first_name(type, properties), properties.attribute("category"))
            return found if LIST_MARK not in found.name else Thing(type="Observable", observable="Address", name="")
        rule = self._rules.get(type)
        name = rule(properties, hops) if rule else first_name(type, properties)
        return Thing(type="Observable", observable=observable_type(type), name="" if LIST_MARK in name else name)

    def several(self, properties: XmlElement, type: str = "") -> list[Thing]:
        """Return what an object stands for that has a list of values."""
        type = type or object_type(properties)
        values = first_name(type, properties).split(LIST_MARK)
        if len(values) < 2 or type in self._rules:
            return []
        named = [value.strip() for value in values if value.strip()]
        if type == "Address":
            return [address_thing(value, properties.attribute("category")) for value in named]
        return [Thing(type="Observable", observable=observable_type(type), name=value) for value in named]

    def _part(self, properties: XmlElement, hops: int, *paths: str) -> str:
        """Return the name of the first part that has one, whether it stands there or is referred to."""
        for path in paths:
            for part in properties.all(path):
                if name := self._name_of(part, path.rpartition("/")[2], hops):
                    return name
        return ""

    def _name_of(self, part: XmlElement, element: str, hops: int) -> str:
        reference = part.attribute("object_reference") or part.attribute("idref")
        if not reference:
            return self.thing(part, INLINE.get(element, ""), hops=hops).name if part.children else ""
        target = self._index.get(reference)
        properties = None if target is None or hops <= 0 else object_properties(target)
        if properties is None:
            return ""
        known = self._known.get(id(properties))
        if known is None:
            # Nothing yet, should it lead back here.
            self._known[id(properties)] = ""
            known = self._known[id(properties)] = self.thing(properties, hops=hops - 1).name
        return known

    def _socket(self, properties: XmlElement, hops: int) -> str:
        host = self._part(properties, hops, "IP_Address", "Hostname")
        port = port_name(self._part(properties, hops, "Port"))
        if not host or not port.isdigit():
            return ""
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def _flow(self, properties: XmlElement, hops: int) -> str:
        label = properties.child("Network_Flow_Label") or properties
        out = self._part(label, hops, "Source_Socket_Address", "Src_Socket_Address")
        into = self._part(label, hops, "Destination_Socket_Address", "Dest_Socket_Address")
        return f"{out}_through_{into}" if out and into else ""

    def _dns_record(self, properties: XmlElement, hops: int) -> str:
        domain = self._part(properties, hops, "Domain_Name")
        resolved = self._part(properties, hops, "IP_Address")
        return f"{domain}_resolved_to_{resolved}" if domain and resolved else domain

    @staticmethod
    def _product(properties: XmlElement, _hops: int) -> str:
        parts = [properties.find(path) for path in ("Vendor", "Product", "Version", "Update", "Edition", "Language")]
        return ":".join(["cpe:", *(part.replace(":", "%3a") for part in parts)]) if any(parts) else ""


def object_properties(element: XmlElement) -> XmlElement | None:
    """Return the properties of an observable or an object; None where it has none."""
    holder = element.child("Object") or element
    return holder.child("Properties")
