"""What answers of the API have in common."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from vedette.client.errors import UnexpectedAnswerError


class Model(BaseModel):
    """An answer, or a part of one; fields of a later release are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


M = TypeVar("M", bound=BaseModel)


def parsed(kind: type[M], value: Any) -> M:
    """Return a value as what it should be.

    Raises:
        UnexpectedAnswerError: it is something else.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        reason = f"{kind.__name__}: {place[:200]}: {first['msg'][:200]}"
        raise UnexpectedAnswerError(
            f"the hub's answer is not understood ({reason}); use its release's client"
        ) from error
