"""Who sees one of the things that are shared: a collection or a feed, which may be for a few keys only."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from registry.callers import Caller, CallerKind, Scope

READERS: Final = (Scope.READ, Scope.SHARE)
"""Who reads what is shared."""


def sees(caller: Caller, keys: Collection[str]) -> bool:
    """Tell whether a caller sees what is shared with the keys of these names; no names: with all that may read."""
    if Scope.READ in caller.scopes or not keys:
        return True
    return caller.kind is CallerKind.KEY and caller.name in keys
