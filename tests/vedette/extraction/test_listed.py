"""What lists of threats name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vedette.extraction.stated import kinds, reasons, relations, vertex
from vedette.extraction.building import Building
from vedette.extraction.lines import MAX_LINE, lines
from vedette.extraction.listed import accuse, place_file
from vedette.extraction.subgraph import Position

MD5 = "b5bcb300eb41207d0d945b79c364a0b5"
SHA256 = "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b"


@pytest.mark.parametrize(
    ("text", "name", "kind", "uses"),
    [
        ("192.0.2.7", "192.0.2.7", "Address", "192.0.2.7"),
        ("2001:DB8::7", "2001:db8::7", "Address", "2001:db8::7"),
        ("192[.]0[.]2[.]7:443", "192.0.2.7:443", "Socket Address", "192.0.2.7"),
        ("[2001:db8::7]:443", "[2001:db8::7]:443", "Socket Address", "2001:db8::7"),
        ("192.0.2.0/24", "192.0.2.0 - 192.0.2.255", "Address", ""),
        ("192.0.2.4 - 192.0.2.9", "192.0.2.4 - 192.0.2.9", "Address", ""),
        ("2001:db8::/126", "2001:db8:: - 2001:db8::3", "Address", ""),
        ("hxxps://evil[.]example/x", "https://evil.example/x", "URI", ""),
        ("hxxp://192.0.2.7/x", "http://192.0.2.7/x", "URI", "192.0.2.7"),
        ("evil[.]example", "evil.example", "Domain Name", ""),
        ("crook@evil.example", "crook@evil.example", "Email Address", ""),
        (MD5.upper(), MD5, "File", ""),
        (SHA256, SHA256, "File", ""),
    ],
)
def test_each_kind_is_recognised_and_related(text: str, name: str, kind: str, uses: str) -> None:
    building = Building()
    malware = building.malware("Bad")

    made = accuse(building, malware, text, properties={"tags": ["x"]}, relation={"threatType": "c2"})

    found = building.done()
    assert (found.vertices[made].name, kinds(found)[name]) == (name, kind)
    assert found.vertices[made].properties["tags"] == ("x",)
    assert ("Bad", "UsesIP" if uses == name else "Observable", name) in relations(found)
    assert not uses or ("Bad", "UsesIP", uses) in relations(found)
    of_malware = [edge for edge in found.edges if edge.out_id == malware]
    assert of_malware
    assert all(edge.properties["threatType"] == "c2" for edge in of_malware)


@pytest.mark.parametrize("text", ["word", "<html>", "300.1.1.1.1:80/", "", "12345", "a b.c d", "x" * 5000])
def test_what_names_nothing_is_said(text: str) -> None:
    building = Building()
    malware = building.malware("Bad")

    assert accuse(building, malware, text) == ""
    found = building.done()
    assert not found.edges
    assert len(reasons(found)) == 1


def test_a_hash_is_named_by_its_algorithm() -> None:
    building = Building()

    assert place_file(building, f" {MD5.upper()} ", fileName=["a.exe"])
    assert place_file(building, "") == ""
    assert place_file(building, MD5[1:]) == ""

    found = building.done()
    assert vertex(found, MD5).properties["md5"] == MD5
    assert reasons(found) == [f": '{MD5[1:]}' is no MD5, SHA-1 or SHA-2 in hexadecimal"]


def test_lines_have_their_places() -> None:
    content = b"\xef\xbb\xbfone\r\n\n  \ntwo\xff\n" + b"x" * (MAX_LINE + 1) + b"\nlast"
    said: list[tuple[Position, str]] = []

    found = list(lines(content, lambda position, reason: said.append((position, reason))))

    assert [line.text for line in found] == ["one", "two\ufffd", "last"]
    assert content[found[1].position.start : found[1].position.end] == b"two\xff"
    assert [str(position) for position, _ in said] == [f"line 5 [17-{17 + MAX_LINE + 1}]"]


@settings(max_examples=60)
@given(st.text(max_size=80))
def test_any_text_is_related_or_said(text: str) -> None:
    building = Building()
    made = accuse(building, building.malware("Bad"), text)

    found = building.done()
    assert bool(made) != bool(found.skipped)
    assert all(edge.out_id in found.vertices and edge.in_id in found.vertices for edge in found.edges)
