"""Whatever is made harmless is found again, with its value and exactly where it stands."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.extraction.prose.indicators.finding import find
from vedette.extraction.prose.indicators.found import Found
from vedette.extraction.prose.labels import Label
from vedette.graph.canonical import canonical

Rendered = tuple[str, Label, str]
"""As it is written, its label, its value."""

DOTS = (
    ".",
    "[.]",
    "(.)",
    "{.}",
    "[dot]",
    "(dot)",
    "[DOT]",
    "[ . ]",
    " [.] ",
    " (dot) ",
    "\u3002",
    ".\u200b",
    r"\.",
    "[,]",
)
ATS = ("@", "[at]", "(at)", "[@]", " [at] ", "{AT}")
SCHEMES = (
    "http://",
    "hxxp://",
    "hXXp[:]//",
    "hxxp[://]",
    "h**p://",
    "h[tt]p:[//]",
    "meow://",
    "[hxxp]://",
    "hxxp:\\\\",
)
SECURE = ("https://", "hxxps://", "hXXps[:]//", "hxxps[://]", "http[s]://", "hxxp[s][:]//")
LEAD = ("", "See ", "(", '"', "\u2014 ", "b\u00fccher \U0001f600 ", "evil[.]com, ", "**", "C2: ", "\n")
TAIL = ("", ".", ", and", ").", '"', " \u2014 more", "; evil[.]net", "**", "!", "\n")

labels = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(
    # IDNA: two dashes in the third and fourth place are kept for what is encoded.
    lambda label: label[2:4] != "--" and label != "www"
)
suffixes = st.sampled_from(["com", "net", "org", "ru", "co.uk", "xyz", "onion", "de"])
hosts = st.builds(
    lambda names, suffix: ".".join([*names, suffix]), st.lists(labels, min_size=2, max_size=3), suffixes
)
addresses = st.ip_addresses(v=4).filter(lambda address: int(address) >> 28 != 15)
rest = st.from_regex(r"(/[a-z0-9_-]{1,8}){0,3}(/[a-z]{1,5}\.php(\?[a-z]=[a-z0-9]{1,6})?)?", fullmatch=True)


@st.composite
def rendered(draw: st.DrawFn) -> Rendered:
    """A host, address, URL or e-mail address, made harmless in one of the ways that are in use."""
    kind = draw(st.sampled_from(("DOMAIN", "IPV4", "URL", "EMAIL")))
    dot = draw(st.sampled_from(DOTS))
    host = str(draw(addresses)) if kind == "IPV4" or (kind == "URL" and draw(st.booleans())) else draw(hosts)
    written = host.replace(".", dot)
    if kind == "DOMAIN":
        return written, "DOMAIN", host
    if kind == "IPV4":
        # Four numbers that nobody made harmless may be a version: where they stand alone, they are none.
        return written, "IPV4", host
    if kind == "EMAIL":
        local = draw(labels)
        return f"{local}{draw(st.sampled_from(ATS))}{written}", "EMAIL", f"{local}@{host}"
    secure, path = draw(st.booleans()), draw(rest)
    scheme = draw(st.sampled_from(SECURE if secure else SCHEMES))
    value = canonical("url", f"{'https' if secure else 'http'}://{host}{path}")
    return f"{scheme}{written}{path}", "URL", value


@given(rendered(), st.sampled_from(LEAD), st.sampled_from(TAIL))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_what_was_made_harmless_is_found_again(one: Rendered, lead: str, tail: str) -> None:
    # Given an indicator in a sentence
    written, label, value = one
    text = f"{lead}{written}{tail}"

    # When it is read
    found = find(text)

    # Then it is there, with its value and to the character
    assert Found(len(lead), len(lead) + len(written), label, value) in found, (text, found)


@given(
    st.ip_addresses(v=6).filter(lambda address: 0x2000 <= int(address) >> 112 < 0x4000), st.sampled_from((":", "[:]"))
)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_addresses_of_version_6_are_found_again(address: IPv4Address | IPv6Address, colon: str) -> None:
    text = f"from {str(address).replace(':', colon)} on"
    assert find(text) == [Found(5, len(text) - 3, "IPV6", str(address))]


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_text_is_read(text: str) -> None:
    found = find(text)
    places = [at for one in found for at in (one.start, one.end)]
    assert places == sorted(places)
    assert all(0 <= one.start < one.end <= len(text) and one.value for one in found)
