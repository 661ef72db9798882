"""A tool's schema as a form and back: what somebody leaves as it is means nothing, what is changed arrives typed."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from vedette.errors import RefusedError
from vedette.people.forms import Answer, FieldKind, Form, check_answer
from vedette.people.schema_fields import arguments_of, fields_of
from vedette.tools.catalogue import Catalogue


class Wanted(BaseModel):
    """Every kind of argument."""

    ports: list[int]
    name: str
    mode: Literal["fast", "slow"] = "fast"
    kinds: list[Literal["A", "MX"]] = ["A"]
    limit: float = 2.5
    count: int | None = None
    quiet: bool = False
    words: list[str] = []


SCHEMA = Wanted.model_json_schema()
PLAIN = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=12)


def test_each_kind_of_argument_has_its_kind_of_field() -> None:
    found = {field.name: (field.kind, field.required, field.values) for field in fields_of(SCHEMA)}
    assert found == {
        "ports": (FieldKind.TEXT_MULTI, True, ()),
        "name": (FieldKind.TEXT_SINGLE, True, ()),
        "mode": (FieldKind.LIST_SINGLE, False, ("fast",)),
        "kinds": (FieldKind.LIST_MULTI, False, ("A",)),
        "limit": (FieldKind.TEXT_SINGLE, False, ("2.5",)),
        "count": (FieldKind.TEXT_SINGLE, False, ()),
        "quiet": (FieldKind.BOOLEAN, False, ("0",)),
        "words": (FieldKind.TEXT_MULTI, False, ()),
    }


@given(
    st.builds(
        Wanted,
        ports=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=4),
        name=PLAIN,
        mode=st.sampled_from(["fast", "slow"]),
        kinds=st.lists(st.sampled_from(["A", "MX"]), max_size=2, unique=True),
        limit=st.floats(-(10.0**9), 10.0**9, allow_subnormal=False).map(lambda number: round(number, 6)),
        count=st.none() | st.integers(0, 10**9),
        quiet=st.booleans(),
        words=st.lists(PLAIN, max_size=3),
    )
)
def test_what_is_filled_in_is_what_the_tool_gets(wanted: Wanted) -> None:
    # Given a form that somebody filled in as a client would
    answer = {name: texts(value) for name, value in wanted.model_dump().items() if value not in (None, [])}
    checked = check_answer(Form(title="", fields=fields_of(SCHEMA)), answer)
    # Then the arguments are the same, and none is there that is as it would be anyway
    arguments = arguments_of(SCHEMA, checked)
    assert Wanted.model_validate(arguments) == wanted
    defaults = Wanted(ports=[0], name="x").model_dump()
    assert not [name for name in arguments if name not in ("ports", "name") and arguments[name] == defaults[name]]


def texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (str(value).lower(),)
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


@pytest.mark.parametrize("name", [name for name in Catalogue().tool_names])
def test_a_form_that_is_sent_back_as_it_came_asks_for_nothing(name: str) -> None:
    schema = Catalogue().tool(name, place="test").Arguments.model_json_schema()
    fields = fields_of(schema, prefix="argument:")
    answer: Answer = {field.name: field.values for field in fields if field.values}
    assert arguments_of(schema, answer, prefix="argument:") == {}
    # And no file of the machine is asked for
    paths = [key for key, part in schema["properties"].items() if "'path'" in str(part)]
    assert {field.name for field in fields} == {f"argument:{key}" for key in schema["properties"] if key not in paths}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ports", "x"),
        ("ports", "1.5"),
        ("ports", "9" * 5000),
        ("count", "0x10"),
        ("count", "\u0661"),
        ("limit", "nan"),
        ("limit", "1e999"),
        ("limit", "Infinity"),
    ],
)
def test_what_is_no_number_is_refused(name: str, value: str) -> None:
    with pytest.raises(RefusedError) as caught:
        arguments_of(SCHEMA, {name: (value,)})
    assert caught.value.field == name
