"""`dns`: what a name server answers for a name: addresses, other names, and what else it says."""

from __future__ import annotations

import ipaddress

from vedette.extraction.building import SUB_OBSERVABLE, Building
from vedette.extraction.drafting import Given
from vedette.extraction.records import Record
from vedette.extraction.sources.forms import FormExtractor, resolve
from vedette.extraction.subgraph import Position
from vedette.extraction.urls import place_host

_NAMING = frozenset({"CNAME", "DNAME", "MX", "NS", "SOA", "SRV", "SVCB", "HTTPS"})
"""Types whose data names another host, other than by resolving to it."""

_WORD_OF_HOST = {"MX": 1, "SRV": 3, "SVCB": 1, "HTTPS": 1}
"""Which word of the data the host is (RFC 1035, section 3.3; RFC 2782; RFC 9460); the first of others."""


class Dns(FormExtractor):
    """Reads the records of an answer."""

    name = "dns"
    summary = "Our probe dns: what a name resolves to, and its other records"

    def state(self, building: Building, form: Record) -> None:
        """State the answers."""
        server = form.text("nameserver")
        for at, answer in enumerate(form.records("answers")):
            for number, record in enumerate(answer.records("records")):
                _record(building, record, server, Position(f"answers[{at}].records[{number}]"))
            if answer.text("rcode") == "NXDOMAIN" and form.text("name"):
                position = Position(f"answers[{at}]")
                building.say(place_host(building, form.text("name"), position), rcode="NXDOMAIN")


def _record(building: Building, record: Record, server: str, position: Position) -> None:
    kind, owner, data = record.text("type"), record.text("name"), record.text("data")
    said: dict[str, Given] = {"entryType": kind, "ttl": record.number("ttl")}
    name = place_host(building, owner, position) if owner else ""
    if not name or not data:
        return
    if kind in {"A", "AAAA"}:
        found = resolve(building, name, building.ip(data, position), position, **said)
    elif kind == "PTR":
        found = _reverse(building, owner, data, position, said)
    elif kind in _NAMING:
        found = _other_name(building, name, kind, data, position, said)
    else:
        # TXT, CAA and all others are texts about the name.
        building.say(name, records=[f"{kind} {data}"])
        found = ""
    if found and server:
        building.edge(found, building.ip(server, position), SUB_OBSERVABLE, position)


def _reverse(building: Building, owner: str, data: str, position: Position, said: dict[str, Given]) -> str:
    """State the name of an address, which stands backwards in the owner's name."""
    address, host = reverse_address(owner), place_host(building, data, position)
    return resolve(building, building.ip(address, position) if address else "", host, position, **said)


def _other_name(
    building: Building, name: str, kind: str, data: str, position: Position, said: dict[str, Given]
) -> str:
    words = data.split()
    at = _WORD_OF_HOST.get(kind, 0)
    # `.` says that there is none (RFC 7505, RFC 9460).
    if len(words) <= at or words[at] == ".":
        building.say(name, records=[f"{kind} {data}"])
        return ""
    other = place_host(building, words[at], position)
    if not other:
        return ""
    if kind == "CNAME":
        return resolve(building, name, other, position, **said)
    here, there = building.name_of(name), building.name_of(other)
    words_of = {"description": f"{kind} record of {here}: {data}", **said}
    made = building.add("Observable", f"{here} {kind} {there}", words_of, observable="DNS Record", position=position)
    building.edge(made, name, SUB_OBSERVABLE, position)
    building.edge(made, other, SUB_OBSERVABLE, position)
    return made


def reverse_address(name: str) -> str:
    """Return the address of a reverse name (RFC 1035, section 3.5; RFC 3596, section 2.5); empty where it is none."""
    plain = name.removesuffix(".").lower()
    labels = plain.split(".")[:-2][::-1]
    if plain.endswith(".in-addr.arpa") and len(labels) == 4:
        text = ".".join(labels)
    elif plain.endswith(".ip6.arpa") and len(labels) == 32:
        digits = "".join(labels)
        text = ":".join(digits[at : at + 4] for at in range(0, 32, 4))
    else:
        return ""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
