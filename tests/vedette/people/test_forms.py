"""Forms: what is asked is what a client can show, and nothing comes back that was not asked."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.errors import RefusedError
from vedette.people.forms import (
    DATA,
    MAX_FIELDS,
    MAX_SUBMISSION,
    MAX_VALUES,
    Answer,
    Field,
    FieldKind,
    Form,
    check_answer,
    read_submission,
    to_element,
)

FORM = Form(
    title="Run",
    to_fill_in=True,
    fields=(
        Field(name="", kind=FieldKind.FIXED, values=("Read this.",)),
        Field(name="targets", kind=FieldKind.TEXT_MULTI, required=True),
        Field(name="tool", kind=FieldKind.LIST_SINGLE, options=("dns", "nmap")),
        Field(name="types", kind=FieldKind.LIST_MULTI, options=("A", "MX")),
        Field(name="banner", kind=FieldKind.BOOLEAN),
        Field(name="place"),
    ),
)


def submitted(answer: Answer, *, kind: str = "submit") -> Element:
    x = Element(f"{{{DATA}}}x", {"type": kind})
    for name, values in answer.items():
        field = SubElement(x, f"{{{DATA}}}field", {"var": name})
        for value in values:
            SubElement(field, f"{{{DATA}}}value").text = value
    return x


def test_what_is_filled_in_comes_back_checked() -> None:
    given = {"targets": ("a ", "", "b"), "tool": ("nmap",), "types": ("MX", "A"), "banner": ("true",), "place": ("",)}
    answer = check_answer(FORM, read_submission(submitted(given)))
    assert answer == {"targets": ("a", "b"), "tool": ("nmap",), "types": ("MX", "A"), "banner": ("1",)}


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"more": ("x",)}, "more", "was not asked for"),
        ({"targets": ()}, "targets", "is needed"),
        ({"targets": (" ", "")}, "targets", "is needed"),
        ({"tool": ("rm",)}, "tool", "not one of the options"),
        ({"tool": ("dns", "nmap")}, "tool", "takes one value"),
        ({"types": ("A", "AXFR")}, "types", "not one of the options"),
        ({"banner": ("maybe",)}, "banner", "neither true nor false"),
        ({"place": ("x" * 5000,)}, "place", "more than 4096 characters"),
    ],
    ids=["unknown", "missing", "blank", "no-option", "several", "one-no-option", "no-truth", "long"],
)
def test_what_does_not_fit_is_refused(changes: dict[str, tuple[str, ...]], field: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason) as caught:
        check_answer(FORM, {"targets": ("a",), **changes})
    assert caught.value.field == field


twice = submitted({"a": ()})
twice.append(twice[0])


@pytest.mark.parametrize(
    "element",
    [
        submitted({"a": ("1",)}, kind="form"),
        submitted({f"f{number}": () for number in range(MAX_FIELDS + 1)}),
        submitted({"a": ("1",) * (MAX_VALUES + 1)}),
        submitted({"a": ("x" * (MAX_SUBMISSION + 1),)}),
        twice,
        Element("x", {"type": "submit"}),
    ],
    ids=["not-submitted", "many-fields", "many-values", "huge", "twice", "no-form"],
)
def test_what_is_no_form_of_ours_is_refused(element: Element) -> None:
    with pytest.raises(RefusedError):
        read_submission(element)


def test_a_table_and_a_result_have_the_form_of_the_specification() -> None:
    columns = (Field(name="jid", kind=FieldKind.JID_SINGLE, label="Agent"), Field(name="why"))
    x = to_element(Form(title="Fleet", fields=columns, rows=(("a@b", "x"), ("c@d", ""))))
    assert x.get("type") == "result"
    assert [child.tag.partition("}")[2] for child in x] == ["title", "field", "reported", "item", "item"]
    assert [value.text for value in x[1]] == ["a@b | x", "c@d"]
    assert [field.get("var") for field in x[2]] == ["jid", "why"]
    assert [field.findtext(f"{{{DATA}}}value") for field in x[3]] == ["a@b", "x"]


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\x00\x1b\ufffe\udc80")))
def test_whatever_is_shown_can_be_written_and_read_again(text: str) -> None:
    form = Form(title=text, instructions=text, fields=(Field(name="a", label=text, values=(text,), help=text),))
    again = fromstring(tostring(to_element(form)))  # noqa: S314 - what is parsed is our own
    assert len(again.findall(f".//{{{DATA}}}value")) == 1


@given(st.dictionaries(st.text(max_size=8), st.lists(st.text(max_size=8), max_size=4).map(tuple), max_size=6))
def test_whatever_comes_back_is_checked_or_refused(given: Answer) -> None:
    try:
        answer = check_answer(FORM, given)
    except RefusedError:
        return
    assert set(answer) <= {"targets", "tool", "types", "banner", "place"}
    assert answer["targets"]
