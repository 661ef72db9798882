from __future__ import annotations

import ipaddress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sharing.misp.templates import attribute_types
from vedette.sharing.misp.values import (
    HASHES,
    MAX_VALUE,
    UnfitValueError,
    attachment_name,
    canonical_value,
    moment,
    networks,
)

TYPES = sorted(
    {
        *HASHES,
        *("AS", "attachment", "boolean", "comment", "counter", "cpe", "datetime", "domain", "email", "filename"),
        *("float", "hostname", "ip-dst", "ip-src", "link", "mac-address", "mutex", "port", "regkey", "sigma"),
        *("size-in-bytes", "ssdeep", "stix2-pattern", "text", "threat-actor", "url", "vulnerability", "weakness"),
    }
)

KEPT = [
    ("ip-dst", " 203.0.113.7 ", "203.0.113.7"),
    ("ip-dst", "203.0.113[.]7", "203.0.113.7"),
    ("ip-dst", "2001:0DB8:0:0::1", "2001:db8::1"),
    ("ip-dst", "::ffff:203.0.113.7", "203.0.113.7"),
    ("ip-dst", "fe80::1%eth0", "fe80::1"),
    ("ip-src", "203.0.113.7/8", "203.0.0.0/8"),
    ("ip-src", "203.0.113.7/32", "203.0.113.7"),
    ("ip-src", "2001:DB8::1/128", "2001:db8::1"),
    ("ip-src", "2001:DB8::1/32", "2001:db8::/32"),
    ("domain", "EVIL.Example.", "evil.example"),
    ("domain", "bücher.example", "xn--bcher-kva.example"),
    ("hostname", "_dmarc.Evil.example", "_dmarc.evil.example"),
    ("url", "HTTP://Evil.example:80/A b", "http://evil.example/A%20b"),
    ("url", "hxxp://evil[.]example/", "http://evil.example/"),
    ("link", "https://evil.example/ü", "https://evil.example/%C3%BC"),
    ("email", "Some.One@Evil.Example", "some.one@evil.example"),
    ("sha256", "AB" * 32, "ab" * 32),
    ("x509-fingerprint-sha1", ":".join(["AB"] * 20), "ab" * 20),
    ("vulnerability", "cve-2021-41773", "CVE-2021-41773"),
    ("weakness", "cwe-79", "CWE-79"),
    ("AS", "AS64500", "64500"),
    ("AS", "as1.10", "65546"),
    ("mac-address", "02-00-5E-10-00-01", "02:00:5e:10:00:01"),
    ("mac-address", "0200.5e10.0001", "02:00:5e:10:00:01"),
    ("port", "0080", "80"),
    ("boolean", "True", "1"),
    ("datetime", "2026-11-22T01:00:00+01:00", "2026-11-22T00:00:00.000000+0000"),
    ("datetime", "2026-11-22", "2026-11-22T00:00:00.000000+0000"),
    ("cpe", "cpe:/a:Apache:http_server", "cpe:2.3:a:apache:http_server:*:*:*:*:*:*:*:*"),
    ("text", "two\nlines \U0001f600 ", "two\nlines ?"),
    ("attachment", "../a b.xml", "_a_b.xml"),
]

REFUSED = [
    ("ip-dst", "203.0.113.1-203.0.113.9"),
    ("ip-dst", "999.1.1.1"),
    ("ip-dst", "010.1.1.1"),
    ("ip-dst", "::203.0.113.7"),
    ("domain", "localhost"),
    ("domain", "a..example"),
    ("domain", "203.0.113.7"),
    ("domain", "evil.example/x"),
    ("domain", ".".join(["a" * 60] * 5)),
    ("hostname", "host_at_10.0.0.1"),
    ("url", "/only/a/path"),
    ("url", "javascript:alert(1)"),
    ("url", "http://evil.example/\nx"),
    ("link", "ftp://evil.example/x"),
    ("email", "nobody at example"),
    ("md5", "12"),
    ("sha256", "g" * 64),
    ("vulnerability", "GHSA-jfh8-c2jp-5v3q"),
    ("AS", "4294967296"),
    ("mac-address", "02-00-5E-10-00-0G"),
    ("port", "0"),
    ("port", "65536"),
    ("port", "https"),
    ("size-in-bytes", "-1"),
    ("filename", "\U0001f600.exe"),
    ("filename", "a\nb"),
    ("text", "\x1b[31m"),
    ("text", "\ud800"),
    ("text", "   "),
    ("text", "x" * (MAX_VALUE + 1)),
    ("threat-actor", "two\nlines"),
    ("datetime", "yesterday"),
    ("cpe", "cpe::Example:x"),
    ("boolean", "perhaps"),
]


@pytest.mark.parametrize(("type", "value", "kept"), KEPT)
def test_a_value_becomes_what_a_server_makes_of_it(type: str, value: str, kept: str) -> None:
    assert canonical_value(type, value) == kept


@pytest.mark.parametrize(("type", "value"), REFUSED)
def test_what_a_server_would_drop_is_refused_with_a_reason_that_does_not_repeat_it(type: str, value: str) -> None:
    with pytest.raises(UnfitValueError) as caught:
        canonical_value(type, value)
    assert str(caught.value).startswith("it ")
    assert not value.strip() or value not in str(caught.value)


@given(
    st.sampled_from(TYPES), st.one_of(st.text(max_size=60), st.from_regex(r"[0-9a-fA-F:./-]{1,70}", fullmatch=True))
)
def test_a_form_is_its_own_form(type: str, value: str) -> None:
    """Else what comes back from a server would be another value than what was sent."""
    assert type in attribute_types()
    try:
        kept = canonical_value(type, value)
    except UnfitValueError:
        return
    assert canonical_value(type, kept) == kept == kept.strip()


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**16))
def test_a_range_is_the_networks_that_it_consists_of(first: int, size: int) -> None:
    start, end = ipaddress.ip_address(first), ipaddress.ip_address(min(first + size, 2**32 - 1))
    blocks = [ipaddress.ip_network(block) for block in networks(f"{start} - {end}")]
    assert (blocks[0][0], blocks[-1][-1]) == (start, end)
    assert sum(block.num_addresses for block in blocks) == int(end) - int(start) + 1
    assert all(canonical_value("ip-dst", block) == block for block in networks(f"{start}-{end}"))


def test_a_range_that_ends_before_it_begins_is_none() -> None:
    with pytest.raises(UnfitValueError):
        networks("203.0.113.9 - 203.0.113.2")


def test_times_have_microseconds_and_a_zone() -> None:
    assert moment(1_795_305_600_123_456) == "2026-11-22T00:00:00.123456+0000"
    assert datetime.fromisoformat(moment(0)).year == 1970
    with pytest.raises(UnfitValueError):
        moment(10**20)


@pytest.mark.parametrize("name", ["", "...", "/", "\x00"])
def test_an_attachment_has_a_name_whatever_it_was_called(name: str) -> None:
    assert attachment_name(name)
    assert not attachment_name(name).startswith(".")
