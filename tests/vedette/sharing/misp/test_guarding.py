from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sharing.misp.guarding import Guarded

NETWORKS = st.builds(
    lambda base, bits: ipaddress.ip_network((0xC0000200 + base, bits), strict=False),
    st.integers(0, 255),
    st.integers(24, 32),
)


def shown(network: ipaddress.IPv4Network) -> str:
    """As values are: a network of one address is that address."""
    return str(network.network_address) if network.prefixlen == 32 else str(network)


@given(st.lists(NETWORKS, max_size=6), NETWORKS)
def test_an_alarm_hits_what_it_overlaps_and_nothing_else(
    guarded: list[ipaddress.IPv4Network], alarm: ipaddress.IPv4Network
) -> None:
    known = Guarded()
    for one in guarded:
        known.add(shown(one))
    assert known.has("ip-dst", shown(alarm)) == any(one.overlaps(alarm) for one in guarded)


@pytest.mark.parametrize(
    ("guarded", "type", "value", "hit"),
    [
        ("2001:db8::1", "ip-src", "2001:db8::/64", True),
        ("2001:db8::1", "ip-src", "192.0.2.0/24", False),
        ("192.0.2.1", "url", "http://192.0.2.1:8080/x", True),
        ("192.0.2.1", "url", "http://192.0.2.10/192.0.2.1", False),
        ("2001:db8::1", "url", "http://[2001:db8::1]/", True),
        ("ours.example", "url", "https://user@ours.example/", True),
        ("ours.example", "url", "https://ours.example.evil.example/", False),
        ("ours.example", "uri", "ours.example/x", True),
        ("ours.example", "email", "x@ours.example", True),
        ("ours.example", "email", "ours.example@evil.example", False),
        ("192.0.2.0/24", "snort", "alert tcp any any -> 192.0.2.9 80", True),
        ("ours.example", "yara", 'strings: $a = "http://ours.example/"', True),
        ("ours.example", "text", "ours.example is ours", False),
        ("ab" * 32, "sha256", "ab" * 32, True),
        ("ab" * 32, "sha256", "cd" * 32, False),
    ],
)
def test_what_names_what_is_guarded_hits_it(guarded: str, type: str, value: str, hit: bool) -> None:
    known = Guarded()
    known.add(guarded)
    assert known.has(type, value) == hit


def test_what_is_added_later_counts() -> None:
    known = Guarded()
    assert not known.has("ip-dst", "192.0.2.0/24")
    known.add("192.0.2.1")
    assert known.has("ip-dst", "192.0.2.0/24")
    known.add("198.51.100.1")
    assert known.has("ip-dst", "198.51.100.0/24")
