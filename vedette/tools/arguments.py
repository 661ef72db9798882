"""Words of a configuration, such as `--port 443` or `port=443`, as a built-in tool's typed arguments."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from vedette.configuration.loading import did_you_mean, field_names, reason_of
from vedette.errors import ConfigurationError

ModelT = TypeVar("ModelT", bound=BaseModel)


def parse_arguments(words: Sequence[str], model: type[ModelT], *, place: str) -> ModelT:
    """Return the arguments: `--name value`, `--name=value`, `name=value`; `--name` alone is true.

    Lists take several values, by commas or by naming the argument again; `-` and `_` are the same in names.

    Raises:
        ConfigurationError: unknown name (with the nearest known one), missing or wrong value, given twice.
    """
    names = {name.replace("_", "-"): field for name, field in field_names(model).items()}
    given: dict[str, list[str]] = {}
    remaining = list(words)
    while remaining:
        name, value = _next(remaining, names, model, place)
        given.setdefault(names[name], []).append(value)
    values = {field: _value(field, texts, model, place) for field, texts in given.items()}
    try:
        return model.model_validate(values, by_name=True, by_alias=True)
    except ValidationError as error:
        key, reason = reason_of(error, model)
        raise ConfigurationError(place, "args", f"{key.replace('_', '-')}: {reason}") from error


def _next(remaining: list[str], names: dict[str, str], model: type[BaseModel], place: str) -> tuple[str, str]:
    word = remaining.pop(0)
    name, equals, value = word.partition("=")
    if not (equals or name.startswith("--")):
        raise ConfigurationError(place, "args", f"{word[:60]!r} is neither '--name value' nor 'name=value'")
    name = name.removeprefix("--").replace("_", "-")
    if name not in names:
        raise ConfigurationError(place, "args", f"unknown argument {name[:60]!r}" + did_you_mean(name, names))
    if equals:
        return name, value
    if remaining and not remaining[0].startswith("--"):
        return name, remaining.pop(0)
    if bool in kinds_of(model.model_fields[names[name]].annotation):
        return name, "true"
    raise ConfigurationError(place, "args", f"--{name} needs a value")


def _value(field: str, texts: list[str], model: type[BaseModel], place: str) -> Any:
    if tuple in kinds_of(model.model_fields[field].annotation):
        return [part for text in texts for part in text.split(",") if part]
    if len(texts) > 1:
        raise ConfigurationError(place, "args", f"--{field.replace('_', '-')} is given {len(texts)} times")
    return texts[0]


def kinds_of(annotation: Any) -> set[Any]:
    """Return the plain types that an annotation of a field allows at its top."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return kinds_of(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return {kind for argument in get_args(annotation) for kind in kinds_of(argument)}
    return {origin or annotation}
