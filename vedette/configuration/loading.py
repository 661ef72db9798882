"""Reading a configuration file: JSON or YAML into a typed model, each problem with file, key and reason."""

from __future__ import annotations

import difflib
import json
import re
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vedette.errors import ConfigurationError

ModelT = TypeVar("ModelT", bound=BaseModel)
Syntax = Literal["json", "yaml"]

MAX_SIZE = 1024 * 1024
"""Bytes of a configuration file; a larger one is a mistake, such as a log given by accident."""

_SECRET = re.compile(r"passw|secret|token|key|credential", re.IGNORECASE)
_SHOWN = 60
_SCALARS = (str, int, float, bool, type(None))


class KeyedError(ValueError):
    """For validators of a whole model: which key is to blame, and why."""

    def __init__(self, key: str, reason: str) -> None:
        self.key = key
        super().__init__(reason)


class _DuplicateKeyError(ValueError):
    """The same key twice: one of the two would be lost without a word."""


def load(path: Path, model: type[ModelT]) -> ModelT:
    """Return the file's content as a `model`; `.json` is JSON, `.yml` and `.yaml` are YAML, else it shows.

    Raises:
        ConfigurationError: missing, unreadable, too large, not UTF-8, wrong syntax, or not a valid `model`.
    """
    place = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise ConfigurationError(place, "", f"cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_SIZE:
        raise ConfigurationError(place, "", f"is larger than {MAX_SIZE} bytes; is it a configuration file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(place, "", f"is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    syntax: dict[str, Syntax] = {".json": "json", ".yml": "yaml", ".yaml": "yaml"}
    return parse(text, place, model, syntax=syntax.get(path.suffix.lower()))


def parse(text: str, place: str, model: type[ModelT], *, syntax: Syntax | None = None) -> ModelT:
    """Return `text` as a `model`; without `syntax`, what starts with `{` is JSON and all else YAML.

    Raises:
        ConfigurationError: names `place`, the first wrong key and the reason; values of secrets are not shown.
    """
    if syntax is None:
        syntax = "json" if text.lstrip().startswith("{") else "yaml"
    value = _read_json(text, place) if syntax == "json" else _read_yaml(text, place)
    if not isinstance(value, dict):
        raise ConfigurationError(place, "", "must be an object of keys and values")
    _refuse_surrogates(text, value, place)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _as_configuration_error(error, place, model) from error


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known word, else the known ones, for the end of a reason."""
    names = sorted(known)
    nearest = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if nearest:
        return f"; did you mean {nearest[0]!r}?"
    return f"; known are {', '.join(names)}" if names else ""


def reason_of(error: ValidationError, model: type[BaseModel]) -> tuple[str, str]:
    """Return the key and the reason of a validation's most telling problem.

    An unknown key comes first: it is often the cause of the missing one.
    """
    problems = error.errors(include_url=False)
    first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
    path = tuple(part for part in first["loc"] if not _is_union_tag(part))
    reason = _reason(first, path, model)
    if len(problems) > 1:
        reason += f" (and {len(problems) - 1} more)"
    cause = first.get("ctx", {}).get("error")
    key = (*path, cause.key) if isinstance(cause, KeyedError) else path
    return ".".join(map(str, key)), reason


def reasons_of(error: ValidationError, model: type[BaseModel]) -> dict[str, str]:
    """Return what is wrong with each of a model's fields, the first problem of each."""
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        path = tuple(part for part in problem["loc"] if not _is_union_tag(part))
        found.setdefault(str(path[0]) if path else "", _reason(problem, path, model))
    return found


def _as_configuration_error(error: ValidationError, place: str, model: type[BaseModel]) -> ConfigurationError:
    key, reason = reason_of(error, model)
    return ConfigurationError(place, key, reason)


def _is_union_tag(part: int | str) -> bool:
    """Tell whether pydantic put a union member's name, such as `list[str]`, into the path."""
    return isinstance(part, str) and (
        "[" in part or "(" in part or part in {"str", "int", "float", "bool", "none", "dict"}
    )


def _reason(problem: ErrorDetails, path: tuple[int | str, ...], model: type[BaseModel]) -> str:
    kind = problem["type"]
    if kind == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        return f"unknown key {str(path[-1])!r}" + did_you_mean(str(path[-1]), known)
    if kind == "missing":
        return "is required"
    if kind == "value_error":
        return str(problem.get("ctx", {}).get("error", problem["msg"]))
    message = problem["msg"].replace("Input should be", "must be", 1)
    value = problem["input"]
    if not isinstance(value, _SCALARS) or any(_SECRET.search(str(part)) for part in path):
        return message
    shown = "nothing" if value is None else repr(value)
    return f"{message}, not {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '…'}"


def _known_keys(model: type[BaseModel], path: tuple[int | str, ...]) -> set[str]:
    """Return the keys of the object at `path` within `model`; none where that is not a model."""
    found: list[type[BaseModel]] = [model]
    for part in path:
        if isinstance(part, int):
            continue
        following = [
            inner
            for candidate in found
            if part in candidate.model_fields
            for inner in _models_in(candidate.model_fields[part].annotation)
        ]
        # A dictionary's own keys are no fields: its values' model is already found.
        found = following or found
    return {name for candidate in found for name in field_names(candidate)}


def field_names(model: type[BaseModel]) -> dict[str, str]:
    """Return every name that a model's fields are written by, aliases included, and the field's own name."""
    names = {}
    for field, information in model.model_fields.items():
        alias = information.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias or field]
        names.update({choice: field for choice in choices if isinstance(choice, str)})
    return names


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, BaseModel) else []
    if get_origin(annotation) in {Union, types.UnionType, list, tuple, dict, None}:
        return [model for argument in get_args(annotation) for model in _models_in(argument)]
    return []


def _read_json(text: str, place: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ConfigurationError(place, "", f"is not JSON: {error.msg} at {where}") from error
    except _DuplicateKeyError as error:
        raise ConfigurationError(place, str(error), "is there twice; keep one") from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(place, "", f"is not JSON: {error}") from error


def _refuse_surrogates(text: str, value: Any, place: str) -> None:
    """JSON can write half a character as an escape, which no file, command or message can carry."""
    if "\\" not in text:
        return
    try:
        json.dumps(value, ensure_ascii=False, default=str, skipkeys=True).encode()
    except UnicodeEncodeError as error:
        raise ConfigurationError(place, "", "holds a lone surrogate, such as \\ud800: not a character") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise _DuplicateKeyError(key)
        result[key] = value
    return result


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value (RFC 8259, section 6)")


class _Loader(yaml.SafeLoader):
    """YAML without objects, duplicate keys and aliases."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node, unless it is an alias."""
        # A few nested aliases stand for billions of values.
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not allowed; write it out", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping whose keys are all different."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _DuplicateKeyError(key.value)
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _read_yaml(text: str, place: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (derived from SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigurationError(place, "", f"is not YAML: {error.problem or error.context}{where}") from error
    except _DuplicateKeyError as error:
        raise ConfigurationError(place, str(error), "is there twice; keep one") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigurationError(place, "", f"is not YAML: {str(error).splitlines()[0]}") from error
