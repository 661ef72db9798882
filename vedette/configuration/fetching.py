"""The section `fetching`: whom Vedette asks over HTTP, and how much it takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr, field_validator

from vedette.fetching.interface import FetchLimits
from vedette.fetching.policy import FetchPolicy

AllowedPort = Annotated[int, Field(ge=1, le=65535, strict=True)]


class FetchingSection(BaseModel):
    """What is fetched from addresses that certificates, sources and users name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow: list[StrictStr] = []
    """Networks (`10.1.0.0/16`) and hosts (`tsa.example`, `10.1.2.3:8080`) that may be asked although they are not
    public; by default none."""
    ports: list[AllowedPort] = []
    """Ports that may be asked beside 80 and 443; a host in `allow` may be asked on any, or on the one given there."""
    max_bytes: Annotated[int, Field(ge=1, le=1 << 40, strict=True)] = 64 * 1024 * 1024
    """Bytes of one answer, also after decompression."""
    seconds: Annotated[float, Field(gt=0, le=86_400)] = 30.0
    """Seconds for one answer, from looking up the name to the last byte."""
    redirects: Annotated[int, Field(ge=0, le=20, strict=True)] = 5
    """Redirects that are followed, each under the same rules."""

    @field_validator("allow")
    @classmethod
    def _is_understood(cls, value: list[str]) -> list[str]:
        FetchPolicy.allowing(value)
        return value

    @property
    def policy(self) -> FetchPolicy:
        """Whom we ask."""
        return FetchPolicy.allowing(self.allow, ports=self.ports)

    @property
    def limits(self) -> FetchLimits:
        """How much we take."""
        return FetchLimits(max_bytes=self.max_bytes, seconds=self.seconds, redirects=self.redirects)
