"""Which names end as names of hosts do: in a public suffix (https://publicsuffix.org, the package's own copy)."""

from __future__ import annotations

from functools import cache
from typing import Final

from publicsuffixlist import PublicSuffixList

_OTHERS: Final = frozenset({"onion", "i2p", "bit", "bazar", "eth", "example", "test", "invalid"})
"""Outside the DNS: hidden services, names on block chains, and those of RFC 2606 and 6761 for examples."""

_INNER: Final = frozenset({"local", "internal", "lan", "corp", "intranet", "home", "localdomain"})
"""What organisations call their own hosts; ordinary words too, so only of three labels and more."""


@cache
def _suffixes() -> PublicSuffixList:
    # Only what registries run: `github.io` is a suffix of the other half, yet a name that people write about.
    return PublicSuffixList(accept_unknown=False, only_icann=True)


def has_suffix(labels: list[str]) -> bool:
    """Tell whether labels, in lower case, are a name below a public suffix, or outside the DNS."""
    if labels[-1] in _OTHERS:
        return len(labels) > 1
    if labels[-1] in _INNER:
        return len(labels) > 2
    # More labels than any suffix has would only cost time.
    return _suffixes().privatesuffix(".".join(labels[-6:])) is not None
