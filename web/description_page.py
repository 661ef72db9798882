"""An OpenAPI document as a page reads it: routes in groups, each with what it takes and what it answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

OTHER = "other"
"""The group of routes that name none."""

FIRST = ("items", "batches", "tokens", "agents", "events", "documents")
"""Groups that come first."""

LAST = ("access", "health", "metrics", "description")
"""Groups that come last."""

_REFERENCE = "#/components/schemas/"
_FEW = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A parameter or a field."""

    name: str
    """What it is called."""
    kind: str
    """What it holds, such as `integer` or `string or null`."""
    description: str
    """What it means."""
    place: str = ""
    """Of a parameter: query or path."""
    required: bool = False
    """Of a parameter: whether it must be there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A status that a route may answer with."""

    status: str
    """HTTP status code."""
    description: str
    """What it means."""
    forms: str
    """Media types, with a comma between."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    """In lower case."""
    path: str
    """With its parameters in braces."""
    anchor: str
    """Where it is on the page."""
    summary: str
    """What it does."""
    needs: str
    """Who may ask."""
    parameters: list[Named]
    """What it takes."""
    body: str
    """Media types of what it takes as a body; empty where nothing."""
    answers: list[Answer]
    """Statuses, in order."""
    fields: list[Named]
    """What a good answer in JSON holds, or a row of it."""
    is_list: bool
    """Whether those are a row's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Routes that belong together."""

    name: str
    """What they are about."""
    anchor: str
    """Where they are on the page."""
    operations: list[Operation]
    """They."""


def groups_of(document: dict[str, Any]) -> list[Group]:
    """Return the routes of an OpenAPI document in groups."""
    found: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            group = operation.get("tags", [OTHER])[0]
            found.setdefault(group, []).append(_operation(document, path, method, operation))
    # What the fleet collected comes first, what keeps the service itself running last.
    ordered = sorted(found, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name in LAST))
    return [Group(name=name, anchor=_anchor("group", name), operations=found[name]) for name in ordered]


def _operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Operation:
    fields, is_list = _fields(document, operation)
    return Operation(
        method=method,
        path=path,
        # A path with a slash at its end is another one than that without.
        anchor=_anchor(method, path, "slash" if path.endswith("/") else ""),
        summary=operation["summary"],
        needs=_needs(operation.get("x-scopes", [])),
        parameters=[_parameter(document, one) for one in operation.get("parameters", [])],
        body=", ".join(operation.get("requestBody", {}).get("content", {})),
        answers=[_answer(status, answer) for status, answer in sorted(operation["responses"].items())],
        fields=fields,
        is_list=is_list,
    )


def _needs(scopes: list[str]) -> str:
    if len(scopes) > _FEW:
        return "who is known"
    return " or ".join(scopes) or "everybody"


def _anchor(*words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")


def _parameter(document: dict[str, Any], parameter: dict[str, Any]) -> Named:
    schema = parameter.get("schema", {})
    return Named(
        name=parameter["name"],
        # That a parameter may be left out is said by its not being required.
        kind=_kind(document, schema).removesuffix(" or null"),
        description=parameter.get("description") or schema.get("description", ""),
        place=parameter["in"],
        required=parameter.get("required", False),
    )


def _answer(status: str, answer: dict[str, Any]) -> Answer:
    return Answer(status=status, description=answer["description"], forms=", ".join(answer.get("content", {})))


def _fields(document: dict[str, Any], operation: dict[str, Any]) -> tuple[list[Named], bool]:
    good: dict[str, Any] = next(
        (answer for status, answer in operation["responses"].items() if status.startswith("2")), {}
    )
    schema = _resolved(document, good.get("content", {}).get("application/json", {}).get("schema", {}))
    rows = schema.get("properties", {}).get("items", {}).get("items")
    shown = schema if rows is None else _resolved(document, rows)
    return list(_named(document, shown)), rows is not None


def _named(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[Named]:
    for name, field in schema.get("properties", {}).items():
        yield Named(name=name, kind=_kind(document, field), description=field.get("description", ""))


def _kind(document: dict[str, Any], schema: dict[str, Any]) -> str:
    schema = _resolved(document, schema)
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(document, one) for one in schema["anyOf"]))
    if schema.get("type") == "object":
        return "object"
    if schema.get("type") == "array":
        return f"list of {_kind(document, schema.get('items', {}))}"
    return str(schema.get("type", ""))


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "")
    if not reference.startswith(_REFERENCE):
        return schema
    found: dict[str, Any] = document["components"]["schemas"].get(reference.removeprefix(_REFERENCE), {})
    return found
