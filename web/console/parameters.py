"""The query parameters of the console's pages: as strict as those of `/v1/`, but a form sends empty fields, too."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from web.api.v1.parameters import Parameters

PAGE = 50
"""Rows on a page."""


class PageParameters(Parameters):
    """What every page takes."""

    cursor: Annotated[str, Field(max_length=8192)] | None = None
    """Where to go on: as a link of another page of this list has it."""
    said: Annotated[str, Field(max_length=32, pattern=r"^[a-z-]*$")] | None = None
    """What was just done here, for a word about it."""

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value != ""}
