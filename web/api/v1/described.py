"""What the OpenAPI document says of problems: each status that a route answers, as RFC 9457 has it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict

from web.api.problems import MEDIA_TYPE

PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}
"""Where the document has the form of a problem."""


class Problem(BaseModel):
    """A refusal: what is wrong and what to do (RFC 9457)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str
    """Always `about:blank`: the status says what kind of problem it is."""
    title: str
    """The status in words."""
    status: int
    """HTTP status code."""
    detail: str
    """What is wrong and what to do."""
    ok: bool
    """Always false; for Stucco's clients."""
    error: str
    """The detail again; for Stucco's clients."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a route's `responses` say of the problems that it answers with."""
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}}
        for status in sorted(set(statuses))
    }
