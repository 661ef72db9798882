"""Tools and parsers by name, other people's included, broken ones too."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import pytest

from vedette.errors import ConfigurationError
from vedette.tools.catalogue import PARSERS, TOOLS, Catalogue

TOOL_NAMES = ["dns", "http-headers", "nmap", "packages", "tcp-connect", "tls-certificate"]
PARSER_NAMES = ["json", "key-value", "lines", "nmap", "none"]


def test_ours_are_there_and_whole() -> None:
    catalogue = Catalogue()
    assert set(TOOL_NAMES) <= set(catalogue.tool_names)
    assert set(PARSER_NAMES) <= set(catalogue.parser_names)
    assert catalogue.broken() == {}


@pytest.mark.parametrize("name", TOOL_NAMES)
def test_a_tool_says_what_it_is(name: str) -> None:
    tool = Catalogue().tool(name, place="f")
    assert tool.name == name
    assert tool.summary
    assert tool.Arguments.model_config["extra"] == "forbid"


@pytest.mark.parametrize("name", PARSER_NAMES)
def test_a_parser_says_what_it_is(name: str) -> None:
    parser = Catalogue().parser(name, place="f")
    assert (parser.name, parser.label) == (name, f"{name}/1")


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Catalogue().tool("tcp-conect", place="probe.json")
    assert str(caught.value) == "probe.json: command: unknown tool 'tcp-conect'; did you mean 'tcp-connect'?"
    with pytest.raises(ConfigurationError, match="unknown parser 'xyz'; known are json, "):
        Catalogue().parser("xyz", place="probe.json")


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("no.such.module:Thing", "ModuleNotFoundError"),
        ("vedette.tools.dns:NoSuchThing", "AttributeError"),
        ("vedette.tools.interface:Tool", "TypeError"),
        ("vedette.errors:VedetteError", "is not a vedette tool"),
        ("vedette.tools.parsers.text:LinesParser", "is not a vedette tool"),
    ],
)
def test_a_broken_plug_in_is_named_and_harms_no_other(value: str, cause: str) -> None:
    catalogue = Catalogue(tools=[*entry_points(group=TOOLS), EntryPoint("broken", value, TOOLS)])
    with pytest.raises(ConfigurationError, match=cause):
        catalogue.tool("broken", place="f")
    assert list(catalogue.broken()) == ["vedette.tools:broken"]
    assert catalogue.tool("dns", place="f").name == "dns"


def test_a_later_plug_in_does_not_replace_an_earlier_one() -> None:
    parsers = [*entry_points(group=PARSERS), EntryPoint("lines", "no.such.module:Thing", PARSERS)]
    assert Catalogue(parsers=parsers).parser("lines", place="f").name == "lines"
