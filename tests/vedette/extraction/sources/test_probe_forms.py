"""What our probes' own forms state; made by the tools' own models, so that both stay alike."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vedette.extraction.stated import kinds, read, reasons, relations, vertex
from vedette.canonical import canonical_json
from vedette.extraction.interface import ExtractionError, Extractor
from vedette.extraction.sources.dns import Dns, reverse_address
from vedette.extraction.sources.http_headers import HttpHeaders
from vedette.extraction.sources.tcp_connect import TcpConnect
from vedette.extraction.sources.tls_certificate import TlsCertificate
from vedette.tools.certificate import CertificateForm
from vedette.tools.dns import DnsAnswer, DnsForm, DnsRecord
from vedette.tools.http_headers import HttpHeadersForm
from vedette.tools.observation import StandardForm
from vedette.tools.tcp_connect import PortResult, TcpConnectForm
from vedette.tools.tls_certificate import TlsCertificateForm

ALL: list[Extractor] = [Dns(), HttpHeaders(), TcpConnect(), TlsCertificate()]


def payload(form: StandardForm) -> bytes:
    """Return a form as its tool sends it."""
    return canonical_json(form.model_dump(mode="json"))


TCP = TcpConnectForm(
    target="a.example",
    error="port 25: connection refused",
    addresses=("192.0.2.1", "2001:db8::1"),
    ports=(
        PortResult(port=22, state="open", address="192.0.2.1", banner="SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
        PortResult(port=25, state="refused", address="192.0.2.1", reason="connection refused"),
        PortResult(port=80, state="timed out", address="2001:db8::1", reason="timed out"),
        PortResult(port=81, state="failed", reason="no address"),
    ),
)
HTTP = HttpHeadersForm(
    target="https://a.example:8443/x",
    url="https://a.example:8443/x",
    method="GET",
    status=301,
    headers=(
        ("Server", "Apache/2.4.41 (Unix; evil) OpenSSL/1.1.1 mod"),
        ("X-Powered-By", "PHP/8.1.2"),
        ("Set-Cookie", "a=b"),
    ),
    location="https://b.example/",
    body_sha256="0" * 64,
    address="192.0.2.1",
)
TLS = TlsCertificateForm(
    target="a.example",
    port=443,
    server_name="a.example",
    address="2001:db8::1",
    protocol="TLSv1.3",
    cipher="TLS_AES_256_GCM_SHA384",
    verified=False,
    verification="self-signed certificate",
    chain=(
        CertificateForm(
            sha256="a" * 64,
            subject="CN=a.example",
            issuer="CN=Authority",
            serial_number="0f",
            names=("DNS:a.example", "DNS:*.b.example", "IP:192.0.2.7", "email:x@a.example", "other:1.2.3", "DNS:a b"),
            not_before=1_700_000_000_000_000,
            not_after=1_800_000_000_000_000,
            public_key="EC secp256r1",
        ),
        CertificateForm(sha256="b" * 64, subject="CN=Authority"),
    ),
)
DNS = DnsForm(
    target="a.example",
    name="a.example",
    nameserver="192.0.2.53",
    answers=(
        DnsAnswer(
            type="A",
            rcode="NOERROR",
            records=(
                DnsRecord(name="a.example", type="CNAME", ttl=60, data="b.example."),
                DnsRecord(name="b.example", type="A", ttl=60, data="192.0.2.1"),
            ),
        ),
        DnsAnswer(
            type="AAAA",
            rcode="NOERROR",
            records=(_aaaa := DnsRecord(name="b.example", type="AAAA", ttl=6, data="2001:db8::1"),),
        ),
        DnsAnswer(
            type="MX",
            rcode="NOERROR",
            records=(
                DnsRecord(name="a.example", type="MX", ttl=60, data="10 mail.a.example."),
                DnsRecord(name="a.example", type="MX", ttl=60, data="0 ."),
            ),
        ),
        DnsAnswer(type="TXT", records=(DnsRecord(name="a.example", type="TXT", ttl=60, data='"v=spf1 -all"'),)),
    ),
)


def test_open_ports_are_stated_with_what_the_name_resolved_to() -> None:
    found = read(TcpConnect(), payload(TCP))

    assert {
        ("a.example_resolved_to_192.0.2.1", "Sub-Observable", "a.example"),
        ("a.example_resolved_to_2001:db8::1", "Sub-Observable", "2001:db8::1"),
        ("192.0.2.1:22", "Sub-Observable", "cpe:::OpenSSH:9.2p1:::"),
        ("[2001:db8::1]:80", "Sub-Observable", "80"),
    } <= relations(found)
    states = {
        name: vertex(found, name).properties["tcpState"]
        for name in kinds(found)
        if name.endswith(("1:22", "1:25", "]:80"))
    }
    assert states == {"192.0.2.1:22": "open", "192.0.2.1:25": "closed", "[2001:db8::1]:80": "filtered"}
    assert vertex(found, "192.0.2.1:22").properties["banner"] == ("SSH-2.0-OpenSSH_9.2p1 Debian-2",)
    assert vertex(found, "192.0.2.1:22").position.label == "ports[0]"
    assert "81" not in kinds(found)


def test_a_web_server_names_its_products_and_leads_on() -> None:
    found = read(HttpHeaders(), payload(HTTP))

    assert {
        ("https://a.example:8443/x", "Sub-Observable", "a.example"),
        ("https://a.example:8443/x", "Sub-Observable", "192.0.2.1:8443"),
        ("https://a.example:8443/x", "Redirects_To", "https://b.example/"),
        ("a.example_resolved_to_192.0.2.1", "Sub-Observable", "192.0.2.1"),
        ("192.0.2.1:8443", "Sub-Observable", "cpe:::Apache:2.4.41:::"),
        ("192.0.2.1:8443", "Sub-Observable", "cpe:::OpenSSL:1.1.1:::"),
        ("192.0.2.1:8443", "Sub-Observable", "cpe:::PHP:8.1.2:::"),
    } <= relations(found)
    assert not any(name.startswith("cpe:::mod") for name in kinds(found))
    assert vertex(found, "https://a.example:8443/x").properties["httpStatus"] == 301
    assert vertex(found, "192.0.2.1:8443").properties["tcpState"] == "open"


def test_a_certificate_is_for_names_and_was_issued() -> None:
    found = read(TlsCertificate(), payload(TLS))

    leaf, issuer, socket = "a" * 64, "b" * 64, "[2001:db8::1]:443"
    assert {
        (socket, "Sub-Observable", leaf),
        (leaf, "Issued_By", issuer),
        (leaf, "Sub-Observable", "a.example"),
        (leaf, "Sub-Observable", "b.example"),
        (leaf, "Sub-Observable", "192.0.2.7"),
        (leaf, "Sub-Observable", "x@a.example"),
        ("a.example_resolved_to_2001:db8::1", "Sub-Observable", "a.example"),
    } <= relations(found)
    said = vertex(found, leaf).properties
    assert (said["subject"], said["notBefore"], said["notAfter"]) == (
        "CN=a.example",
        1_700_000_000_000,
        1_800_000_000_000,
    )
    shown = next(edge for edge in found.edges if found.vertices[edge.in_id].name == leaf)
    assert shown.properties == {
        "serverName": "a.example",
        "verified": "false",
        "verification": "self-signed certificate",
    }
    wildcard = next(edge for edge in found.edges if found.vertices[edge.in_id].name == "b.example")
    assert wildcard.properties == {"wildcard": "*.b.example"}
    assert vertex(found, socket).properties["tlsProtocol"] == "TLSv1.3"
    assert reasons(found) == ["chain[0]: 'a b' is no host"]


def test_an_answer_says_what_a_name_resolves_to() -> None:
    found = read(Dns(), payload(DNS))

    assert {
        ("a.example_resolved_to_b.example", "Sub-Observable", "b.example"),
        ("b.example_resolved_to_192.0.2.1", "Sub-Observable", "192.0.2.1"),
        ("b.example_resolved_to_2001:db8::1", "Sub-Observable", "2001:db8::1"),
        ("b.example_resolved_to_192.0.2.1", "Sub-Observable", "192.0.2.53"),
        ("a.example MX mail.a.example", "Sub-Observable", "mail.a.example"),
    } <= relations(found)
    assert vertex(found, "a.example").properties["records"] == ("MX 0 .", 'TXT "v=spf1 -all"')
    assert vertex(found, "b.example_resolved_to_192.0.2.1").properties["ttl"] == 60
    assert vertex(found, "b.example_resolved_to_192.0.2.1").position.label == "answers[0].records[1]"


def test_reverse_names_are_addresses() -> None:
    four, six = "1.2.0.192.in-addr.arpa", "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa"
    records = tuple(DnsRecord(name=name, type="PTR", ttl=1, data="a.example.") for name in (four, six, "x.example"))
    found = read(
        Dns(), payload(DnsForm(target="192.0.2.1", name=four, answers=(DnsAnswer(type="PTR", records=records),)))
    )

    assert {
        ("192.0.2.1_resolved_to_a.example", "Sub-Observable", "192.0.2.1"),
        ("192.0.2.1_resolved_to_a.example", "Sub-Observable", "a.example"),
        ("2001:db8::1_resolved_to_a.example", "Sub-Observable", "2001:db8::1"),
    } <= relations(found)
    assert [reverse_address(name) for name in ("300.2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa", "ip6.arpa")] == [
        ""
    ] * 3


def test_a_name_that_is_not_there_is_said_so() -> None:
    form = DnsForm(target="no.example", name="no.example", answers=(DnsAnswer(type="A", rcode="NXDOMAIN"),))

    assert vertex(read(Dns(), payload(form)), "no.example").properties["rcode"] == "NXDOMAIN"


@pytest.mark.parametrize(
    ("extractor", "form"),
    [
        (Dns(), DnsForm(target="a.example", error="timed out")),
        (HttpHeaders(), HttpHeadersForm(target="a.example", error="connection refused")),
        (TcpConnect(), TcpConnectForm(target="a.example", error="the name does not resolve")),
        (TlsCertificate(), TlsCertificateForm(target="a.example", error="timed out")),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_check_that_failed_states_nothing(extractor: Extractor, form: StandardForm) -> None:
    assert not read(extractor, payload(form))


def test_a_form_may_stand_beside_the_output_of_a_parser() -> None:
    document = {"parser": "json/1", "result": json.loads(payload(DNS)), "output": base64.b64encode(b"x").decode()}

    assert relations(read(Dns(), json.dumps(document))) == relations(read(Dns(), payload(DNS)))


@pytest.mark.parametrize("extractor", ALL, ids=lambda extractor: extractor.name)
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"7", b'{"form": "other/1"}', b"{}", b'{"parser": 1, "result": []}']
)
def test_what_is_no_such_form_is_refused(extractor: Extractor, content: bytes) -> None:
    with pytest.raises(ExtractionError):
        read(extractor, content)


values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 70_000)
    | st.text(max_size=8)
    | st.sampled_from(["192.0.2.1", "a.example"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                sorted({"port", "state", "address", "names", "sha256", "records", "type", "data", "name", "rcode"})
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=40)
@given(st.data())
def test_wrong_types_are_said_and_left_out(data: st.DataObject) -> None:
    extractor = data.draw(st.sampled_from(ALL))
    keys = {"Dns": DNS, "HttpHeaders": HTTP, "TcpConnect": TCP, "TlsCertificate": TLS}[type(extractor).__name__]
    names = sorted(type(keys).model_fields.keys() - {"form"})
    fields = data.draw(st.dictionaries(st.sampled_from(names), values, max_size=6))

    try:
        found = read(extractor, json.dumps({**json.loads(payload(keys)), **fields}))
    except ExtractionError:
        return
    assert all(edge.out_id in found.vertices and edge.in_id in found.vertices for edge in found.edges)
