"""A tool's arguments as fields of a form, and what was filled in as arguments again."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from vedette.errors import RefusedError
from vedette.people.forms import Answer, Field, FieldKind

Schema = Mapping[str, Any]

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?")

_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "pattern": "matches {}",
}


def fields_of(schema: Schema, *, prefix: str = "") -> tuple[Field, ...]:
    """Return the fields that ask for the arguments of a JSON schema, in its order.

    Files of the machine that does the work are not asked for: no job may name one.
    """
    needed = schema.get("required", [])
    return tuple(_field(f"{prefix}{name}", part, required=name in needed) for name, part in _properties(schema))


def arguments_of(schema: Schema, answer: Answer, *, prefix: str = "") -> dict[str, Any]:
    """Return the arguments that were filled in; what is as the schema has it anyway is left out.

    Raises:
        RefusedError: a value is not of the kind that its field asks for.
    """
    found: dict[str, Any] = {}
    for name, part in _properties(schema):
        values = answer.get(f"{prefix}{name}", ())
        if not values:
            if part.get("type") == "array" and part.get("default"):
                # A list that somebody emptied is not the default.
                found[name] = []
            continue
        value = _value(f"{prefix}{name}", part, values)
        if "default" not in part or value != part["default"] or type(value) is not type(part["default"]):
            found[name] = value
    return found


def _properties(schema: Schema) -> Iterator[tuple[str, Schema]]:
    definitions = schema.get("$defs", {})
    for name, part in schema.get("properties", {}).items():
        resolved = _resolved(part, definitions)
        if resolved.get("format") != "path":
            yield name, resolved


def _resolved(part: Schema, definitions: Mapping[str, Any]) -> Schema:
    """Return a part without references and without the choice of null: a field that is left empty is that."""
    own = {key: value for key, value in part.items() if key not in {"$ref", "anyOf"}}
    if "$ref" in part:
        target = definitions.get(part["$ref"].rpartition("/")[2], {})
        return {**_resolved(target, definitions), **own}
    choices = [choice for choice in part.get("anyOf", []) if choice.get("type") != "null"]
    if len(choices) == 1:
        return {**_resolved(choices[0], definitions), **own}
    if isinstance(part.get("items"), Mapping):
        return {**part, "items": _resolved(part["items"], definitions)}
    return part


def _field(name: str, part: Schema, *, required: bool) -> Field:
    kind, options = _kind(part)
    default = part.get("default")
    return Field(
        name=name,
        kind=kind,
        label=part.get("title", name),
        values=() if default is None else _texts(default),
        required=required,
        options=options,
        help=_help(part),
    )


def _kind(part: Schema) -> tuple[FieldKind, tuple[str, ...]]:
    if _is_choice(part):
        return FieldKind.LIST_SINGLE, tuple(part["enum"])
    if part.get("type") == "array":
        items = part.get("items", {})
        return (FieldKind.LIST_MULTI, tuple(items["enum"])) if _is_choice(items) else (FieldKind.TEXT_MULTI, ())
    return (FieldKind.BOOLEAN if part.get("type") == "boolean" else FieldKind.TEXT_SINGLE), ()


def _is_choice(part: Schema) -> bool:
    return "enum" in part and all(isinstance(option, str) for option in part["enum"])


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_one_text, value)) if isinstance(value, list) else (_one_text(value),)


def _one_text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else orjson.dumps(value).decode()


def _help(part: Schema) -> str:
    bounds = part.get("items", {}) if part.get("type") == "array" else part
    limits = [text.format(bounds[key]) for key, text in _LIMITS.items() if key in bounds]
    words = " ".join(str(part.get("description", "")).split())
    return f"{words} ({', '.join(limits)})" if limits else words


def _value(name: str, part: Schema, values: tuple[str, ...]) -> Any:
    if part.get("type") == "array":
        return [_single(name, part.get("items", {}), value) for value in values]
    return _single(name, part, values[0])


def _single(name: str, part: Schema, text: str) -> Any:
    kind = part.get("type")
    if kind == "string" or _is_choice(part):
        return text
    if kind == "boolean":
        return text == "1"
    if kind == "integer":
        if not _WHOLE.fullmatch(text):
            raise RefusedError(name, f"{text[:64]!r} is not a whole number")
        return int(text)
    if kind == "number":
        if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
            raise RefusedError(name, f"{text[:64]!r} is not a number")
        return float(text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RefusedError(name, "is not JSON") from error
