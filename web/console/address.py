"""The address of a filtered page, and those of the same page filtered otherwise. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request

_PASSING = frozenset({"cursor", "said"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where a page is, with its filter."""

    path: str
    """The path."""
    filter: Mapping[str, str]
    """The parameters that choose what it shows, in their order."""

    @classmethod
    def of(cls, request: Request) -> Address:
        """Return the address of a request, without what only this moment of it says."""
        given = request.query_params.items()
        return cls(
            path=request.url.path, filter={name: value for name, value in given if value and name not in _PASSING}
        )

    def __str__(self) -> str:
        """Return it as it stands in a link."""
        return f"{self.path}?{urlencode(self.filter)}" if self.filter else self.path

    def with_(self, **more: str) -> Address:
        """Return the address that asks for this, too."""
        return Address(path=self.path, filter={**self.filter, **more})

    def without(self, *names: str) -> Address:
        """Return the address that does not ask for these."""
        return Address(
            path=self.path, filter={name: value for name, value in self.filter.items() if name not in names}
        )
