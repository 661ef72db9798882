"""Forms as XMPP clients show them (XEP-0004), and what comes back, checked before anybody believes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from xml.etree.ElementTree import Element, SubElement

from vedette.errors import RefusedError

DATA = "jabber:x:data"

MAX_FIELDS = 128
"""Fields of a form that somebody sends."""

MAX_VALUES = 4096
"""Values of one field: as many as a job may have targets."""

MAX_VALUE = 4096
"""Characters of one value."""

MAX_SUBMISSION = 256 * 1024
"""Characters of a form in all."""

_TRUTH = {"1": "1", "true": "1", "0": "0", "false": "0"}

# What XML 1.0 section 2.2 has no way to write: one of these would end the stream.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Answer = Mapping[str, tuple[str, ...]]
"""What somebody filled in, by field; what was left empty is not there."""


class FieldKind(StrEnum):
    """What a field holds (XEP-0004 section 3.3)."""

    BOOLEAN = "boolean"
    FIXED = "fixed"
    JID_SINGLE = "jid-single"
    LIST_MULTI = "list-multi"
    LIST_SINGLE = "list-single"
    TEXT_MULTI = "text-multi"
    TEXT_SINGLE = "text-single"


_LISTS = frozenset({FieldKind.LIST_MULTI, FieldKind.LIST_SINGLE})
_SEVERAL = frozenset({FieldKind.LIST_MULTI, FieldKind.TEXT_MULTI})


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field of a form."""

    name: str
    """Its `var`; empty for text between fields."""
    kind: FieldKind = FieldKind.TEXT_SINGLE
    """What it holds."""
    label: str = ""
    """What people read."""
    values: tuple[str, ...] = ()
    """What is in it; several only where the kind allows it."""
    required: bool = False
    """Whether it must be filled in."""
    options: tuple[str, ...] = ()
    """What a list offers."""
    labels: tuple[str, ...] = ()
    """What people read in place of each option; empty: the options themselves."""
    help: str = ""
    """One line more, which clients show beside it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """A form to fill in, or a result: fields, or a table."""

    title: str
    """Heading."""
    instructions: str = ""
    """What to do."""
    fields: tuple[Field, ...] = ()
    """The fields; of a table, its columns."""
    rows: tuple[tuple[str, ...], ...] | None = None
    """A table's rows, one text a column; None: no table."""
    to_fill_in: bool = False
    """Whether somebody is to fill it in."""

    def filled(self, answer: Answer) -> Form:
        """Return it with what somebody filled in before, so that nothing has to be typed again."""
        fields = tuple(
            field if field.kind is FieldKind.FIXED else replace(field, values=answer.get(field.name, ()))
            for field in self.fields
        )
        return replace(self, fields=fields)


def clean(text: str) -> str:
    """Return text that XML can carry: what others named or said must not end the stream."""
    return _UNWRITABLE.sub("�", text)


def to_element(form: Form) -> Element:
    """Return a form as its element (XEP-0004 section 3)."""
    x = Element(f"{{{DATA}}}x", {"type": "form" if form.to_fill_in else "result"})
    _text(x, "title", form.title)
    if form.instructions:
        _text(x, "instructions", form.instructions)
    if form.rows is None:
        for field in form.fields:
            x.append(_field(field, described=True))
        return x
    # There are clients that show no tables (profanity): for them the same in lines.
    lines = tuple(" | ".join(filter(None, row)) for row in form.rows)
    x.append(_field(Field(name="lines", kind=FieldKind.TEXT_MULTI, label=form.title, values=lines), described=True))
    reported = SubElement(x, f"{{{DATA}}}reported")
    for column in form.fields:
        reported.append(_field(column, described=True))
    for row in form.rows:
        item = SubElement(x, f"{{{DATA}}}item")
        for column, value in zip(form.fields, row, strict=True):
            item.append(_field(Field(name=column.name, values=(value,)), described=False))
    return x


def _field(field: Field, *, described: bool) -> Element:
    element = Element(f"{{{DATA}}}field")
    if field.name:
        element.set("var", field.name)
    if described:
        element.set("type", field.kind.value)
        if field.label:
            element.set("label", clean(field.label))
    if field.help:
        _text(element, "desc", field.help)
    if field.required:
        SubElement(element, f"{{{DATA}}}required")
    for value in field.values:
        _text(element, "value", value)
    for option, label in zip(field.options, field.labels or field.options, strict=True):
        _text(SubElement(element, f"{{{DATA}}}option", {"label": clean(label)}), "value", option)
    return element


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, f"{{{DATA}}}{name}").text = clean(text)


def read_submission(x: Element) -> Answer:
    """Return what a submitted form says, field by field, whatever it was asked.

    Raises:
        RefusedError: it is not a submitted form, or larger than any of ours.
    """
    if x.tag != f"{{{DATA}}}x" or x.get("type") != "submit":
        raise RefusedError("form", "is not a submitted form (XEP-0004)")
    given: dict[str, tuple[str, ...]] = {}
    size = 0
    for field in x.findall(f"{{{DATA}}}field"):
        name = field.get("var", "")
        values = tuple(value.text or "" for value in field.findall(f"{{{DATA}}}value"))
        size += len(name) + sum(map(len, values)) + len(values)
        if len(given) >= MAX_FIELDS or len(values) > MAX_VALUES or size > MAX_SUBMISSION:
            raise RefusedError("form", "is larger than any form that is asked for here")
        if not name:
            # A client may send back the text between the fields, which has no name (XEP-0004 section 3.3).
            continue
        if name in given:
            raise RefusedError(name[:64], "is there twice")
        given[name] = values
    return given


def check_answer(form: Form, given: Answer) -> Answer:
    """Return what was filled in, checked against the form that was asked.

    Raises:
        RefusedError: a field is unknown, missing, not one of the options, or of another kind.
    """
    asked = {field.name: field for field in form.fields if field.kind is not FieldKind.FIXED}
    fixed = {field.name for field in form.fields if field.kind is FieldKind.FIXED}
    for name in given:
        if name not in asked and name not in fixed:
            raise RefusedError(name[:64], "was not asked for")
    answer: dict[str, tuple[str, ...]] = {}
    for name, field in asked.items():
        values = _values(field, given.get(name, ()))
        if values:
            answer[name] = values
        elif field.required:
            raise RefusedError(name, "is needed")
    return answer


def _values(field: Field, given: tuple[str, ...]) -> tuple[str, ...]:
    values = tuple(value.strip() for value in given if value.strip())
    if len(values) > 1 and field.kind not in _SEVERAL:
        raise RefusedError(field.name, "takes one value")
    for value in values:
        if len(value) > MAX_VALUE:
            raise RefusedError(field.name, f"has a value of more than {MAX_VALUE} characters")
        if field.kind in _LISTS and value not in field.options:
            raise RefusedError(field.name, f"{value[:64]!r} is not one of the options")
    if field.kind is FieldKind.BOOLEAN:
        return tuple(_truth(field, value) for value in values)
    return values


def _truth(field: Field, value: str) -> str:
    if value not in _TRUTH:
        raise RefusedError(field.name, "is neither true nor false")
    return _TRUTH[value]
