"""`attack`: MITRE ATT&CK as a STIX 2.x bundle (https://github.com/mitre-attack/attack-stix-data).

Techniques, tactics and mitigations are called by their ids there (`T1059.001`), as several have the same name;
groups, software and campaigns by their names, with the ids as aliases.
"""

from __future__ import annotations

from typing import ClassVar

from vedette.extraction.entries import refuse_empty
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.stix.bundle import BundleReader
from vedette.extraction.subgraph import Subgraph


class Attack(Extractor):
    """Reads a matrix of ATT&CK; what is revoked or deprecated says so."""

    name: ClassVar[str] = "attack"
    summary: ClassVar[str] = "MITRE ATT&CK's techniques, tactics, groups, software and mitigations (STIX 2.x)"

    def extract(self, document: Document) -> Subgraph:
        """Return what a bundle states."""
        refuse_empty(document)
        return BundleReader(document.content).read()
