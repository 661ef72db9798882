"""Forms from schemas: every kind of argument, what is typed for it, and what a strange plug-in might say."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from vedette.tools.catalogue import Catalogue
from vedette.tools.interface import Arguments
from web.console.tool_fields import MAX_FIELDS, ToolField, fields_of, texts_of, values_of, words_of


class Colour(StrEnum):
    """Reached through a reference."""

    RED = "red"
    BLUE = "blue"


class Everything(Arguments):
    """A tool with an argument of every kind."""

    name: str
    """What it is called; `x` is good."""
    count: Annotated[int, Field(ge=1, le=9)] = 3
    """How many."""
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    deep: bool = False
    loud: bool = True
    way: Literal["up", "down"] = "up"
    colour: Colour | None = None
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = (80, 443)
    colours: tuple[Literal["red", "blue"], ...] = ("red",)
    words: tuple[str, ...] = ()
    file: Path | None = None
    more: Annotated[dict[str, int], Field(default_factory=dict)]
    either: int | str = 1


FIELDS = {field.name: field for field in fields_of(Everything.model_json_schema())}


def test_each_kind_of_argument_is_asked_for_in_its_way() -> None:
    kinds = {name: field.kind for name, field in FIELDS.items()}
    assert kinds == {
        "name": "text",
        "count": "integer",
        "share": "number",
        "deep": "switch",
        "loud": "switch",
        "way": "choice",
        "colour": "choice",
        "ports": "list",
        "colours": "choices",
        "words": "list",
        "more": "json",
        "either": "json",
    }
    assert FIELDS["name"].required
    assert FIELDS["name"].help == "What it is called; `x` is good."
    assert FIELDS["count"].hint == "1 to 9"
    assert FIELDS["share"].hint == "more than 0, at most 1"
    assert FIELDS["colour"].options == ("red", "blue")
    assert FIELDS["ports"].hint == "several, with commas between, 1 to 65535"


def test_a_form_that_nobody_touched_means_the_defaults() -> None:
    fields = list(FIELDS.values())
    texts = texts_of(fields, {})
    assert texts["a.ports"] == "80, 443"
    assert texts["a.loud"] == "on"
    assert texts["a.colours.red"] == "on"
    assert values_of(fields, texts) == {}


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "a b", "count": 5, "share": 0.5, "deep": True, "loud": False, "way": "down"},
        {"name": "x", "colour": "blue", "ports": [1, 65535], "colours": ["red", "blue"], "words": ["a", "b-c"]},
        {"name": "x", "more": {"a": 1}, "either": "text"},
    ],
    ids=["plain", "several", "json"],
)
def test_what_was_asked_for_before_is_asked_for_again(arguments: dict[str, Any]) -> None:
    fields = list(FIELDS.values())
    values = values_of(fields, texts_of(fields, arguments))
    assert values == arguments
    Everything.model_validate(values)


def test_what_cannot_be_read_stays_as_it_was_typed() -> None:
    fields = list(FIELDS.values())
    typed = {"a.name": " x ", "a.count": "many", "a.share": "1e9999999", "a.ports": "22,\n x 80,", "a.more": "{"}
    values = values_of(fields, typed)
    assert (values["name"], values["count"], values["share"]) == ("x", "many", "1e9999999")
    assert values["ports"] == [22, "x", 80]
    assert values["more"] == "{"


@pytest.mark.parametrize("name", Catalogue().tool_names)
def test_every_tool_of_ours_has_a_form_with_words_beside_each_field(name: str) -> None:
    fields = fields_of(Catalogue().tool(name, place="test").Arguments.model_json_schema())
    assert all(field.help for field in fields)
    assert not {"ca", "dpkg_status"} & {field.name for field in fields}, "jobs may not name files"
    assert values_of(fields, texts_of(fields, {})) == {}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"properties": None, "required": "x"},
        {"properties": {"a": None, "b": {"type": ["string", "null"]}, "c": {"$ref": "#/$defs/none"}}},
        {"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"properties": {"a": {"anyOf": [1, 2]}, "b": {"type": "array", "items": 3}, "c": {"enum": [1, 2]}}},
        {"properties": {f"p{number}": {"type": "string"} for number in range(500)}},
        {"properties": {'"><script>': {"type": "string", "description": 7, "default": {"x": "y"}}}},
    ],
    ids=["nothing", "no-objects", "unions", "circle", "nonsense", "many", "hostile"],
)
def test_a_strange_schema_breaks_nothing(schema: dict[str, Any]) -> None:
    fields = fields_of(schema)
    assert len(fields) <= MAX_FIELDS
    assert isinstance(values_of(fields, texts_of(fields, {})), dict)


def test_entries_are_apart_by_commas_blanks_and_line_ends() -> None:
    assert words_of(" a@b, c\n\n d\t") == ["a@b", "c", "d"]
    assert ToolField(name="x", label="X", help="", kind="text").key == "a.x"
