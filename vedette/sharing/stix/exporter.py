"""The exporter `stix`: a bundle of STIX 2.1 as a file, written object by object.

Source: STIX Version 2.1, OASIS Standard; section 8 (bundle).
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence

from vedette.canonical import canonical_json
from vedette.graph.stix_objects import OURS
from vedette.sharing.files import FileExporter
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.stix.objects import stix_objects


class StixExporter(FileExporter):
    """Investigations as one STIX 2.1 bundle, with a report for each."""

    name = "stix"
    summary = "STIX 2.1: one bundle, with a report for each investigation"
    suffix = ".json"
    content_type = "application/stix+json;version=2.1"

    def parts(self, investigations: Iterable[Investigation], withheld: list[Withheld]) -> Iterator[bytes]:
        """Yield the bundle; all investigations must be there before its first object can be marked."""
        return bundle_parts(list(investigations), withheld=withheld)


def bundle_parts(
    investigations: Sequence[Investigation], *, withheld: list[Withheld] | None = None
) -> Iterator[bytes]:
    """Yield the bytes of a bundle, in pieces of one object; an id that several investigations have is written once.

    All objects have the strictest marking of any of the investigations: one that two of them hold has only one.

    Args:
        investigations: what is in it.
        withheld: gets what cannot be said in STIX, and why.
    """
    marked = max((one.tlp for one in investigations), key=lambda one: one.strictness, default=None)
    digest = hashlib.sha256()
    seen: set[str] = set()
    yield b'{"type":"bundle"'
    for investigation in investigations:
        for one in stix_objects(investigation, marked=marked, withheld=withheld):
            if one["id"] in seen:
                continue
            yield b"," if seen else b',"objects":['
            seen.add(one["id"])
            piece = canonical_json(one)
            digest.update(piece)
            yield piece
    # The id is of the content, and so can only be the last; in JSON the order of names says nothing.
    yield b'%s,"id":"bundle--%s"}\n' % (b"]" if seen else b"", str(uuid.uuid5(OURS, digest.hexdigest())).encode())
