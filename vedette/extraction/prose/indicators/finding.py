"""Finding the indicators of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from vedette.extraction.defanging import PlainText
from vedette.extraction.prose.indicators.bitcoin import find_bitcoin
from vedette.extraction.prose.indicators.found import Found
from vedette.extraction.prose.indicators.host_names import find_host_names
from vedette.extraction.prose.indicators.links import find_emails, find_urls
from vedette.extraction.prose.indicators.names import find_names
from vedette.extraction.prose.indicators.network import find_addresses
from vedette.extraction.prose.indicators.paths import find_paths
from vedette.extraction.prose.indicators.registry_keys import find_registry_keys

_OF_PLAIN: Final[tuple[Callable[[PlainText], Iterator[Found]], ...]] = (
    find_urls,
    find_emails,
    find_names,
    find_bitcoin,
    find_addresses,
    find_host_names,
)
"""The order decides where two find the same stretch of text."""

_OF_RAW: Final[tuple[Callable[[str], Iterator[Found]], ...]] = (find_registry_keys, find_paths)
"""In these a backslash before a dot is no defanging."""


def find(text: str) -> list[Found]:
    r"""Return the indicators of a text, by their beginning; they do not overlap, the longer one wins.

    Time and memory grow with the text's length, whatever it says. Addresses stand without their port. `VERSION` is
    said of four numbers with dots that the words around call a version, so that nobody takes them for an address.

    Args:
        text: as it stands in a document, defanged or not.
    """
    plain = PlainText(text)
    found = [one for find_some in _OF_RAW for one in find_some(text)]
    for find_some in _OF_PLAIN:
        found += [Found(plain.start(one.start), plain.end(one.end), one.label, one.value) for one in find_some(plain)]
    # Sorting is stable: of those as long as each other the first wins.
    found.sort(key=lambda one: one.start - one.end)
    taken = bytearray(len(text))
    kept = []
    for one in found:
        if taken.find(1, one.start, one.end) < 0:
            taken[one.start : one.end] = b"\x01" * (one.end - one.start)
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)
