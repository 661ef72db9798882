"""CAIDA's owners of systems, and their prefixes."""

from __future__ import annotations

import pytest

from tests.vedette.extraction.stated import kinds, quoted, read, reasons, relations, vertex
from vedette.extraction.interface import ExtractionError
from vedette.extraction.sources.caida import Caida

OWNERS = """\
# name: AS Org
# format:aut|changed|aut_name|org_id|opaque_id|source
64500|20150101|EXAMPLE-AS|ORG-E|x|RIPE
64501|20150101||ORG-GONE|x|RIPE
# format:org_id|changed|org_name|country|source
ORG-E|20150101|Example S.A.|LU|RIPE
ORG-N|20150101|Nowhere||ARIN
"""
JSON = """{"type": "ASN", "asn": "64500", "name": "EXAMPLE-AS", "organizationId": "ORG-E", "source": "RIPE"}
{"type": "Organization", "organizationId": "ORG-E", "name": "Example S.A.", "country": "LU", "source": "RIPE"}
"""
PREFIXES = "192.0.2.0\t24\t64500\n2001:db8::\t32\t64500_64501\n198.51.100.0\t24\t64500,64502\n"


@pytest.mark.parametrize("content", [OWNERS, JSON], ids=["text", "json"])
def test_organisations_have_systems_whichever_comes_first(content: str) -> None:
    found = read(Caida(), content)

    assert relations(found) == {("Example S.A.", "Sub-Observable", "64500")}
    owner, system = vertex(found, "Example S.A."), vertex(found, "64500")
    assert owner.properties["description"] == ("Organization Example S.A. located in LU has a range of IP addresses",)
    assert (owner.properties["organizationId"], owner.properties["countryCode"]) == (("ORG-E",), "LU")
    assert system.properties["description"] == ("AS EXAMPLE-AS has ASN 64500",)
    assert (system.properties["asName"], system.properties["registry"]) == ("EXAMPLE-AS", "RIPE")


def test_a_prefix_may_have_several_origins() -> None:
    found = read(Caida(), PREFIXES)

    assert relations(found) == {
        ("64500", "Sub-Observable", "192.0.2.0 - 192.0.2.255"),
        ("64500", "Sub-Observable", "2001:db8:: - 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("64501", "Sub-Observable", "2001:db8:: - 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("64500", "Sub-Observable", "198.51.100.0 - 198.51.100.255"),
        ("64502", "Sub-Observable", "198.51.100.0 - 198.51.100.255"),
    }
    assert quoted(PREFIXES, found, "64502") == b"198.51.100.0\t24\t64500,64502"


def test_both_tables_may_be_one_document() -> None:
    found = read(Caida(), OWNERS + PREFIXES)

    assert ("Example S.A.", "Sub-Observable", "64500") in relations(found)
    assert ("64500", "Sub-Observable", "192.0.2.0 - 192.0.2.255") in relations(found)


def test_rows_without_a_header_are_known_by_their_first_field() -> None:
    found = read(Caida(), "64500|20150101|EXAMPLE-AS|ORG-E|RIPE\nORG-E|20150101|Example S.A.|LU|RIPE\n")

    assert kinds(found) == {"64500": "AS", "Example S.A.": "Whois"}


def test_bad_rows_cost_themselves_alone() -> None:
    found = read(Caida(), f"{PREFIXES}x\t24\t1\n10.0.0.0\t99\t1\n10.0.0.0\t8\n10.0.0.0\t8\tnobody\na|b\n|1|||R\n")

    assert len(kinds(found)) == 7
    assert reasons(found) == [
        "line 4: 'x/24' is no range of IP addresses",
        "line 5: '10.0.0.0/99' is no range of IP addresses",
        "line 6: 2 fields, not prefix, length and system",
        "line 7: 'nobody' is no autonomous system",
        "line 8: 2 fields, but 5 columns",
        "line 9: neither a system nor an organisation",
    ]


@pytest.mark.parametrize("content", ["", "# format:aut|changed|aut_name|org_id|source\n"])
def test_a_header_alone_states_nothing(content: str) -> None:
    assert not read(Caida(), content)


@pytest.mark.parametrize("content", ["one two\n", "<html>\n", '{"type": "Organization"}', "[1]"])
def test_what_is_no_table_of_caidas_is_refused(content: str) -> None:
    with pytest.raises(ExtractionError, match="nothing of it can be read"):
        read(Caida(), content)
