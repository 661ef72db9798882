"""What is ours: networks, domains and targets, in whatever form a fact names them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sharing_parts import view
from vedette.errors import RefusedError
from vedette.extraction.addresses import AddressRange
from vedette.sharing.own import Own, Ranges

OWN = Own.of(
    networks=["192.0.2.0/24", "2001:db8:1::/48"],
    domains=["Victim.Test", "*.bücher.test"],
    targets=[
        "198.51.100.7",
        "https://shop.other.test:8443/x",
        "mail.other.test:25",
        "10.1.0.0/30",
        "[2001:db8::7]:443",
    ],
)


@pytest.mark.parametrize(
    ("type", "name"),
    [
        ("IP", "192.0.2.7"),
        ("IP", "::ffff:192.0.2.7"),
        ("IP", "2001:DB8:1::7"),
        ("IP", "2001:db8::7"),
        ("IP", "10.1.0.2"),
        ("AddressRange", "192.0.0.0 - 192.0.3.255"),
        ("AddressRange", "192.0.2.250 - 192.0.3.5"),
        ("Observable/Socket Address", "192.0.2.7:22"),
        ("Observable/Socket Address", "[2001:db8:1::7]:22"),
        ("Observable/Domain Name", "WWW.victim.test."),
        ("Observable/Domain Name", "victim.test"),
        ("Observable/Domain Name", "a.xn--bcher-kva.test"),
        ("Observable/Domain Name", "other.test"),
        ("Observable/Hostname", "mail.other.test"),
        ("Observable/URI", "http://192.0.2.7/x"),
        ("Observable/URI", "hxxp://www[.]victim[.]test/x"),
        ("Observable/Email Address", "Alice@Victim.Test"),
    ],
)
def test_these_are_ours(type: str, name: str) -> None:
    assert OWN.holds(view(type, name))


@pytest.mark.parametrize(
    ("type", "name"),
    [
        ("IP", "192.0.3.7"),
        ("IP", "10.1.0.4"),
        ("AddressRange", "192.0.3.0 - 192.0.4.255"),
        ("Observable/Domain Name", "notvictim.test"),
        ("Observable/Domain Name", "test"),
        ("Observable/Domain Name", "ftp.other.test"),
        ("Observable/URI", "http://evil.test/?u=victim.test"),
        ("Observable/URI", "http://victim.test@evil.test/"),
        ("Observable/URI", "not a url"),
        ("Malware", "victim.test"),
        ("Observable/Port", "22"),
    ],
)
def test_these_are_not(type: str, name: str) -> None:
    assert not OWN.holds(view(type, name))


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(RefusedError, match="networks"):
        Own.of(networks=["victim.test"])
    with pytest.raises(RefusedError, match="domains"):
        Own.of(domains=["192.0.2.7"])
    assert not Own().holds(view("IP", "192.0.2.7"))


@given(
    ranges=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 6)), max_size=8),
    wanted=st.tuples(st.integers(0, 60), st.integers(0, 6)),
)
def test_ranges_overlap_as_their_addresses_do(ranges: list[tuple[int, int]], wanted: tuple[int, int]) -> None:
    def of(start: int, more: int) -> AddressRange:
        return AddressRange.parse(f"10.0.0.{start} - 10.0.0.{start + more}")

    held = {number for start, more in ranges for number in range(start, start + more + 1)}

    overlaps = Ranges(of(*one) for one in ranges).overlap(of(*wanted))

    assert overlaps == bool(held & set(range(wanted[0], wanted[0] + wanted[1] + 1)))
