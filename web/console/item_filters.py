"""What the items on a page can be filtered by further, as links. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from registry.item_facets import Facet
from web.console.address import Address

CHECK: Final = "check"
"""The facet whose values have names."""

SHOWN: Final = 6
"""Values of a facet that are seen at once; the others when somebody wants to."""

LABELS: Final[Mapping[str, str]] = {
    "type": "Type",
    "agent": "Agent",
    "verdict": "Verdict",
    "state": "Proof",
    "format": "Tool",
    "check": "Check",
}
"""What facets are called, in the order of the page."""

PARAMETERS: Final[Mapping[str, str]] = {"format": "payload_format"}
"""What the parameters are called that are called otherwise than the facets."""

_CHIPS: Final = {**LABELS, "target": "Target", "source": "Source", "since": "Since", "until": "Until"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One value to choose."""

    value: str
    """What items have."""
    name: str
    """What it is called."""
    items: int
    """How many have it."""
    at_least: bool
    """Whether there may be more."""
    chosen: bool
    """Whether it is chosen already."""
    address: str
    """Chooses it, or lets go of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """One thing to filter by."""

    name: str
    """The facet."""
    label: str
    """What it is called."""
    first: tuple[Choice, ...]
    """The values that most items have."""
    rest: tuple[Choice, ...]
    """The others."""
    more: bool
    """Whether there are values that are not listed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chip:
    """A condition that is set."""

    label: str
    """What it is about."""
    value: str
    """What it wants."""
    address: str
    """The page without it."""


def choices_of(facets: Iterable[Facet], address: Address, checks: Mapping[str, str]) -> list[Choices]:
    """Return the facets as links from a page; `checks` is what checks are called."""
    found = {facet.name: facet for facet in facets}
    return [
        _choices(found[name], label, address, checks if name == CHECK else {})
        for name, label in LABELS.items()
        if name in found
    ]


def checks_in(facets: Iterable[Facet], address: Address) -> list[str]:
    """Return the checks that the page is about to show."""
    shown = [one.value for facet in facets if facet.name == CHECK for one in facet.values]
    return [*shown, *(value for name, value in address.filter.items() if name == CHECK)]


def _choices(facet: Facet, label: str, address: Address, names: Mapping[str, str]) -> Choices:
    parameter = PARAMETERS.get(facet.name, facet.name)
    chosen = address.filter.get(parameter)
    choices = [
        Choice(
            value=one.value,
            name=names.get(one.value, one.value),
            items=one.items,
            at_least=one.at_least,
            chosen=one.value == chosen,
            address=str(
                address.without(parameter) if one.value == chosen else address.with_(**{parameter: one.value})
            ),
        )
        for one in facet.values
    ]
    return Choices(
        name=facet.name, label=label, first=tuple(choices[:SHOWN]), rest=tuple(choices[SHOWN:]), more=facet.more
    )


def chips_of(address: Address, checks: Mapping[str, str]) -> list[Chip]:
    """Return the conditions that a page's address sets; `checks` is what checks are called."""
    names = {PARAMETERS.get(name, name): label for name, label in _CHIPS.items()}
    return [
        Chip(
            label=names[name],
            value=checks.get(value, value) if name == CHECK else value,
            address=str(address.without(name)),
        )
        for name, value in address.filter.items()
        if name in names
    ]
