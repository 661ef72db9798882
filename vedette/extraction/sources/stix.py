"""`stix`: STIX 1.x packages (XML, with CybOX 2 observables) and STIX 2.0 and 2.1 bundles (JSON)."""

from __future__ import annotations

from typing import ClassVar

from vedette.extraction.entries import is_json, is_xml, refuse_empty
from vedette.extraction.interface import Document, ExtractionError, Extractor
from vedette.extraction.stix.bundle import BundleReader
from vedette.extraction.stix.package import PackageReader
from vedette.extraction.subgraph import Subgraph
from vedette.extraction.xml_tree import read_xml


class Stix(Extractor):
    """Reads STIX of any version; its first byte tells which."""

    name: ClassVar[str] = "stix"
    summary: ClassVar[str] = "STIX 1.x packages (XML) and STIX 2.x bundles (JSON)"

    def extract(self, document: Document) -> Subgraph:
        """Return what a package or a bundle states."""
        refuse_empty(document)
        if is_xml(document):
            return PackageReader(document.content, read_xml(document.content)).read()
        if is_json(document):
            return BundleReader(document.content).read()
        raise ExtractionError("it is no STIX: neither XML (STIX 1.x) nor JSON (STIX 2.x)")
