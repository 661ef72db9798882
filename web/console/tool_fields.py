"""A form's fields from the JSON schema of a tool's arguments; values as texts, and back. Pure, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import orjson

FieldKind = Literal["text", "integer", "number", "switch", "choice", "choices", "list", "json"]

MAX_FIELDS: Final = 64
"""Fields of one form, the options of a choice of several apart."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z")
_NUMBER = re.compile(r"[+-]?([0-9]{1,18}\.?[0-9]{0,18}|\.[0-9]{1,18})([eE][+-]?[0-9]{1,3})?\Z")
_APART = re.compile(r"[,\s]+")
_REFERENCE: Final = "#/$defs/"
_KINDS: Final[Mapping[str, FieldKind]] = MappingProxyType(
    {"string": "text", "integer": "integer", "number": "number", "boolean": "switch"}
)

Schema = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolField:
    """One argument, as a form asks for it."""

    name: str
    """The argument's name."""
    label: str
    """The same for people."""
    help: str
    """What it is, in the tool's words."""
    kind: FieldKind
    """How it is asked for."""
    required: bool = False
    """Whether there must be a value."""
    options: tuple[str, ...] = ()
    """What can be chosen."""
    items: FieldKind = "text"
    """Of a list: what each entry is."""
    hint: str = ""
    """What is possible, such as `1 to 65535`."""
    default: Any = None
    """Its value where nothing is said."""

    @property
    def key(self) -> str:
        """What it is called in the form."""
        return f"a.{self.name}"


def fields_of(schema: Schema) -> list[ToolField]:
    """Return a form's fields; arguments that name files are left out, as jobs may not use them."""
    definitions = _mapping(schema.get("$defs"))
    required = schema.get("required")
    wanted = set(required) if isinstance(required, list) else set()
    found = [
        _field(name, _plain(_mapping(part), definitions), _mapping(part), required=name in wanted)
        for name, part in _mapping(schema.get("properties")).items()
        if _plain(_mapping(part), definitions).get("format") not in ("path", "file-path", "directory-path")
    ]
    return found[:MAX_FIELDS]


def texts_of(fields: Iterable[ToolField], arguments: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts with which a form begins: those of the arguments, else the defaults."""
    texts: dict[str, str] = {}
    for field in fields:
        value = arguments.get(field.name, field.default)
        if field.kind == "choices":
            chosen = value if isinstance(value, list | tuple) else ()
            texts |= {f"{field.key}.{option}": "on" for option in field.options if option in map(str, chosen)}
        elif field.kind == "switch":
            texts |= {field.key: "on"} if value is True else {}
        elif value is not None:
            texts[field.key] = written(value)
    return texts


def values_of(fields: Iterable[ToolField], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments that a form's texts mean; what cannot be read stays a text, which the tool refuses."""
    found = {field.name: _value(field, texts) for field in fields}
    defaults = {field.name: field.default for field in fields}
    return {name: value for name, value in found.items() if value is not None and value != defaults[name]}


def _value(field: ToolField, texts: Mapping[str, str]) -> Any:
    if field.kind == "switch":
        return field.key in texts
    if field.kind == "choices":
        return [option for option in field.options if f"{field.key}.{option}" in texts]
    text = texts.get(field.key, "").strip()
    if not text:
        return None
    if field.kind == "list":
        return [_scalar(field.items, part) for part in _APART.split(text) if part]
    return _scalar(field.kind, text)


def _scalar(kind: FieldKind, text: str) -> Any:
    if kind == "integer" and _INTEGER.match(text):
        return int(text)
    if kind == "number" and _NUMBER.match(text):
        return float(text)
    if kind == "json":
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return text


def _field(name: str, plain: Schema, part: Schema, *, required: bool) -> ToolField:
    kind = _kind(plain)
    items = _mapping(plain.get("items"))
    options = _options(items if kind == "choices" else plain)
    return ToolField(
        name=name,
        label=name.replace("_", " ").replace("-", " ").strip().capitalize() or name,
        help=str(part.get("description") or plain.get("description") or ""),
        kind=kind,
        required=required,
        options=options,
        items=_kind(items) if kind == "list" else "text",
        hint=_hint(kind, items if kind == "list" else plain),
        default=part.get("default"),
    )


def _plain(part: Schema, definitions: Schema) -> Schema:
    """Return what a part is, references followed and `or null` left out."""
    for _ in range(8):
        reference = part.get("$ref")
        several = part.get("anyOf") or part.get("allOf")
        if isinstance(reference, str) and reference.startswith(_REFERENCE):
            part = _mapping(definitions.get(reference.removeprefix(_REFERENCE)))
        elif isinstance(several, list):
            kinds = [_mapping(one) for one in several if _mapping(one).get("type") != "null"]
            if len(kinds) != 1:
                return {}
            part = kinds[0]
        else:
            break
    items = part.get("items")
    return {**part, "items": _plain(_mapping(items), definitions)} if isinstance(items, dict) else part


def _kind(plain: Schema) -> FieldKind:
    if _options(plain):
        return "choice"
    kind = plain.get("type")
    if kind == "array":
        items = _kind(_mapping(plain.get("items")))
        return "choices" if items == "choice" else "list" if items in ("text", "integer", "number") else "json"
    return _KINDS.get(kind, "json") if isinstance(kind, str) else "json"


def _options(plain: Schema) -> tuple[str, ...]:
    values = plain.get("enum")
    return tuple(values) if isinstance(values, list) and all(isinstance(one, str) for one in values) else ()


def _hint(kind: FieldKind, plain: Schema) -> str:
    least, most = plain.get("minimum"), plain.get("maximum")
    above = plain.get("exclusiveMinimum")
    parts = ["several, with commas between"] if kind == "list" else ["as JSON"] if kind == "json" else []
    if least is not None and most is not None:
        parts.append(f"{least} to {most}")
    elif most is not None:
        parts.append(f"more than {above}, at most {most}" if above is not None else f"at most {most}")
    elif least is not None:
        parts.append(f"at least {least}")
    return ", ".join(parts)


def written(value: Any) -> str:
    """Return a value as it is typed into a field."""
    if isinstance(value, list | tuple) and all(isinstance(one, str | int | float) for one in value):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def _mapping(value: Any) -> Schema:
    return value if isinstance(value, dict) else {}


def words_of(text: str) -> Sequence[str]:
    """Return the entries of a text that names several things: with commas, blanks or line ends between."""
    return [part for part in _APART.split(text) if part]
