"""Merging what many mentions say of one thing: each property by its rule, whatever order they come in.

A state is what some mentions say together, in JSON: each property's name with a list (a set of texts), with
`{"one": [...]}` (values of which none is preferred), or with `{rule: [value, at, confidence]}`: the value that the
rule prefers, when and how surely it was said. `unite` is commutative, associative and idempotent (a semilattice), so
that states can be made of parts in any order. What exactly was said stays in the mentions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import orjson

from vedette.extraction.subgraph import Value

Rule = Literal["union", "any", "latest", "earliest", "surest", "greatest", "least"]
"""union: a set of texts; any: all values, plain where there is one; the others choose one value.

latest, earliest: by when it was observed; surest: by confidence; greatest, least: by the value.
"""

Entry = list[str] | dict[str, list[Any]]
State = dict[str, Entry]

MAX_VALUES: Final = 100
"""Values of a set that a state holds: the first in order; the mentions have them all."""

MAX_VALUE: Final = 16_000
"""Characters of a text in a state; the mentions have it whole."""

_EXACT: Final = 2**63
"""From here on, whole numbers are kept as texts."""

_APART: Final = frozenset({"vertexType", "observableType"})


def fold(properties: Mapping[str, Value], *, at: int, confidence: float, rule_of: Callable[[str], Rule]) -> State:
    """Return the state of one mention.

    Args:
        properties: what it says; `vertexType` and `observableType` are not part of the state.
        at: when it was observed, UTC, microseconds.
        confidence: how sure its origin is, 0 to 1.
        rule_of: gives a property's rule.
    """
    return {
        name: _entry(value, rule_of(name), at, confidence) for name, value in properties.items() if name not in _APART
    }


def _entry(value: Value, rule: Rule, at: int, confidence: float) -> Entry:
    if rule == "union":
        return _set(value if isinstance(value, tuple) else (str(value),))
    if rule == "any":
        return _set(value) if isinstance(value, tuple) else {"one": [bounded(value)]}
    whole = list(_set(value)) if isinstance(value, tuple) else bounded(value)
    return {rule: [whole, at, confidence]}


def bounded(value: str | int | float) -> str | int | float:
    """Return a value such that equal ones are the same JSON (1 and 1.0, NaN as a text), and no text is too long."""
    if isinstance(value, str):
        return f"{value[:MAX_VALUE]}…" if len(value) > MAX_VALUE else value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _EXACT else value
    # JSON readers have 64 bits for a number; an IPv6 address has 128.
    return value if -_EXACT < value < _EXACT and not isinstance(value, bool) else str(value)


def _set(values: Sequence[str]) -> list[str]:
    if len(values) == 1:
        text = values[0]
        # Most sets are of one short text, in each of millions of mentions.
        return [text if type(text) is str and len(text) <= MAX_VALUE else str(bounded(text))]
    return sorted({str(bounded(value)) for value in values})[:MAX_VALUES]


def unite(first: State, second: State) -> State:
    """Return the state of all mentions of both."""
    if first == second:
        return first
    united = dict(first)
    for name, entry in second.items():
        known = united.get(name)
        united[name] = entry if known is None or known == entry else _united(known, entry)
    return united


def _united(first: Entry, second: Entry) -> Entry:
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        ((rule, one),) = first.items()
        other = second[rule]
        if rule == "one":
            return {"one": _ones([*one, *other])}
        return first if _rank(rule, one) >= _rank(rule, other) else second
    # Sets, or what a plain value and a set say together; also where the rule became another one with a new release.
    return _set([*texts(first), *texts(second)])


def _ones(values: Iterable[Any]) -> list[Any]:
    return [value for _, value in sorted({_key(value): value for value in values}.items())][:MAX_VALUES]


def texts(entry: Entry) -> list[str]:
    """Return an entry's values as texts."""
    if isinstance(entry, list):
        return entry
    ((rule, held),) = entry.items()
    if rule == "one":
        return [str(value) for value in held] if len(held) > 1 else [str(held[0])]
    return [str(value) for value in held[0]] if isinstance(held[0], list) else [str(held[0])]


def are_alike(first: State, second: State) -> bool:
    """Tell whether two states have the same values, whenever and however surely they were said."""
    return first.keys() == second.keys() and all(
        entry == second[name] or texts(entry) == texts(second[name]) for name, entry in first.items()
    )


def _rank(rule: str, held: list[Any]) -> tuple[Any, ...]:
    """Return what the preferred value has most of; ends with the value itself, so that only equals are equal."""
    value, at, confidence = held
    if rule == "latest":
        return (at, confidence, _key(value))
    if rule == "earliest":
        return (-at, confidence, _key(value))
    if rule == "surest":
        return (confidence, at, _key(value))
    size = _size(value)
    return (size, at, confidence, _key(value)) if rule == "greatest" else (_less(size), at, confidence, _key(value))


def _key(value: Any) -> bytes:
    return orjson.dumps(value)


def _size(value: Any) -> tuple[bool, float, str]:
    """Return what orders values: numbers by size and before texts, which have the order of their characters."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    return (False, number, "") if math.isfinite(number) else (True, 0.0, str(value))


def _less(size: tuple[bool, float, str]) -> tuple[bool, float, tuple[int, ...]]:
    """Return what orders values the other way round; the last 1 puts a text before its own beginning."""
    return (not size[0], -size[1], (*(-ord(character) for character in size[2]), 1))


def name_of(state: State) -> str:
    """Return the name that a state shows: the one that was said first."""
    entry = state["name"]
    if isinstance(entry, list):
        return entry[0]
    ((rule, held),) = entry.items()
    first = held[0][0] if rule != "one" and isinstance(held[0], list) else held[0]
    return first if isinstance(first, str) else str(first)


def values(state: State) -> dict[str, Value]:
    """Return the properties that a state shows, without the name."""
    return {name: _shown(entry) for name, entry in state.items() if name != "name"}


def _shown(entry: Entry) -> Value:
    if isinstance(entry, list):
        return tuple(entry)
    ((rule, held),) = entry.items()
    if rule == "one":
        shown: Value = held[0] if len(held) == 1 else tuple(str(value) for value in held)
        return shown
    return tuple(held[0]) if isinstance(held[0], list) else held[0]


def read_state(text: str) -> State:
    """Return a state from its JSON."""
    state: State = orjson.loads(text)
    return state


def write_state(state: State) -> str:
    """Return a state as JSON, the same for equal states."""
    return orjson.dumps(state, option=orjson.OPT_SORT_KEYS).decode()
