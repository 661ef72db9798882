"""What may leave, and how it is marked. Pure."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

from vedette.sharing.investigation import Pap, Tlp


class SharingPolicy(BaseModel):
    """What may go to a destination; all conditions hold together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ceiling: Tlp = Tlp.AMBER
    """The strictest TLP that may go there; what is stricter is left out, and an investigation that is, refused."""
    tlp: Tlp = Tlp.AMBER
    """What is marked with when nothing in it says more."""
    pap: Pap | None = None
    """Permissible actions, where that is to be said."""
    tags: Annotated[list[StrictStr], Field(max_length=32)] = []
    """Tags that everything gets."""
    types: Annotated[list[StrictStr], Field(max_length=64)] = []
    """Types of vertices that may go (`IP`, `Malware`, `Observable/Domain Name`); empty: all but accounts."""
    without: Annotated[list[StrictStr], Field(max_length=64)] = []
    """Types that may not."""
    sources: Annotated[list[StrictStr], Field(max_length=64)] = []
    """Routing keys of items that may go, with `*` and `#`; empty: all. What only other items say is left out."""
    reviewed: StrictBool = False
    """Only what a person has said or decided."""
    proved: StrictBool = False
    """Only items whose proof is there, by an authority outside of this fleet."""
    least_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Only facts that somebody is at least so sure of."""
    raw: StrictBool = True
    """Whether the tools' own output goes along."""
    evidence: StrictBool = True
    """Whether statements and bundles go along."""
