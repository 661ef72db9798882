"""STIX patterns (STIX 2.1, section 9): which observables the comparisons of an indicator name.

No more of the language is understood than that; qualifiers and the order of observations stay in the pattern's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from vedette.errors import VedetteError

MAX_PATTERN = 100_000
"""Characters of a pattern that is read; so it names no more than some 10,000 things."""

_TOKEN = re.compile(
    r"\s+"
    r"|(?P<path>[A-Za-z][A-Za-z0-9-]{0,249}:(?:[A-Za-z0-9_.-]|\[[*0-9]{1,9}\]|'[^'\\]{0,250}')+)"
    r"|t?(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<coded>[bh]'[^']*')"
    r"|(?P<number>[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?)"
    r"|(?P<word>[A-Za-z]+)"
    r"|(?P<sign>!=|<>|<=|>=|==|[=<>()\[\],])",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_EQUAL: Final = frozenset({"=", "=="})


class PatternError(VedetteError):
    """A pattern cannot be read; says where."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Comparison:
    type: str
    path: tuple[str, ...]
    values: tuple[str, ...]


def observed(pattern: str) -> list[dict[str, Any]]:
    """Return what a pattern looks for, as observables of STIX 2.1 without ids.

    Comparisons with `=` and `IN` name something. In an observation without `OR`, all that are of one type say
    something of the same thing, such as the name and the hash of a file.

    Raises:
        PatternError: it is no pattern, or is too long.
    """
    found: list[dict[str, Any]] = []
    for observation in _observations(list(_tokens(pattern))):
        comparisons = list(_comparisons(observation))
        alternatives = any(token.kind == "word" and token.text.upper() == "OR" for token in observation)
        found += [] if not comparisons else _separate(comparisons) if alternatives else _united(comparisons)
    return found


def _tokens(pattern: str) -> Iterator[_Token]:
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"a pattern of {len(pattern)} characters; up to {MAX_PATTERN} are read")
    at = 0
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        if found is None:
            raise PatternError(f"no STIX pattern at character {at}: {pattern[at : at + 20]!r}")
        if found.lastgroup:
            yield _Token(found.lastgroup, found[found.lastgroup])
        at = found.end()


def _observations(tokens: list[_Token]) -> Iterator[list[_Token]]:
    """Yield what stands between brackets."""
    inside: list[_Token] | None = None
    seen = False
    for token in tokens:
        if token == _Token("sign", "["):
            if inside is not None:
                raise PatternError("no STIX pattern: a bracket within brackets")
            inside, seen = [], True
        elif token == _Token("sign", "]"):
            if inside is None:
                raise PatternError("no STIX pattern: a bracket closes that was not opened")
            yield inside
            inside = None
        elif inside is not None:
            inside.append(token)
    if inside is not None or not seen:
        raise PatternError("no STIX pattern: it has no brackets, or one that is not closed")


def _comparisons(tokens: list[_Token]) -> Iterator[_Comparison]:
    for index, token in enumerate(tokens[:-2]):
        if token.kind != "path":
            continue
        type, _, path = token.text.partition(":")
        operator, operand = tokens[index + 1], tokens[index + 2]
        values: tuple[str, ...] = ()
        if operator.text in _EQUAL and operand.kind in {"text", "number"}:
            values = (_value(operand),)
        elif operator.text.upper() == "IN" and operand.text == "(":
            values = tuple(_listed(islice(tokens, index + 3, None)))
        if values:
            yield _Comparison(type, _steps(path), values)


def _listed(tokens: Iterable[_Token]) -> Iterator[str]:
    """Yield the values of a list, up to its closing bracket or whatever else is no value."""
    for token in tokens:
        if token.kind in {"text", "number"}:
            yield _value(token)
        elif token.text != ",":
            return


def _value(token: _Token) -> str:
    return _ESCAPED.sub(r"\1", token.text[1:-1]) if token.kind == "text" else token.text


def _steps(path: str) -> tuple[str, ...]:
    """Return the fields of a path, without indexes: `hashes.'SHA-256'`, `to_refs[*].value`."""
    return tuple(re.sub(r"\[[^\]]*\]", "", step).strip("'") for step in path.split("."))


def _separate(comparisons: list[_Comparison]) -> list[dict[str, Any]]:
    return [made for one in comparisons for value in one.values for made in _objects(one, value)]


def _united(comparisons: list[_Comparison]) -> list[dict[str, Any]]:
    several = [one for one in comparisons if len(one.values) > 1]
    by_type: dict[str, dict[str, Any]] = {}
    parts: list[dict[str, Any]] = []
    for one in comparisons:
        if len(one.values) != 1:
            continue
        for made in _objects(one, one.values[0]):
            if made["type"] == one.type and not one.path[0].endswith(("_ref", "_refs")):
                _merge(by_type.setdefault(one.type, {"type": one.type}), made)
            else:
                parts.append(made)
    return [*by_type.values(), *parts, *_separate(several)]


def _merge(into: dict[str, Any], made: Mapping[str, Any]) -> None:
    for name, value in made.items():
        if name == "hashes" and isinstance(into.get("hashes"), dict):
            into["hashes"].update(value)
        else:
            into.setdefault(name, value)


def _objects(comparison: _Comparison, value: str) -> list[dict[str, Any]]:
    """Return the observable that a comparison names: the object itself, or one that it refers to."""
    first, last = comparison.path[0], comparison.path[-1]
    if first.endswith(("_ref", "_refs")):
        return [{"type": _referred(first, value), "value": value}] if last == "value" else []
    if first == "hashes":
        return [{"type": comparison.type, "hashes": {last: value}}] if len(comparison.path) > 1 else []
    return [{"type": comparison.type, first: value}] if len(comparison.path) == 1 else []


def _referred(field: str, value: str) -> str:
    """Return the type of what a field refers to that has this value."""
    if "@" in value:
        return "email-addr"
    if field in {"src_ref", "dst_ref", "resolves_to_refs"} and value.replace(".", "").replace("/", "").isdigit():
        return "ipv4-addr"
    return "ipv6-addr" if value.count(":") > 1 else "domain-name"
