"""What all sources of vulnerabilities say alike: ids, CVSS scores, weaknesses, affected products."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from vedette.extraction.building import EXPLOIT_TARGET_RELATED, Building
from vedette.extraction.drafting import Given
from vedette.extraction.platform_names import PlatformName, PlatformNameError
from vedette.extraction.subgraph import Position

RELATED_WEAKNESS = "RelatedWeakness"
"""From a vulnerability to what kind of mistake it is."""

PUBLISHED, REJECTED, RESERVED = "PUBLISHED", "REJECTED", "RESERVED"
"""States of an entry (CVE record format 5.1, cveMetadata.state); the last is of the old list alone."""

_MARKS = {"** REJECT **": REJECTED, "** RESERVED **": RESERVED}
_DISPUTED = "** DISPUTED **"
_CVE = re.compile(r"CVE-\d{4}-\d{4,19}")
_CWE = re.compile(r"(?:CWE-)?(\d{1,6})")
_VERSION = re.compile(r"CVSS:(\d{1,2}\.\d{1,2})/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One judgement by the Common Vulnerability Scoring System."""

    version: str
    """`2.0`, `3.0`, `3.1` or `4.0`."""
    score: float | None
    """Base score, 0 to 10."""
    vector: str = ""
    """How it comes about, such as `AV:N/AC:L/Au:N/C:P/I:P/A:P`."""
    severity: str = ""
    """`NONE` to `CRITICAL`, where it is said."""


@dataclass(kw_only=True)
class Affected:
    """A product that a vulnerability concerns."""

    properties: dict[str, Given] = field(default_factory=dict)
    """Of the product."""
    ranges: list[str] = field(default_factory=list)
    """Versions, such as `>= 1.2, < 2.0`; empty: all that the name means."""


def cve_id(text: str) -> str:
    """Return a CVE id in upper case; empty where a text is none."""
    plain = text.strip().upper()
    return plain if _CVE.fullmatch(plain) else ""


def cwe_id(text: str) -> str:
    """Return a CWE id such as `CWE-79`; empty where a text is none (`NVD-CWE-noinfo`)."""
    found = _CWE.fullmatch(text.strip().upper())
    return f"CWE-{int(found[1])}" if found else ""


def marked(description: str) -> dict[str, Given]:
    """Return the state, and whether it is disputed, which an old entry's description begins with."""
    state = next((state for mark, state in _MARKS.items() if description.startswith(mark)), PUBLISHED)
    return {"state": state, "tags": ["disputed"] if description.startswith(_DISPUTED) else None}


def score_properties(scores: Iterable[Score]) -> dict[str, Given]:
    """Return scores as properties.

    `cvss2Score`, `cvss2Vector`, `cvss3Score` … hold the first judgement of each main version (3.1 before 3.0);
    `cvssScore, cvssVector, cvssVersion, cvssSeverity` that of the newest.
    """
    best: dict[str, Score] = {}
    for score in sorted((one for one in scores if one.score is not None or one.vector), key=_newest_first):
        best.setdefault(score.version[:1], score)
    said: dict[str, Given] = {}
    for main, score in best.items():
        said |= {f"cvss{main}Score": score.score, f"cvss{main}Vector": score.vector}
    if best:
        newest = next(iter(best.values()))
        said |= {
            "cvssScore": newest.score,
            "cvssVector": newest.vector,
            "cvssVersion": newest.version,
            "cvssSeverity": newest.severity.upper(),
        }
    return said


def vector_version(vector: str, otherwise: str) -> str:
    """Return the version that a vector names in its prefix (CVSS 3.0 and later), else another."""
    found = _VERSION.match(vector)
    return found[1] if found else otherwise


def add_weakness(building: Building, vulnerability: str, text: str, position: Position, words: str = "") -> None:
    """Relate a vulnerability to a CWE; nothing where the text names none."""
    name = cwe_id(text)
    if name:
        weakness = building.weakness(name, position, description=[name, words] if words else name)
        building.edge(vulnerability, weakness, RELATED_WEAKNESS, position)


def add_platform(building: Building, name: str, position: Position, **properties: Given) -> str:
    """Return the id of a product by its CPE name, as it is written; empty where it is none, which is said."""
    try:
        description = _described(name)
    except PlatformNameError as error:
        building.skip(position, str(error))
        return ""
    return building.cpe(name, position, **({"description": description} | properties))


def add_affected(
    building: Building, vulnerability: str, affected: Mapping[str, Affected], position: Position
) -> None:
    """Relate a vulnerability to products by their CPE names, once each, with the versions on the edge."""
    for name, one in affected.items():
        product = add_platform(building, name, position, **one.properties)
        ranges = list(dict.fromkeys(one.ranges))
        building.edge(vulnerability, product, EXPLOIT_TARGET_RELATED, position, versionRanges=ranges)


def version_range(*, start: str = "", after: str = "", before: str = "", end: str = "") -> str:
    """Return a range of versions in words: from `start` or behind `after`, until before `before` or `end` itself."""
    bounds = ((">=", start), (">", after), ("<", before), ("<=", end))
    return ", ".join(f"{sign} {bound}" for sign, bound in bounds if bound)


@lru_cache(maxsize=20_000)
def _described(name: str) -> str:
    """Return Stucco's words for a CPE name; the same few thousand products are in most entries of a feed."""
    return PlatformName.parse(name).description


def _newest_first(score: Score) -> tuple[float, ...]:
    return tuple(-int(number) for number in re.findall(r"\d{1,3}", score.version))
