"""`geoip`: MaxMind's tables of where address ranges are, and whose: GeoIP's country and AS files, GeoLite2's blocks.

Which table it is shows in its header; without one, in the number of columns. GeoLite2 keeps places in a table of its
own (`…-Locations-en.csv`): ranges lead to places by the number that GeoNames gives them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from vedette.extraction.building import SUB_OBSERVABLE, Building
from vedette.extraction.entries import done
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.subgraph import Subgraph
from vedette.extraction.tables import Layout, Row, rows

LOCATED_AT = "Located_At"
"""From what is somewhere to the place."""

_BLOCKS = (
    "network",
    "geoname_id",
    "registered_country_geoname_id",
    "represented_country_geoname_id",
    "is_anonymous_proxy",
    "is_satellite_provider",
    "postal_code",
    "latitude",
    "longitude",
    "accuracy_radius",
    "is_anycast",
)
_PLACES = (
    "geoname_id",
    "locale_code",
    "continent_code",
    "continent_name",
    "country_iso_code",
    "country_name",
    "subdivision_1_iso_code",
    "subdivision_1_name",
    "subdivision_2_iso_code",
    "subdivision_2_name",
    "city_name",
    "metro_code",
    "time_zone",
    "is_in_european_union",
)
_COUNTRIES = ("StartIP", "EndIP", "Start IP (int)", "End IP (int)", "Country code", "Country name")
_LAYOUTS = {
    "countries": Layout(columns=_COUNTRIES),
    "systems": Layout(columns=("Start IP (int)", "End IP (int)", "AS")),
    "blocks": Layout(columns=_BLOCKS),
    "owners": Layout(columns=("network", "autonomous_system_number", "autonomous_system_organization")),
    "places": Layout(columns=_PLACES),
}
_SYSTEM = re.compile(r"AS(\d{1,10})(?:\s+(.*))?", re.DOTALL)
_BEGINNING = 8 * 1024


class GeoIp(Extractor):
    """Reads MaxMind's tables."""

    name = "geoip"
    summary = "MaxMind GeoIP and GeoLite2 (CSV): countries, places and autonomous systems of address ranges"

    def extract(self, document: Document) -> Subgraph:
        """Return the ranges, or the places."""
        building = Building(source="Maxmind")
        kind = _kind(document.content)
        read = _READERS[kind]
        for row in rows(document.content, _LAYOUTS[kind], building.skip):
            read(building, row)
        return done(building)


def _kind(content: bytes) -> str:
    """Return which table it is, by its beginning."""
    beginning = content[:_BEGINNING].decode("utf-8", errors="replace").casefold()
    line = next((line for line in beginning.splitlines() if line.strip(' ",')), "")
    if "autonomous_system_number" in line:
        return "owners"
    if "locale_code" in line or "country_iso_code" in line:
        return "places"
    if "network" in line or "geoname_id" in line:
        return "blocks"
    first, _, rest = line.partition(",")
    if "/" in first:
        return "owners" if rest.count(",") == 1 or '"' in rest else "blocks"
    return "systems" if first.strip(' "').isdigit() else "countries"


def _country(building: Building, row: Row) -> None:
    building.address_range(
        row["StartIP"],
        row["EndIP"],
        position=row.position,
        countryCode=row["Country code"],
        countryName=row["Country name"],
    )


def _system(building: Building, row: Row) -> None:
    start, end = row["Start IP (int)"], row["End IP (int)"]
    if not (start.isascii() and start.isdigit() and end.isascii() and end.isdigit() and len(start + end) <= 20):
        building.skip(row.position, f"{start[:40]!r} to {end[:40]!r} is no range of numbers")
        return
    found = _SYSTEM.fullmatch(row["AS"])
    if found is None:
        building.skip(row.position, f"{row['AS'][:60]!r} is no autonomous system")
        return
    made = building.address_range(_dotted(int(start)), _dotted(int(end)), position=row.position)
    _own(building, row, made, number=found[1], owner=found[2] or "")


def _owner(building: Building, row: Row) -> None:
    made = building.address_range(row["network"], position=row.position)
    number = row["autonomous_system_number"]
    if not number:
        return
    _own(building, row, made, number=number, owner=row["autonomous_system_organization"])


def _own(building: Building, row: Row, made: str, *, number: str, owner: str) -> None:
    if not made:
        return
    description = f"AS {owner} has ASN {number}" if owner else None
    system = building.autonomous_system(number, row.position, description=description)
    building.edge(system, made, SUB_OBSERVABLE, row.position)
    building.edge(building.organization(owner, row.position), system, SUB_OBSERVABLE, row.position)


def _block(building: Building, row: Row) -> None:
    made = building.address_range(
        row["network"],
        position=row.position,
        latitude=_number(row["latitude"]),
        longitude=_number(row["longitude"]),
        accuracyRadius=_number(row["accuracy_radius"]),
        postalCode=row["postal_code"],
        anonymousProxy=_yes(row["is_anonymous_proxy"]),
        satelliteProvider=_yes(row["is_satellite_provider"]),
        anycast=_yes(row["is_anycast"]),
    )
    number = row["geoname_id"] or row["registered_country_geoname_id"]
    if made and number:
        building.edge(made, _place(building, row, number), LOCATED_AT, row.position)


def _location(building: Building, row: Row) -> None:
    city, country = row["city_name"], row["country_name"]
    parts = [row["subdivision_2_name"], row["subdivision_1_name"], country or row["continent_name"]]
    words = ", ".join(dict.fromkeys(part for part in (city, *parts) if part))
    made = _place(building, row, row["geoname_id"])
    building.say(
        made,
        description=words or None,
        city=city,
        region=row["subdivision_1_name"],
        countryCode=row["country_iso_code"],
        countryName=country,
        continentCode=row["continent_code"],
        timeZone=row["time_zone"],
    )


def _place(building: Building, row: Row, number: str) -> str:
    if not (number.isascii() and number.isdigit() and len(number) <= 12):
        building.skip(row.position, f"{number[:60]!r} is no number of GeoNames")
        return ""
    return building.vertex("Location", f"geonames:{int(number)}", position=row.position)


def _dotted(number: int) -> str:
    """Return a v4 address; what is none is said by whoever reads the text."""
    if number > 0xFFFFFFFF:
        return str(number)
    return ".".join(str(number >> shift & 0xFF) for shift in (24, 16, 8, 0))


def _number(text: str) -> float | None:
    try:
        return float(text) if len(text) <= 40 else None
    except ValueError:
        return None


def _yes(text: str) -> str:
    """Return what is said of a flag; nothing where it is not set, as with nearly all."""
    return "true" if text in {"1", "true"} else ""


_READERS: Mapping[str, Callable[[Building, Row], None]] = {
    "countries": _country,
    "systems": _system,
    "blocks": _block,
    "owners": _owner,
    "places": _location,
}
