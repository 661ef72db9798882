"""Given any spelling of an address of our own network, when it is asked for, then it is refused."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.fetching.addresses import IpAddress, special_use
from vedette.fetching.policy import FetchPolicy
from vedette.fetching.urls import read_url, shown_url, split_login

FORBIDDEN = [
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "169.254.169.254/32",
        "100.100.100.200/32",
        "168.63.129.16/32",
    )
]
FORBIDDEN_V6 = [
    ipaddress.IPv6Network(text)
    for text in ("::/128", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::254/128")
]

CIRCLED = str.maketrans("0123456789", "⓪①②③④⑤⑥⑦⑧⑨")
FULL_WIDTH = str.maketrans("0123456789.", "０１２３４５６７８９．")  # noqa: RUF001

Spelling = Callable[[ipaddress.IPv4Address], str]


def _parts(address: ipaddress.IPv4Address, form: str) -> str:
    return ".".join(format(byte, form) for byte in address.packed)


def _inside(prefix: str, shift: int) -> Spelling:
    """An IPv4 address within an IPv6 one."""
    return lambda address: f"[{ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | int(address) << shift)}]"


SPELLINGS: dict[str, Spelling] = {
    "usual": str,
    "trailing dot": lambda address: f"{address}.",
    "decimal": lambda address: str(int(address)),
    "decimal, trailing dot": lambda address: f"{int(address)}.",
    "hexadecimal": lambda address: hex(int(address)),
    "hexadecimal, capitals": lambda address: f"0X{int(address):X}",
    "hexadecimal parts": lambda address: ".".join(hex(byte) for byte in address.packed),
    "octal": lambda address: f"0{int(address):o}",
    "octal parts": lambda address: ".".join(f"0{byte:o}" for byte in address.packed),
    "leading zeros": lambda address: _parts(address, "03d"),
    "two parts": lambda address: f"{address.packed[0]}.{int(address) & 0xFFFFFF}",
    "three parts": lambda address: f"{address.packed[0]}.{address.packed[1]}.{int(address) & 0xFFFF}",
    "mixed": lambda address: f"{address.packed[0]:#x}.{int(address) & 0xFFFFFF}",
    "too large parts": lambda address: ".".join(str(byte + 256) for byte in address.packed),
    "five parts": lambda address: f"{address}.0",
    "circled": lambda address: str(address).translate(CIRCLED),
    "full width": lambda address: str(address).translate(FULL_WIDTH),
    "ideographic dots": lambda address: str(address).replace(".", "。"),
    "percent": lambda address: str(address).replace(".", "%2e"),
    "user": lambda address: f"example.org@{address}",
    "user with port": lambda address: f"example.org:80@{address}",
    "user, twice": lambda address: f"a@example.org@{address}",
    "backslash": lambda address: f"{address}\\@example.org",
    "tab": lambda address: str(address).replace(".", "\t.", 1),
    "line": lambda address: f"{address}\r\nHost: example.org",
    "nothing": lambda address: str(address).replace(".", "\u200b.", 1),
    "soft hyphen": lambda address: str(address).replace(".", "\u00ad.", 1),
    "brackets": lambda address: f"[{address}]",
    "mapped": _inside("::ffff:0:0", 0),
    "mapped, dotted": lambda address: f"[::ffff:{address}]",
    "translated": _inside("::ffff:0:0:0", 0),
    "compatible": _inside("::", 0),
    "compatible, dotted": lambda address: f"[::{address}]",
    "NAT64": _inside("64:ff9b::", 0),
    "local NAT64": _inside("64:ff9b:1::", 0),
    "6to4": _inside("2002::1", 80),
    "Teredo": lambda address: _inside("2001:0:808:808::", 0)(ipaddress.IPv4Address(~int(address) & 0xFFFF_FFFF)),
    "ISATAP": _inside("2606:4700::5efe:0:0", 0),
    "ISATAP, global": _inside("2606:4700::200:5efe:0:0", 0),
    "future": lambda address: f"[v1.{address}]",
    "interface": lambda address: f"[::ffff:{address}%25lo]",
}


def is_refused(url: str, policy: FetchPolicy | None = None) -> bool:
    try:
        target = read_url(url)
    except ValueError:
        return True
    return (policy or FetchPolicy()).refusal_of_url(target) is not None


@st.composite
def forbidden(draw: st.DrawFn) -> ipaddress.IPv4Address:
    network = draw(st.sampled_from(FORBIDDEN))
    return network[draw(st.integers(0, network.num_addresses - 1))]


@given(address=forbidden(), name=st.sampled_from(sorted(SPELLINGS)), scheme=st.sampled_from(["http", "HTTPS"]))
@settings(derandomize=True, deadline=None, max_examples=700)
def test_every_spelling_of_a_forbidden_address_is_refused(
    address: ipaddress.IPv4Address, name: str, scheme: str
) -> None:
    assert is_refused(f"{scheme}://{SPELLINGS[name](address)}/latest/meta-data")


@pytest.mark.parametrize("name", sorted(SPELLINGS))
@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "0.0.0.0"])
def test_each_spelling_of_the_usual_targets_is_refused(name: str, address: str) -> None:
    assert is_refused(f"http://{SPELLINGS[name](ipaddress.IPv4Address(address))}/")


@given(
    data=st.data(), network=st.sampled_from(FORBIDDEN_V6), form=st.sampled_from(["compressed", "exploded", "upper"])
)
@settings(derandomize=True, deadline=None, max_examples=150)
def test_forbidden_ipv6_addresses_are_refused(data: st.DataObject, network: ipaddress.IPv6Network, form: str) -> None:
    address = network[data.draw(st.integers(0, network.num_addresses - 1))]
    text = address.compressed.upper() if form == "upper" else str(getattr(address, form))
    assert is_refused(f"http://[{text}]/")


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
@settings(derandomize=True, deadline=None, max_examples=300)
def test_our_table_lets_nothing_pass_that_python_calls_special(address: IpAddress) -> None:
    if not address.is_global or address.is_multicast:
        assert special_use(address) is not None


@given(st.one_of(st.text(max_size=30), st.from_regex(r"[0-9a-fx.:@\[\]%-]{1,24}", fullmatch=True)))
@settings(derandomize=True, deadline=None, max_examples=600)
def test_a_host_that_passes_for_a_name_is_a_name_to_everybody(host: str) -> None:
    try:
        target = read_url(f"http://{host}/")
    except ValueError:
        return
    again = read_url(str(target.url))
    assert (again.host, again.port, again.address) == (target.host, target.port, target.address)
    assert urlsplit(str(target.url)).hostname == target.host
    if target.address is None:
        # What the C library reads as a number would be looked up without a name server.
        with pytest.raises(OSError, match="illegal IP address"):
            socket.inet_aton(target.host)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "2a00:1450:4001::5", "100.63.255.255"])
def test_public_addresses_are_not_refused(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert not is_refused(f"http://{host}/list.crl")
    assert FetchPolicy().refusal_of("crl.example", 80, address) is None


@pytest.mark.parametrize(
    ("entry", "passes", "stays"),
    [
        ("10.1.0.0/16", "http://10.1.2.3/", "http://10.2.0.1/"),
        ("10.1.2.3", "http://10.1.2.3/", "http://10.1.2.4/"),
        ("10.1.2.3", "http://10.1.2.3/", "http://10.1.2.3:8080/"),
        ("10.1.2.3:8080", "http://10.1.2.3:8080/", "http://10.1.2.3/"),
        ("fd00::/8", "http://[fd00::1]/", "http://[fe80::1]/"),
        ("[::1]:8080", "http://[::1]:8080/", "http://[::1]:8081/"),
        ("tsa.example:318", "http://tsa.example:318/", "http://tsa.example:319/"),
        ("TSA.Example", "http://tsa.example.:4000/", "http://other.example:4000/"),
        ("169.254.169.254", "http://169.254.169.254/", "http://169.254.170.2/"),
    ],
)
def test_what_an_operator_allows_passes_and_nothing_else(entry: str, passes: str, stays: str) -> None:
    policy = FetchPolicy.allowing([entry])
    assert not is_refused(passes, policy)
    assert is_refused(stays, policy)


@pytest.mark.parametrize(
    "entry", ["10.1.2.3/8", "", "http://a.example", "a.example/x", "a b", "user@a.example", "127.1"]
)
def test_what_is_no_network_or_host_is_told(entry: str) -> None:
    with pytest.raises(ValueError, match="is not a network|is no network, address or host"):
        FetchPolicy.allowing([entry])


def test_a_name_that_stands_for_our_own_network_is_refused_unless_it_is_allowed() -> None:
    assert FetchPolicy().refusal_of("innocent.example", 80, "127.0.0.1") == (
        "127.0.0.1 is loopback; allow it under fetching.allow in vedette.yml if that is meant"
    )
    assert "metadata service" in (FetchPolicy().refusal_of("innocent.example", 80, "169.254.169.254") or "")
    assert FetchPolicy.allowing(["innocent.example"]).refusal_of("innocent.example", 80, "127.0.0.1") is None
    assert FetchPolicy.allowing(["other.example"]).refusal_of("innocent.example", 80, "127.0.0.1") is not None
    assert FetchPolicy().refusal_of("odd.example", 80, "fe80::1%eth0") is not None
    assert FetchPolicy().refusal_of("odd.example", 80, "nonsense") is not None


def test_only_usual_ports_are_asked() -> None:
    assert is_refused("http://a.example:22/")
    assert is_refused("http://a.example:0/")
    assert is_refused("http://a.example:99999/")
    assert not is_refused("http://a.example:8443/", FetchPolicy.allowing([], ports=[8443]))


def test_an_endpoint_that_an_operator_wrote_down_is_allowed_by_that_alone_and_alone() -> None:
    local = FetchPolicy().for_endpoint(read_url("http://127.0.0.1:3180/tsr"))
    assert not is_refused("http://127.0.0.1:3180/other", local)
    assert is_refused("http://127.0.0.1:3181/", local)
    assert is_refused("http://1.1.1.1/", local)
    assert is_refused("http://1.1.1.1:3180/", local)
    assert not is_refused("http://localhost:80/", FetchPolicy().for_endpoint(read_url("http://localhost/")))
    named = FetchPolicy().for_endpoint(read_url("http://tsa.example:318/"))
    assert not is_refused("http://tsa.example:318/", named)
    assert named.refusal_of("tsa.example", 318, "10.0.0.1") is not None
    assert named.refusal_of("tsa.example", 318, "1.1.1.1") is None


def test_redirects_are_new_urls_that_never_leave_tls() -> None:
    secure, plain = read_url("https://a.example/"), read_url("http://a.example/")
    policy = FetchPolicy()
    assert policy.refusal_of_redirect(plain, secure) is None
    assert "from https to http" in (policy.refusal_of_redirect(secure, plain) or "")
    assert "metadata" in (policy.refusal_of_redirect(plain, read_url("http://169.254.169.254/")) or "")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://name:secret@a.example/x?token=secret#secret", "http://a.example/x?…"),
        ("http://a.example/#@b", "http://a.example/"),
        ("http://a.example?secret", "http://a.example?…"),
        ("http://a@b@c/", "http://c/"),
        ("nonsense", "nonsense"),
        ("name:secret@a.example/x", "a.example/x"),
        ("http://a/\x1b[31m", "http://a/�[31m"),
        ("http://a/" + "x" * 500, "http://a/" + "x" * 190 + "…"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    ("url", "address", "login"),
    [
        ("http://name:p%40ss@tsa.example:8/x?y@z", "http://tsa.example:8/x?y@z", "name:p@ss"),
        ("https://tsa.example/a@b", "https://tsa.example/a@b", ""),
        ("nonsense", "nonsense", ""),
    ],
)
def test_a_login_is_taken_out_of_an_operators_url(url: str, address: str, login: str) -> None:
    assert split_login(url) == (address, login)
