"""Descriptions of vulnerabilities with what the NVD says of their products: gold for relations, by names.

Each CVE has a description in words and a list of CPE names. What of the list can be found in the description's words
is what a reader should find: vendors, products and versions. Other numbers, platforms and kinds of flaws are marked
too, so that a reader can be wrong about them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from defusedxml.ElementTree import parse

from vedette.extraction.platform_names import PlatformName, PlatformNameError
from vedette.extraction.prose.annotated import Entity, Sentence, Token
from vedette.extraction.prose.labels import LABELS, Label
from vedette.extraction.prose.text.blocks import Block
from vedette.extraction.prose.text.sentences import sentences

FEED: Final = Path("sources/nvdcve-2.0-modified.xml")
"""In the data folder."""

_SPACE = "{http://scap.nist.gov/schema/vulnerability/0.4}"
_FEED_SPACE = "{http://scap.nist.gov/schema/feed/vulnerability/2.0}"
_PARTS = re.compile(r"[a-z0-9]+")
_VERSION = re.compile(r"v?\d[\w()-]*(?:\.[\w()-]+)*\.?x?|\d+\.x")
_LETTERS_BEHIND = re.compile(r"(?<=\d)(?=[a-z])")
"""Where `1 8 8dev` is parted: the list has `1 8 8 dev`."""
_UPDATE = re.compile(r"(?:sp|rc|beta|alpha)-?\d{0,2}")
_FLAWS: Final = re.compile(
    r"(?:sql|command|code|crlf|object|ldap|xml external entity|html|shell|argument) injection|xss|"
    r"cross-site scripting|"
    r"cross-site request forgery|csrf|(?:heap-based |stack-based )?buffer over(?:flow|read|-read)|use-after-free|"
    r"(?:absolute |relative )?(?:directory|path) traversal|denial of service|"
    r"(?:integer|heap|stack) (?:over|under)flow|"
    r"memory corruption|off-by-one error|null pointer dereference|open redirect|race condition|format string|"
    r"out-of-bounds (?:read|write)|remote code execution|privilege escalation|information disclosure|double free|"
    r"type confusion|man-in-the-middle|session fixation|clickjacking|untrusted search path|remote file inclusion"
)
_PLATFORMS: Final[dict[str, Label]] = {
    "wordpress": "SOFTWARE",
    "drupal": "SOFTWARE",
    "typo3": "SOFTWARE",
    "joomla": "SOFTWARE",
    "php": "SOFTWARE",
    "openssl": "SOFTWARE",
    "internet explorer": "SOFTWARE",
    "java": "SOFTWARE",
    "windows": "OS",
    "linux": "OS",
    "mac os x": "OS",
    "android": "OS",
    "solaris": "OS",
}
"""What descriptions name beside the product that is vulnerable."""

_KINDS: Final = frozenset({"server", "web", "module", "plugin", "extension", "component", "driver", "firmware"})
"""What the list puts behind a product's name, and the text does not, or not as a part of the name."""

_MOST_WORDS = 6

Fact = tuple[str, str, str]
"""Relation and the two names, in lower case, words parted by a space."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """A description with marked names, and what the list of products says of them."""

    id: str
    text: str
    sentences: list[Sentence]
    entities: list[Entity]
    facts: frozenset[Fact]
    """`vendor-of`, `version-of` and `vulnerability-of` that hold, between names that are marked."""
    products: frozenset[str]
    """Names of its products."""
    vendors: frozenset[tuple[str, str]]
    """Vendor and product, all that the list has."""
    versions: frozenset[tuple[str, str]]
    """Version and product, likewise."""


def plain(name: str) -> str:
    """Return a name as it is compared: letters and digits in lower case, words parted by a space."""
    return " ".join(_PARTS.findall(name.lower()))


def read_descriptions(data: Path) -> list[Described]:
    """Return the descriptions of the feed that have a list of products; data: the folder with `sources/`."""
    found = []
    for entry in parse(data / FEED).iter(f"{_FEED_SPACE}entry"):
        text = entry.findtext(f"{_SPACE}summary") or ""
        names = [_platform(product.text or "") for product in entry.iter(f"{_SPACE}product")]
        known = [name for name in names if name is not None]
        if known and text and "** REJECT **" not in text:
            found.append(_described(entry.get("id") or "", text, known))
    return found


def _platform(name: str) -> PlatformName | None:
    try:
        return PlatformName.parse(name)
    except PlatformNameError:
        return None


def sentences_of(text: str) -> list[Sentence]:
    """Return the sentences of a text that is one block of prose, unparsed."""
    spans = sentences(text, Block(start=0, end=len(text), kind="prose"))
    return [
        Sentence(
            start=start,
            end=end,
            tokens=tuple(Token(text=text[first:last], start=first, end=last) for first, last in tokens),
        )
        for start, end, tokens in spans
    ]


def _described(identifier: str, text: str, names: Sequence[PlatformName]) -> Described:
    read = sentences_of(text)
    labels = _names(names)
    entities: list[Entity] = []
    for place, sentence in enumerate(read):
        for start, end, label in _marked(sentence, labels, text):
            entities.append(
                Entity(
                    id=len(entities),
                    start=start,
                    end=end,
                    text=text[start:end],
                    label=label,
                    confidence=1,
                    sentence=place,
                )
            )
    versions = frozenset(pair for name in names for pair in _versions(name))
    products = frozenset(plain(name.plain("product")) for name in names)
    vendors = frozenset((plain(name.plain("vendor")), plain(name.plain("product"))) for name in names)
    facts = frozenset(_facts(entities, vendors, products, versions))
    return Described(
        id=identifier,
        text=text,
        sentences=read,
        entities=entities,
        facts=facts,
        products=products,
        vendors=vendors,
        versions=versions,
    )


def _names(names: Sequence[PlatformName]) -> dict[str, Label]:
    labels: dict[str, Label] = dict(_PLATFORMS)
    for name in names:
        labels.setdefault(plain(name.plain("vendor")), "VENDOR")
    for name in names:
        labels[plain(name.plain("product"))] = "OS" if name.part.lower() == "o" else "SOFTWARE"
    return labels


def _versions(name: PlatformName) -> Iterator[tuple[str, str]]:
    product = plain(name.plain("product"))
    version, update = name.plain("version"), name.plain("update")
    if update:
        yield plain(update), product
        yield plain(f"{version} {update}"), product
    # A beta of 2.20 is before 2.20, and is not it.
    if version and not update.startswith(("beta", "alpha", "rc", "pre", "dev")):
        yield plain(version), product


def _marked(sentence: Sentence, labels: dict[str, Label], text: str) -> Iterator[tuple[int, int, Label]]:
    tokens = sentence.tokens
    low = text.lower()
    flaws = {match.start(): match.end() for match in _FLAWS.finditer(low, sentence.start, sentence.end)}
    at = 0
    last: Label | None = None
    gap = 0
    while at < len(tokens):
        size, label = _name_at(tokens, at, labels)
        if tokens[at].start in flaws:
            end = flaws[tokens[at].start]
            size = sum(1 for token in tokens[at:] if token.start < end)
            label = "VULNERABILITY"
        elif label is None and low.startswith("cve-", tokens[at].start):
            size, label = 1, "VULN_ID"
        elif label is None:
            size, label = 1, _number(tokens[at].text.lower(), last, gap)
        if label is not None:
            yield tokens[at].start, tokens[at + size - 1].end, label
            last, gap = label, 0
        else:
            gap += 1
        at += size


def _name_at(tokens: Sequence[Token], at: int, labels: dict[str, Label]) -> tuple[int, Label | None]:
    for size in range(min(_MOST_WORDS, len(tokens) - at), 0, -1):
        label = labels.get(plain(" ".join(token.text for token in tokens[at : at + size])))
        if label is not None and tokens[at + size - 1].text[-1].isalnum() and tokens[at].text[0].isalnum():
            return size, label
    return 1, None


def _number(word: str, last: Label | None, gap: int) -> Label | None:
    """Return whether a word is a version or an update: a bare number only behind a product or another version."""
    if _UPDATE.fullmatch(word) and last in ("SOFTWARE", "OS", "VERSION", "UPDATE") and gap <= 1:
        return "UPDATE"
    if not _VERSION.fullmatch(word) or word.endswith(("-bit", ")") if word.startswith("(") else "-bit"):
        return None
    if "." in word:
        return "VERSION"
    near = (last in ("SOFTWARE", "OS") and gap <= 1) or (last == "VERSION" and gap <= 2)
    return "VERSION" if near and len(word) <= 4 else None


def _facts(
    entities: Sequence[Entity],
    vendors: frozenset[tuple[str, str]],
    products: frozenset[str],
    versions: frozenset[tuple[str, str]],
) -> Iterator[Fact]:
    named = {label: {plain(one.text) for one in entities if one.label == label} for label in LABELS}
    things = (named["SOFTWARE"] | named["OS"]) & products
    for vendor, product in vendors:
        if vendor in named["VENDOR"] and product in things:
            yield "vendor-of", vendor, product
    for product in things:
        for version in named["VERSION"] | named["UPDATE"]:
            if covers(version, product, versions):
                yield "version-of", version, product
        for flaw in named["VULNERABILITY"]:
            yield "vulnerability-of", flaw, product


def has_version(version: str, product: str, versions: frozenset[tuple[str, str]]) -> bool:
    """Return whether a list of products has a version, as it is written."""
    version = version.removeprefix("v")
    return any(
        (one, product) in versions
        for one in (version, f"{version} 0", version.removesuffix(" 0"), _LETTERS_BEHIND.sub(" ", version))
    )


def covers(version: str, product: str, versions: frozenset[tuple[str, str]]) -> bool:
    """Return whether a list of products has a version or a release of it: `2 1 0 1` of 2.1, `1 5 0 r14` of 1.5.0."""
    version = version.removeprefix("v").removesuffix(" x")
    # The next sign is a letter or another part: 12.4 is no 12.40.
    begins = re.compile(re.escape(version) + r"(?:[^\d].*)?")
    # An update that is written with its version: `1 5 0 r14` for R14 of 1.5.0.
    ends = f" {version}" if version[:1].isalpha() else None
    return has_version(version, product, versions) or any(
        of == product and (begins.fullmatch(one) or (ends and one.endswith(ends))) for one, of in versions
    )


def is_short_for(name: str, product: str) -> bool:
    """Return whether a name is a product's in other words.

    With initials in it (`big ip apm` of `big ip access policy manager`), or without the word for what it is
    (`magnolia form` of `magnolia form module`).
    """
    words, of = name.split(), product.split()
    if words == of[: len(words)] and _KINDS.issuperset(of[len(words) :]):
        return True
    for place, word in enumerate(words):
        behind = len(words) - place - 1
        middle = of[place : len(of) - behind]
        if len(middle) >= 2 and word == "".join(one[0] for one in middle):
            return words[:place] == of[:place] and words[place + 1 :] == of[len(of) - behind :]
    return False
