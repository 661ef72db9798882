"""Markings of items and facts, and what is read of tools' outputs."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.sharing_parts import NMAP_XML, scan, view
from vedette.canonical import canonical_json
from vedette.errors import RefusedError
from vedette.sharing.investigation import Service, Tlp
from vedette.sharing.markings import tlp_of_meta, tlp_of_text, tlp_of_vertex, tlp_within
from vedette.sharing.scans import file_name, is_of_tool, services_of, tool_of
from vedette.tools.parsers.nmap import NmapParser


@pytest.mark.parametrize(
    ("text", "tlp"),
    [
        ("TLP:WHITE", Tlp.CLEAR),
        ("tlp:clear", Tlp.CLEAR),
        (" TLP:GREEN ", Tlp.GREEN),
        ("tlp:amber+strict", Tlp.AMBER_STRICT),
        ("TLP AMBER STRICT", Tlp.AMBER_STRICT),
        ("tlp:purple", Tlp.RED),
        ("TLP:RED, only for you", Tlp.RED),
        ("tlp:green" + " and more" * 20, Tlp.RED),
        ("TLP=AMBER", Tlp.AMBER),
        ("\uff34\uff2c\uff30\uff1a\uff32\uff25\uff24", Tlp.RED),
        ("tlpx", None),
        ("green", None),
        ("not tlp:red at all", None),
        ("", None),
    ],
)
def test_a_text_marks_or_does_not(text: str, tlp: Tlp | None) -> None:
    assert tlp_of_text(text) is tlp


@pytest.mark.parametrize(
    ("content", "tlp"),
    [
        (b"# TLP:RED\n198.51.100.7\n", Tlp.RED),
        (b'{"name": "tlp:amber+strict"}, {"name": "tlp:green"}', Tlp.AMBER_STRICT),
        (b"TLP:AMBER and TLP:CLEAR", Tlp.AMBER),
        (b'["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"]', Tlp.RED),
        (b"tlp:green, tlp:redirected, TLP:WHITE", None),
        (b"", None),
    ],
)
def test_a_document_names_its_strictest_marking(content: bytes, tlp: Tlp | None) -> None:
    assert tlp_within(content) is tlp


def test_the_strictest_marking_counts() -> None:
    assert tlp_of_vertex(view("IP", "192.0.2.7", tags=("tlp:green", "c2"), marking=("TLP:AMBER",))) is Tlp.AMBER
    assert tlp_of_vertex(view("IP", "192.0.2.7", tlp="red")) is Tlp.RED
    assert tlp_of_vertex(view("IP", "192.0.2.7", tags=("c2",))) is None


@pytest.mark.parametrize(
    ("meta", "tlp"),
    [
        ({"tlp": "amber"}, Tlp.AMBER),
        ({"tlp": "TLP:GREEN", "tags": ["x", "tlp:red"]}, Tlp.RED),
        ({"tlp": ["green", "clear"]}, Tlp.GREEN),
        ({"tlp": 7, "tags": {"a": "tlp:red"}}, None),
        ({"tlp": "nonsense"}, Tlp.RED),
        ({}, None),
    ],
)
def test_an_item_is_marked_by_its_meta(meta: dict[str, Any], tlp: Tlp | None) -> None:
    assert tlp_of_meta(meta) is tlp


def test_nmap_is_read_alone_and_within_our_form() -> None:
    form = NmapParser().parse(NMAP_XML).model_dump(mode="json")
    within = {"parser": "nmap/1", "result": form, "output": base64.b64encode(NMAP_XML).decode()}

    alone = services_of(NMAP_XML, "nmap-xml")

    assert sorted(alone, key=lambda one: one.port) == list(scan().services)
    assert services_of(canonical_json(within), "nmap/1") == alone
    assert services_of(b"\n " + NMAP_XML[39:], "nmap-xml") == alone


def test_our_own_probes_are_read() -> None:
    connections = {
        "form": "tcp-connect/1",
        "target": "www.victim.test",
        "ports": [
            {"port": 443, "state": "open", "address": "2001:DB8::7"},
            {"port": 22, "state": "refused", "address": "192.0.2.7"},
        ],
    }
    handshake = {
        "form": "tls-certificate/1",
        "target": "192.0.2.7",
        "address": "192.0.2.7",
        "port": 8443,
        "chain": [{}],
    }

    assert services_of(canonical_json(connections), "tcp-connect/1") == [
        Service(address="2001:db8::7", port=443, hostname="www.victim.test")
    ]
    assert services_of(canonical_json(handshake), "tls-certificate/1") == [Service(address="192.0.2.7", port=8443)]
    assert services_of(canonical_json({**handshake, "chain": []}), "tls-certificate/1") == []
    assert services_of(b"", "nmap-xml") == ()
    assert services_of(b"22/tcp open", "text") == []
    assert services_of(b"<html>", "web-page") == []


@pytest.mark.parametrize(
    ("payload", "form"),
    [
        (b"<nmaprun", "nmap-xml"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><nmaprun>&a;</nmaprun>', "nmap-xml"),
        (b"{", "nmap/1"),
        (b"[]", "tcp-connect/1"),
        (b'{"ports": 7}', "tcp-connect/1"),
        (b'{"ports": [7]}', "tcp-connect/1"),
        (b'{"ports": [{"state": "open", "address": "a", "port": 99999}]}', "tcp-connect/1"),
        (b'{"address": "a", "chain": [1]}', "tls-certificate/1"),
        (b"\xff" * 50, "nmap-xml"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(payload: bytes, form: str) -> None:
    with pytest.raises(RefusedError, match="cannot be read"):
        services_of(payload, form)


def test_an_output_is_called_as_a_file_that_is_safe() -> None:
    assert file_name("nmap", "u", "application/xml; charset=utf-8") == "nmap-u.xml"
    assert file_name("../../etc", "u", "text/plain") == "etc-u.txt"
    assert file_name("\x00", "u", "") == "output-u.bin"
    assert tool_of({"command": ["/usr/bin/nmap", "-oX"]}) == "nmap"
    assert tool_of({"command": []}) == "unknown"
    assert is_of_tool({"command": ["nmap"]})
    assert not is_of_tool({"command": "nmap"})
    assert not is_of_tool({"command": ["fetch"], "collector": "WEB"})
