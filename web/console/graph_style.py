"""How vertices look: a tint and a shape for each type, so that colour alone never tells two apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """How a type of vertices is drawn."""

    type: str
    """`vertexType`."""
    tint: int
    """Number of its colour in the style sheet, which has one for light and one for dark."""
    shape: str
    """`circle`, `square`, `diamond`, `triangle`, `hexagon` or `cross`."""


_STYLES: Final = {
    "IP": (1, "circle"),
    "AddressRange": (1, "square"),
    "Observable": (2, "circle"),
    "Vulnerability": (3, "diamond"),
    "Weakness": (3, "square"),
    "Exploit": (4, "triangle"),
    "Exploit_Target": (3, "hexagon"),
    "Malware": (4, "hexagon"),
    "TTP": (5, "diamond"),
    "Campaign": (5, "square"),
    "Threat_Actor": (5, "hexagon"),
    "Course_Of_Action": (6, "square"),
    "Incident": (7, "triangle"),
    "Indicator": (7, "diamond"),
}
_OTHER: Final = (8, "cross")


def style_of(type: str) -> Style:
    """Return how a type is drawn; one that is not known here has the look of all such."""
    tint, shape = _STYLES.get(type, _OTHER)
    return Style(type=type, tint=tint, shape=shape)


def known_types() -> list[str]:
    """Return the types that have a look of their own, for choosing among them."""
    return sorted(_STYLES)
