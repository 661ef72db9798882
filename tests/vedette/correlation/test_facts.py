"""Facts: what a payload says, and that nothing that only differs by the moment is one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.correlation.facts import MAX_FACTS, MAX_VALUE, facts_of

SHA256 = "ab" * 32
HASHED = {"content sha256": SHA256}


def values(format: str, form: Any) -> dict[str, str]:
    """Return the facts of a JSON payload."""
    return dict(facts_of(format=format, payload=json.dumps(form).encode(), payload_sha256=SHA256).values)


def test_a_certificates_days_left_are_no_fact() -> None:
    certificate = {"sha256": "cc", "subject": "CN=a", "names": ["DNS:a"], "days_left": 30}
    form = {
        "form": "tls-certificate/1",
        "target": "a",
        "protocol": "TLSv1.3",
        "days_left": 30,
        "chain": [certificate],
    }
    before = values("tls-certificate/1", form)
    certificate["days_left"] = form["days_left"] = 29
    assert values("tls-certificate/1", form) == before
    assert before == {
        "tls protocol": "TLSv1.3",
        "certificate 0 sha256": "cc",
        "certificate 0 subject": "CN=a",
        "certificate 0 names": '["DNS:a"]',
    }


def test_the_order_and_age_of_dns_records_are_no_fact() -> None:
    def answer(*records: tuple[int, str]) -> dict[str, Any]:
        listed = [{"name": "a", "type": "A", "ttl": ttl, "data": data} for ttl, data in records]
        return {"answers": [{"type": "A", "rcode": "NOERROR", "records": listed, "answer_time": records[0][0]}]}

    one = values("dns/1", answer((60, "192.0.2.1"), (60, "192.0.2.2")))
    other = values("dns/1", answer((7, "192.0.2.2"), (7, "192.0.2.1")))
    assert one == other == {"answer A": "NOERROR", "record A": "a 192.0.2.1\na 192.0.2.2"}


def test_a_parsed_scan_and_its_raw_xml_say_the_same() -> None:
    xml = (
        b'<nmaprun args="nmap -oX -" start="1"><host><status state="up"/><address addr="192.0.2.1" addrtype="ipv4"/>'
        b'<ports><port protocol="tcp" portid="22"><state state="open"/><service name="ssh" product="OpenSSH"'
        b' version="9.2"/></port></ports></host></nmaprun>'
    )
    found = facts_of(format="nmap-xml", payload=xml, payload_sha256=SHA256)
    assert found.values == {"host state": "up", "port tcp/22": "open", "service tcp/22": "ssh OpenSSH 9.2"}
    ports = [
        {"port": 22, "protocol": "tcp", "state": "open", "service": "ssh", "product": "OpenSSH", "version": "9.2"}
    ]
    form = {"hosts": [{"state": "up", "addresses": [{"address": "192.0.2.1"}], "hostnames": [], "ports": ports}]}
    assert values("nmap/1", {"parser": "nmap/1", "result": form, "output": ""}) == found.values


def test_headers_that_change_with_every_answer_are_no_fact() -> None:
    headers = [["Server", "a"], ["Date", "now"], ["Set-Cookie", "x=1"], ["server", "b"]]
    form = {"status": 200, "headers": headers, "response_time": 5, "tls": None, "body_sha256": "dd"}
    assert values("http-headers/1", form) == {"status": "200", "content sha256": "dd", "header server": "a, b"}


def test_packages_are_facts_by_source() -> None:
    form = {"dpkg": {"openssl": "3.0.1"}, "rpm": None, "python": {"openssl": "1"}}
    assert values("packages/1", form) == {"package dpkg/openssl": "3.0.1", "package python/openssl": "1"}


def test_a_failed_look_has_its_reason_and_no_facts() -> None:
    form = {"form": "dns/1", "target": "a", "error": "timed out", "answers": []}
    found = facts_of(format="dns/1", payload=json.dumps(form).encode(), payload_sha256=SHA256)
    assert (found.error, found.values) == ("timed out", {})


@pytest.mark.parametrize(
    ("format", "payload"),
    [
        ("log", b"some text"),
        ("dns/1", b'{"answers": 5}'),
        ("dns/1", b'{"answers": [{"type": "A"}]}'),
        ("dns/1", b"{"),
        ("nmap-xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><nmaprun>&b;</nmaprun>"),
        ("tls-certificate/1", b'{"chain": {"0": 1}}'),
        ("packages/1", b'{"dpkg": ["a"]}'),
        ("json", b"[]"),
        ("json", b"[" * 10_000),
        ("json", b'{"a": 1e999}'),
        ("json", b'{"a": "\\ud800"}'),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_not_understood_is_compared_by_its_hash(format: str, payload: bytes) -> None:
    assert facts_of(format=format, payload=payload, payload_sha256=SHA256).values == HASHED


def test_what_is_too_large_is_compared_by_its_hash() -> None:
    many = {str(number): number for number in range(MAX_FACTS + 1)}
    assert values("json", many) == HASHED
    assert facts_of(format="json", payload=None, payload_sha256=SHA256).values == HASHED


def test_long_values_are_compared_by_their_hash() -> None:
    one, other = (values("json", {"a": "x" * MAX_VALUE + end})["value a"] for end in "yz")
    assert one != other
    assert one.startswith("sha256:")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
_FORMATS = [
    "tls-certificate/1",
    "tcp-connect/1",
    "dns/1",
    "http-headers/1",
    "packages/1",
    "nmap/1",
    "json",
    "lines/1",
]
_FIELDS = ["chain", "ports", "answers", "headers", "dpkg", "hosts", "lines", "records", "error"]


@given(format=st.sampled_from(_FORMATS), form=_json | st.dictionaries(st.sampled_from(_FIELDS), _json))
def test_no_payload_breaks_it(format: str, form: Any) -> None:
    payload = json.dumps(form).encode()
    found = facts_of(format=format, payload=payload, payload_sha256=SHA256)
    assert found.error is not None or found.values
    assert found == facts_of(format=format, payload=payload, payload_sha256=SHA256)
