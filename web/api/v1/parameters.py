"""The query parameters of `/v1/`: typed, bounded, and strict, so that a misspelt filter never means "all"."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from registry.listing import MAX_PAGE
from vedette.clock import from_datetime

KEY_PARAMETER = "token"
"""The API key of who cannot set headers; the access rule reads it, no route does."""

DEFAULT_PAGE = 100
"""Rows in a page when nothing is asked for."""

_NUMBER = re.compile(r"-?[0-9]{1,19}\Z")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,18}(Z|[+-][0-9]{2}:[0-9]{2})\Z")
_LEAST, _MOST = -(2**63), 2**63 - 1


class Form(StrEnum):
    """What a list is sent as."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"


def _moment(value: object) -> object:
    if not isinstance(value, str) or _NUMBER.match(value):
        return value
    if not _MOMENT.match(value):
        raise ValueError("must be microseconds since 1970, or a time such as 2026-11-22T06:00:00Z")
    return from_datetime(datetime.fromisoformat(value))


Moment = Annotated[
    int,
    Field(ge=_LEAST, le=_MOST),
    BeforeValidator(_moment),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": _LEAST, "maximum": _MOST},
                {"type": "string", "pattern": r"^2[0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T00:00:00Z$"},
            ],
            "examples": [1795305600000000, "2026-11-22T06:00:00Z"],
        }
    ),
]
"""A time: microseconds since 1970, or as RFC 3339 has it."""

Text = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")]
"""A text to look for; PostgreSQL knows no NUL."""

UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
"""A uuid as items have it."""


class Parameters(BaseModel):
    """The parameters of a route that has none of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _without_key(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if name != KEY_PARAMETER}


class ListParameters(Parameters):
    """What every list takes."""

    limit: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """Rows: in a page of JSON (100 unless said, at most 1,000), in CSV and NDJSON in all (all unless said)."""
    cursor: Annotated[str, Field(max_length=8192)] | None = None
    """Where to go on: `next` or `previous` of another page of this list."""
    format: Form | None = None
    """`json`, `csv` or `ndjson`; goes before the `Accept` header."""

    @property
    def page(self) -> int:
        """Rows in a page of JSON."""
        return min(self.limit or DEFAULT_PAGE, MAX_PAGE)


class TimedParameters(ListParameters):
    """What a list takes that can be cut by time."""

    since: Moment | None = None
    """Only from then on: microseconds since 1970, or a time such as 2026-11-22T06:00:00Z."""
    until: Moment | None = None
    """Only before then."""
