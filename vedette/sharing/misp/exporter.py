"""Exporter `misp`: events of MISP, as a file or on a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from vedette.canonical import canonical_json
from vedette.sharing.endpoint import ENDPOINT_OPTIONAL
from vedette.sharing.exporter import Destination, Outfit
from vedette.sharing.files import FileExporter
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.misp.event import misp_event
from vedette.sharing.misp.options import OPTIONS


class Misp(FileExporter):
    """Writes events, and keeps those of a server as they should be."""

    name: ClassVar[str] = "misp"
    summary: ClassVar[str] = "MISP events: a file that MISP imports, or pushed to a server and kept up to date"
    suffix: ClassVar[str] = ".json"
    content_type: ClassVar[str] = "application/json"
    required: ClassVar[frozenset[str]] = frozenset({"url", "key_file"})
    optional: ClassVar[frozenset[str]] = (
        OPTIONS | (ENDPOINT_OPTIONAL - {"key_file"}) | {"extends", "proposals", "publish", "sightings"}
    )

    def parts(self, investigations: Iterable[Investigation], withheld: list[Withheld]) -> Iterator[bytes]:
        """Yield one event as MISP exports one, several as a search of it answers.

        Raises:
            ExportError: MISP's templates cannot be read.
        """
        return _document(_events(investigations, withheld))

    def connect(self, outfit: Outfit) -> Destination:
        """Return a server.

        Raises:
            ConfigurationError: a setting cannot be used.
        """
        # Only who speaks to a server needs PyMISP, which takes a while to import.
        from vedette.sharing.misp.destination import MispDestination

        return MispDestination(outfit)


def _events(investigations: Iterable[Investigation], withheld: list[Withheld]) -> Iterator[bytes]:
    for investigation in investigations:
        made = misp_event(investigation)
        withheld.extend(made.withheld)
        yield canonical_json(made.document)


def _document(events: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the parts of a document; one event at a time is in memory, or two."""
    first = next(events, None)
    second = next(events, None)
    if first is not None and second is None:
        yield first + b"\n"
        return
    yield b'{"response":['
    yield first or b""
    while second is not None:
        yield b",\n" + second
        second = next(events, None)
    yield b"]}\n"
