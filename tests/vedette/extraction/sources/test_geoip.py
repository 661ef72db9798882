"""MaxMind's tables, each known by its header or its columns."""

from __future__ import annotations

import pytest

from tests.vedette.extraction.stated import kinds, quoted, read, reasons, relations, vertex
from vedette.extraction.interface import ExtractionError
from vedette.extraction.sources.geoip import GeoIp

BLOCKS = (
    "network,geoname_id,registered_country_geoname_id,represented_country_geoname_id,is_anonymous_proxy,"
    "is_satellite_provider,postal_code,latitude,longitude,accuracy_radius\n"
    "192.0.2.0/24,2960316,2960313,,0,0,4011,49.4958,5.9806,20\n"
    "2001:db8::/32,,2960313,,1,0,,,,\n"
)
PLACES = (
    "geoname_id,locale_code,continent_code,continent_name,country_iso_code,country_name,subdivision_1_iso_code,"
    "subdivision_1_name,city_name,time_zone\n"
    '2960316,en,EU,Europe,LU,Luxembourg,ES,"Esch, Canton",Esch-sur-Alzette,Europe/Luxembourg\n'
    "6255148,en,EU,Europe,,,,,,\n"
)


@pytest.mark.parametrize(
    "header", ["", '"StartIP","EndIP","Start IP (int)","End IP (int)","Country code","Country name"\n']
)
def test_countries_of_ranges(header: str) -> None:
    content = (
        f'{header}"192.0.2.0","192.0.2.255","3221225984","3221226239","LU","Luxembourg"\n'
        '"2001:db8::","2001:db8::ff","1","2","AU","Australia"\n'
    )
    found = read(GeoIp(), content)

    v4, v6 = vertex(found, "192.0.2.0 - 192.0.2.255"), vertex(found, "2001:db8:: - 2001:db8::ff")
    assert (v4.type, v4.properties["startIPInt"], v4.properties["endIPInt"]) == (
        "AddressRange",
        3221225984,
        3221226239,
    )
    assert (v4.properties["countryCode"], v4.properties["countryName"]) == ("LU", "Luxembourg")
    assert v6.properties["countryName"] == "Australia"
    assert quoted(content, found, v4.name).startswith(b'"192.0.2.0"')


def test_systems_of_ranges() -> None:
    found = read(GeoIp(), '3221225984,3221226239,"AS64500 An Owner, Inc."\n3221226240,3221226495,AS64501\n')

    assert relations(found) == {
        ("64500", "Sub-Observable", "192.0.2.0 - 192.0.2.255"),
        ("An Owner, Inc.", "Sub-Observable", "64500"),
        ("64501", "Sub-Observable", "192.0.3.0 - 192.0.3.255"),
    }
    assert vertex(found, "64500").properties["description"] == ("AS An Owner, Inc. has ASN 64500",)


@pytest.mark.parametrize("header", ["", "network,autonomous_system_number,autonomous_system_organization\n"])
def test_owners_of_networks(header: str) -> None:
    found = read(
        GeoIp(), f'{header}192.0.2.0/24,64500,"An Owner, Inc."\n2001:db8::/32,64501,Other\n198.51.100.0/24,,\n'
    )

    assert {
        ("64500", "Sub-Observable", "192.0.2.0 - 192.0.2.255"),
        ("64501", "Sub-Observable", "2001:db8:: - 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("An Owner, Inc.", "Sub-Observable", "64500"),
        ("Other", "Sub-Observable", "64501"),
    } == relations(found)
    assert "198.51.100.0 - 198.51.100.255" in kinds(found)


def test_blocks_lead_to_places_that_another_table_describes() -> None:
    blocks, places = read(GeoIp(), BLOCKS), read(GeoIp(), PLACES)

    assert relations(blocks) == {
        ("192.0.2.0 - 192.0.2.255", "Located_At", "geonames:2960316"),
        ("2001:db8:: - 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "Located_At", "geonames:2960313"),
    }
    assert vertex(blocks, "192.0.2.0 - 192.0.2.255").properties["latitude"] == 49.4958
    assert (
        vertex(blocks, "2001:db8:: - 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff").properties["anonymousProxy"] == "true"
    )
    assert vertex(places, "geonames:2960316").id == vertex(blocks, "geonames:2960316").id
    place = vertex(places, "geonames:2960316").properties
    assert place["description"] == ("Esch-sur-Alzette, Esch, Canton, Luxembourg",)
    assert (place["countryCode"], place["city"]) == ("LU", "Esch-sur-Alzette")
    assert vertex(places, "geonames:6255148").properties["description"] == ("Europe",)


def test_bad_rows_cost_themselves_alone() -> None:
    ranges = read(
        GeoIp(), '"192.0.2.0","192.0.1.0","","","LU","L"\n"x","y"\n"192.0.2.0","192.0.2.1","","","LU","L"\n'
    )
    systems = read(GeoIp(), f"1,2,AS1 One\n1,{'9' * 40},AS1\n4294967295,4294967296,AS1\n5,6,nobody\n")
    blocks = read(GeoIp(), f"{BLOCKS}300.0.0.0/8,1,,,,,,,,\n10.0.0.0/8,x,,,,,,much,,\n")

    assert "192.0.2.0 - 192.0.2.1" in kinds(ranges)
    assert ranges.skipped == 2
    assert systems.skipped == 3
    assert reasons(blocks) == [
        "row 4: '300.0.0.0/8' is no range of IP addresses",
        "row 5: 'x' is no number of GeoNames",
    ]


@pytest.mark.parametrize("content", [b"", b"network,geoname_id\n", b"\n\n"])
def test_a_header_alone_states_nothing(content: bytes) -> None:
    assert not read(GeoIp(), content)


@pytest.mark.parametrize("content", [b"<html></html>\n", b"\xcd\xcd\xcdMaxMind.com\n", b'"open,quote\n' * 1500])
def test_what_is_no_table_of_maxminds_is_refused(content: bytes) -> None:
    with pytest.raises(ExtractionError):
        read(GeoIp(), content)
