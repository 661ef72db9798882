"""Ids that say of themselves what they are: vulnerabilities, weaknesses, techniques, autonomous systems, hashes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from vedette.extraction.defanging import PlainText
from vedette.extraction.prose.indicators.found import Found
from vedette.extraction.prose.labels import Label
from vedette.graph.canonical import canonical

_DASH: Final = r"[-_\u2010-\u2015\u2212]"

_VULNERABILITY: Final = re.compile(
    rf"(?<![^\W_])(?:(?P<cve>(?:CVE|CAN)(?:{_DASH}| )?(?:19|20)\d\d{_DASH}\d{{4,12}})"
    rf"|(?P<ghsa>GHSA(?:{_DASH}[23456789cfghjmpqrvwx]{{4}}){{3}})"
    rf"|(?P<bulletin>MS(?:9[89]|[01]\d){_DASH}\d{{3}}))(?![^\W_])",
    re.IGNORECASE,
)
# "CVE-2021-26855, -26857 and -27065", "CVE-2021-26855/26857": the year is said once.
_LISTED: Final = re.compile(
    r" ?(?:[,;/&]|,? ?(?:and|or)\b)[ \n]?"
    rf"(?P<number>(?:{_DASH}|(?<=/)(?!(?:19|20)\d\d\b))(?P<digits>\d{{4,7}}))(?![\w-]|\.\d)",
    re.IGNORECASE,
)
_WEAKNESS: Final = re.compile(rf"(?<![^\W_])CWE(?:{_DASH}| )?(\d{{1,5}})(?![^\W_]|\.\d)", re.IGNORECASE)
# T0800-T0899: industrial systems; T1001-T1799: enterprise and mobile. A dash before it is a product's: SP-T1200.
_TECHNIQUE: Final = re.compile(r"(?<![\w.-])T(?:08\d\d|1[0-7]\d\d)(?:\.\d{3})?(?![\w-]|\.\d)")
# RFC 5396: also with a dot. `AS400` is a computer, "as 2021" is English: with a space only `ASN` will do.
_SYSTEM: Final = re.compile(r"(?<![\w.-])(?:ASN[ :#-]?|AS(?!400\b))(\d{1,5}\.\d{1,5}|\d{1,10})(?![\w-]|\.\d)")
_NAMED_SYSTEM: Final = re.compile(r"\bautonomous system (?:number )?(\d{1,10})(?![\w-]|\.\d)", re.IGNORECASE)
_LARGEST_SYSTEM: Final = 4_294_967_295

_HEX: Final = re.compile(
    r"(?<![^\W_])(?:[0-9a-f]{128}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![^\W_])", re.IGNORECASE
)
_HASHES: Final[dict[int, Label]] = {32: "MD5", 40: "SHA1", 64: "SHA256", 128: "SHA512"}
_REVISION: Final = re.compile(
    r"\b(?:commit|revision|changeset|git|tree|parent)(?: id| hash)?[\s:=#(]{1,3}$", re.IGNORECASE
)
_LEAST_DIGITS: Final = 5
"""Different digits that a hash has at least: with fewer it is a filler, such as `aaaa…` (by chance 1 in 10^18)."""


def find_names(plain: PlainText) -> Iterator[Found]:
    """Yield the ids and hashes of a text."""
    text = plain.text
    for match in _VULNERABILITY.finditer(text):
        name = _vulnerability(match)
        yield Found(*match.span(), "VULN_ID", name)
        if match["cve"]:
            yield from _listed(text, match.end(), name.rpartition("-")[0])
    for match in _WEAKNESS.finditer(text):
        yield Found(*match.span(), "WEAKNESS_ID", f"CWE-{int(match[1])}")
    for match in _TECHNIQUE.finditer(text):
        yield Found(*match.span(), "TECHNIQUE_ID", match[0])
    for pattern in (_SYSTEM, _NAMED_SYSTEM):
        yield from _systems(pattern, text)
    for match in _HEX.finditer(text):
        if _is_hash(match[0], text[max(0, match.start() - 24) : match.start()]):
            yield Found(*match.span(), _HASHES[len(match[0])], canonical("hash", match[0]))


def _vulnerability(match: re.Match[str]) -> str:
    name = re.sub(rf"{_DASH}| ", "-", match[0].upper())
    if match["ghsa"]:
        # GitHub writes the rest in lower case.
        return f"GHSA{name[4:].lower()}"
    if match["bulletin"]:
        return name
    return canonical("cve", name if name[3] == "-" else f"{name[:3]}-{name[3:]}")


def _listed(text: str, at: int, year: str) -> Iterator[Found]:
    """Yield the numbers that follow a CVE and are CVEs of the same year."""
    while (match := _LISTED.match(text, at)) is not None:
        yield Found(*match.span("number"), "VULN_ID", canonical("cve", f"{year}-{match['digits']}"))
        at = match.end()


def _systems(pattern: re.Pattern[str], text: str) -> Iterator[Found]:
    for match in pattern.finditer(text):
        value = canonical("asn", match[1])
        if 0 < int(value.removeprefix("AS")) <= _LARGEST_SYSTEM:
            yield Found(*match.span(), "ASN", value)


def _is_hash(digits: str, before: str) -> bool:
    """Tell whether as many hexadecimal digits as a hash has are one, and no number, filler or revision of sources."""
    if digits.isdigit() or len(set(digits.lower())) < _LEAST_DIGITS:
        return False
    return len(digits) != 40 or _REVISION.search(before) is None
