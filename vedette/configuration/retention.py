"""How long payloads are kept: the `retention` list of `vedette.yml`."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictStr, field_validator

from vedette.clock import MICROSECONDS
from vedette.errors import RefusedError
from vedette.evidence.retention import RetentionRule
from vedette.routing import ANY, check_pattern

FOREVER: Final = "forever"
"""What never goes."""

_DAY: Final = 86_400
_UNITS: Final = {"h": 3_600, "d": _DAY, "w": 7 * _DAY, "y": 365 * _DAY}
_LENGTH = re.compile(r"([1-9][0-9]{0,4})([hdwy])\Z")
_STATES: Final = {
    "stamped": frozenset({"self-asserted", "proved", "strong"}),
    "proved": frozenset({"proved", "strong"}),
    "strong": frozenset({"strong"}),
}


class RetentionPolicy(BaseModel):
    """When the payloads of some items are deleted; the first policy that fits an item governs it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    """Names it in tombstones and in the audit log."""
    type: Annotated[StrictStr, Field(min_length=1, max_length=1024)] | None = None
    """`meta.type` of the items; null means any."""
    source: StrictStr = ANY
    """Pattern of their `meta.source`: `*` is one word, `#` any number; `#` alone fits items without one, too."""
    keep: StrictStr
    """Age at which the payload goes: `36h`, `90d`, `4w`, `2y` (of 365 days), or `forever`."""
    minimum: Literal["stamped", "proved", "strong"] = "stamped"
    """How far an item must be proved before its payload goes: by any authority, an external one, or two."""
    graph: Literal["stays", "goes"] = "stays"
    """What the items said in the knowledge graph: it `stays`, marked as without bytes, or `goes`: is taken back."""

    @field_validator("source")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            return check_pattern(value)
        except RefusedError as error:
            raise ValueError(error.reason) from error

    @field_validator("keep")
    @classmethod
    def _is_length(cls, value: str) -> str:
        if value != FOREVER and not _LENGTH.match(value):
            raise ValueError("must be a number with h, d, w or y behind it, such as '90d', or 'forever'")
        return value

    @property
    def rule(self) -> RetentionRule:
        """The policy as a rule that decides."""
        return RetentionRule(
            name=self.name, type=self.type, source=self.source, keep=_length(self.keep), states=_STATES[self.minimum]
        )


def _length(text: str) -> int | None:
    """Return the microseconds of a length of time, None for ever."""
    found = _LENGTH.match(text)
    return None if found is None else int(found[1]) * _UNITS[found[2]] * MICROSECONDS
