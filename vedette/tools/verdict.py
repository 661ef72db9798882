"""Is a result what was expected? Pure: the rules of `expected_value`.

| `expected_value` | as expected, when |
| --- | --- |
| absent, `null`, `""` | no verdict |
| `"re:<pattern>"` | the pattern is found in the output (Python `re`, at most the first 64 KiB) |
| another string | it equals the output, white space at both ends apart |
| a number | it equals the output as a number, where the output is one; else the exit code |
| an object | each key, a dotted path such as `chain.0.days_left`, leads to a value that equals the given one |

An object looks into the parsed form (`result_parser`), the built-in tool's standard form or, failing these,
the output as JSON. A path that leads nowhere deviates. Numbers equal by value (`1` is `1.0`), but `true` is not `1`.
Patterns that can take exponential time are refused, because the output is whatever the target sends.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any, Literal

from vedette.canonical import parse_json
from vedette.errors import RefusedError
from vedette.tools.interface import Result

Verdict = Literal["as expected", "deviates"]

MAX_PATTERN = 512
"""Characters of a pattern."""

MAX_SEARCHED = 64 * 1024
"""Bytes of output that a pattern is searched in: what a target sends must not keep the agent busy."""

_PREFIX = "re:"
_FEW = 16


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """An expected value, ready to compare."""

    value: str | int | float | Mapping[str, Any]
    """As it was configured."""
    pattern: re.Pattern[str] | None = None
    """Compiled, where the value is `re:<pattern>`."""

    @classmethod
    def of(cls, value: str | int | float | Mapping[str, Any] | None) -> Expectation | None:
        """Return what `expected_value` says, or None where nothing is expected.

        Raises:
            ValueError: not a string, number or object, or a pattern that is wrong, too long or could
                take exponential time; the message is for the user.
        """
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float | Mapping):
            raise ValueError("must be a string, a number or an object of dotted paths")  # noqa: TRY004 (for Pydantic)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("is not a finite number")
        if isinstance(value, Mapping) and not value:
            raise ValueError("is an empty object; name at least one dotted path")
        if isinstance(value, str) and value.startswith(_PREFIX):
            return cls(value=value, pattern=_compile(value.removeprefix(_PREFIX)))
        return cls(value=value)


def verdict(expected: Expectation | None, result: Result, form: Any = None) -> Verdict | None:
    """Return how a result compares; `form` is its parsed standard form as JSON values, where there is one."""
    if expected is None:
        return None
    return "as expected" if _matches(expected, result, form) else "deviates"


def _matches(expected: Expectation, result: Result, form: Any) -> bool:
    value = expected.value
    if expected.pattern is not None:
        return expected.pattern.search(_text(result.payload[:MAX_SEARCHED])) is not None
    if isinstance(value, str):
        return _text(result.payload).strip() == value.strip()
    if isinstance(value, Mapping):
        document = _json(result.payload) if form is None else form
        return all(_at(document, path, wanted) for path, wanted in value.items())
    number = _number(result.payload)
    return (result.exit_code if number is None else number) == value


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")


def _number(payload: bytes) -> float | int | None:
    text = _text(payload[:64]).strip()
    if len(payload) > 64 or not re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", text, re.ASCII):
        return None
    return int(text) if text.lstrip("+-").isdecimal() else float(text)


def _json(payload: bytes) -> Any:
    try:
        return parse_json(payload)
    except RefusedError:
        return None


def _at(document: Any, path: str, wanted: Any) -> bool:
    """Tell whether `path` leads to `wanted`; keys may hold dots themselves, such as a host's name."""
    if isinstance(document, list):
        first, _, rest = path.partition(".")
        if not first.isdecimal() or int(first) >= len(document):
            return False
        return _reached(document[int(first)], rest, wanted)
    if not isinstance(document, dict):
        return False
    return any(
        _reached(value, path[len(key) + 1 :], wanted)
        for key, value in document.items()
        if path == key or path.startswith(key + ".")
    )


def _reached(value: Any, rest: str, wanted: Any) -> bool:
    return _at(value, rest, wanted) if rest else _equal(value, wanted)


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted)


def _compile(pattern: str) -> re.Pattern[str]:
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"the pattern has {len(pattern)} characters; the limit is {MAX_PATTERN}")
    try:
        compiled = re.compile(pattern)
        tree = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"the pattern is wrong: {error}") from error
    if _can_explode(tree, repeated=False):
        raise ValueError(
            "the pattern repeats a repeat or an alternative, such as (a+)+ or (a|b)*, which can take forever; "
            "make it possessive, such as (a|b)*+"
        )
    return compiled


def _can_explode(tree: Any, *, repeated: bool) -> bool:
    """Tell whether a long repeat holds another one or an alternative: the causes of exponential time.

    Possessive repeats and atomic groups (Python 3.11) never go back, so what they hold counts afresh.
    """
    backtracking = {_constants.MAX_REPEAT, _constants.MIN_REPEAT}
    for operation, argument in tree:
        long = operation in backtracking and argument[1] > _FEW
        if repeated and (long or operation is _constants.BRANCH):
            return True
        afresh = operation in {_constants.POSSESSIVE_REPEAT, _constants.ATOMIC_GROUP}
        within = not afresh and (repeated or long)
        if any(_can_explode(part, repeated=within) for part in _parts(argument)):
            return True
    return False


def _parts(argument: Any) -> list[Any]:
    """Return the expressions within an operation's argument, however deep Python keeps them."""
    if isinstance(argument, _parser.SubPattern):
        return [argument]
    if isinstance(argument, list | tuple):
        return [part for inner in argument for part in _parts(inner)]
    return []
