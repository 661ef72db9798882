"""`1d4`, `zeustracker`, `emergingthreats`: lists of addresses that are up to no good, one a line, with comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from vedette.extraction.building import Building
from vedette.extraction.entries import MAX_UNREAD
from vedette.extraction.interface import Document, ExtractionError, Extractor
from vedette.extraction.lines import lines
from vedette.extraction.listed import accuse
from vedette.extraction.subgraph import Position, Subgraph

_COMMENT = re.compile(r"(?:^|\s)(?:#|;|//).*", re.DOTALL)


class AddressList(Extractor):
    """Reads a list whose entries are addresses, ranges of them, host names or URLs.

    What follows `#`, `;` or `//` is a comment; what follows the first word of a line is none of its entry.
    """

    origin: ClassVar[str]
    """Who publishes it."""
    malware: ClassVar[str]
    """What all that is listed belongs to, and is called."""
    tag: ClassVar[str]
    """What each entry is tagged with."""

    def extract(self, document: Document) -> Subgraph:
        """Return what is listed."""
        building = Building(source=self.origin)
        read = False
        for position, entry in _entries(document.content, building):
            malware = building.malware(self.malware, position)
            read |= bool(accuse(building, malware, entry, position, properties={"tags": [self.tag]}))
            if not read and building.skipped > MAX_UNREAD:
                break
        if not read and building.skipped:
            raise ExtractionError(f"no list of addresses: {building.first_problem}")
        return building.done()


class OneD4(AddressList):
    """Addresses that scan for SSH servers."""

    name = "1d4"
    summary = "1d4.us: addresses of SSH scanners, one a line"
    origin = "1d4.us"
    malware = "Scanner"
    tag = "scanner"


class ZeusTracker(AddressList):
    """Addresses and names of the ZeuS botnet's servers."""

    name = "zeustracker"
    summary = "abuse.ch ZeuS Tracker: addresses or domains of a botnet's servers, one a line"
    origin = "zeustracker.abuse.ch"
    malware = "Botnet"
    tag = "botnet"


class EmergingThreats(AddressList):
    """Addresses that Emerging Threats' rules block."""

    name = "emergingthreats"
    summary = "Emerging Threats: compromised hosts and blocked networks, one a line"
    origin = "rules.emergingthreats.net"
    malware = "Malware"
    tag = "malware"


def _entries(content: bytes, building: Building) -> Iterator[tuple[Position, str]]:
    """Yield what is on each line, and where."""
    for line in lines(content, building.skip):
        words = _COMMENT.sub("", line.text).split()
        if words:
            # `10.0.0.0 - 10.0.0.255` is one entry; anything else behind a space says something about it.
            yield line.position, " ".join(words[:3]) if words[1:2] == ["-"] else words[0]
