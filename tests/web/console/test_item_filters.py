"""Facets as links: a value is chosen and let go of, and nothing else of the address is lost."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from registry.item_facets import Facet, FacetValue
from web.console.address import Address
from web.console.item_filters import SHOWN, checks_in, chips_of, choices_of

HOSTILE = "\"><script>&x=1#'% é"


def facet(name: str, *values: str) -> Facet:
    """A facet with these values."""
    return Facet(name=name, values=tuple(FacetValue(value=value, items=1) for value in values), more=False)


def test_a_value_is_chosen_and_let_go_of() -> None:
    here = Address(path="/items", filter={"type": "scan", "target": HOSTILE})
    (types, tools) = choices_of([facet("format", HOSTILE), facet("type", "scan", "log")], here, {})
    assert [(one.value, one.chosen) for one in types.first] == [("scan", True), ("log", False)]
    assert parse_qs(urlsplit(types.first[0].address).query) == {"target": [HOSTILE]}
    assert parse_qs(urlsplit(types.first[1].address).query) == {"type": ["log"], "target": [HOSTILE]}
    query = parse_qs(urlsplit(tools.first[0].address).query)
    assert query == {"type": ["scan"], "target": [HOSTILE], "payload_format": [HOSTILE]}


def test_many_values_are_there_for_who_wants_them() -> None:
    (choices,) = choices_of(
        [facet("agent", *(str(number) for number in range(SHOWN + 3)))], Address(path="/", filter={}), {}
    )
    assert (len(choices.first), len(choices.rest)) == (SHOWN, 3)


def test_conditions_are_said_and_can_be_taken_away_one_by_one() -> None:
    here = Address(path="/items", filter={"payload_format": "json", "since": "2026-01-01T00:00:00Z", "limit": "5"})
    assert [(chip.label, chip.value) for chip in chips_of(here, {})] == [
        ("Tool", "json"),
        ("Since", "2026-01-01T00:00:00Z"),
    ]
    assert parse_qs(urlsplit(chips_of(here, {})[0].address).query) == {
        "since": ["2026-01-01T00:00:00Z"],
        "limit": ["5"],
    }
    assert str(Address(path="/items", filter={})) == "/items"


def test_a_check_is_shown_by_its_name_and_chosen_by_what_it_is() -> None:
    here, names = Address(path="/items", filter={"check": "uuid-2", "agent": "uuid-1"}), {"uuid-1": "nmap here"}
    facets = [facet("check", "uuid-1", "other"), facet("agent", "uuid-1")]
    assert checks_in(facets, here) == ["uuid-1", "other", "uuid-2"]
    agents, checks = choices_of(facets, here, names)
    assert [(one.value, one.name) for one in checks.first] == [("uuid-1", "nmap here"), ("other", "other")]
    assert parse_qs(urlsplit(checks.first[0].address).query)["check"] == ["uuid-1"]
    assert agents.first[0].name == "uuid-1"
    assert [chip.value for chip in chips_of(here, names | {"uuid-2": "ping there"})] == ["ping there", "uuid-1"]
