"""What a cyber-observable object of STIX 2.x is in the graph: its type and name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from vedette.extraction.building import port_name
from vedette.extraction.drafting import Given
from vedette.extraction.stix.observables import Thing, address_thing
from vedette.extraction.stix.vocabulary import HASHES, OBSERVABLE_TYPES

Values = Mapping[str, Any]
"""The fields of an object, of whatever types."""


def single(value: object) -> str:
    """Return a text or a number as text; empty where it is neither."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def is_observable(fields: Values) -> bool:
    """Tell whether an object is an observable; a foreign one has neither times nor a maker (STIX 2.1, 3.2)."""
    return fields.get("type") in OBSERVABLE_TYPES or not fields.keys() & {"created", "modified", "created_by_ref"}


def hashes(fields: Values) -> dict[str, str]:
    """Return the hashes of a file, an artifact or a certificate, by property."""
    given = fields.get("hashes")
    found = {
        HASHES[kind]: single(value).lower()
        for name, value in (given.items() if isinstance(given, dict) else ())
        if (kind := name.upper().replace("-", "").strip("'")) in HASHES and single(value)
    }
    return {name: found[name] for name in HASHES.values() if name in found}


def observable_thing(fields: Values, names: Callable[[str], str]) -> Thing:
    """Return what an observable is; `names` returns the value of an object that it refers to, or an empty text."""
    type = single(fields.get("type"))
    if type in {"ipv4-addr", "ipv6-addr"}:
        return address_thing(single(fields.get("value")))
    kind, paths = OBSERVABLE_TYPES.get(type, (type.removeprefix("x-").replace("-", " ").title(), ("name", "value")))
    name = next((text for path in paths if (text := single(fields.get(path)))), "")
    properties: dict[str, Given] = dict(hashes(fields))
    if not name and type in _RULES:
        name = _RULES[type](fields, names)
    if not name:
        name = next((str(value) for value in properties.values()), "")
    given = single(fields.get("name"))
    if given and given != name:
        properties["asName" if type == "autonomous-system" else "title"] = given
    return Thing(type="Observable", observable=kind, name=name, properties=properties)


def _flow(fields: Values, names: Callable[[str], str]) -> str:
    """Return a flow's name where both ends are known."""
    ends = []
    for side in ("src", "dst"):
        host = address_thing(names(single(fields.get(f"{side}_ref")))).name
        port = port_name(single(fields.get(f"{side}_port")))
        if not host or not port:
            return ""
        ends.append(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    return "_through_".join(ends)


def _product(fields: Values, _names: Callable[[str], str]) -> str:
    """Return the name of a software without a CPE name, in the form that Stucco gives products."""
    parts = [single(fields.get(field)).replace(":", "%3a") for field in ("vendor", "name", "version")]
    return ":".join(["cpe:", *parts, "", "", ""]) if parts[1] else ""


_RULES: Final[Mapping[str, Callable[[Values, Callable[[str], str]], str]]] = {
    "network-traffic": _flow,
    "software": _product,
}
