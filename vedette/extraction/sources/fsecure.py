"""`fsecure`: F-Secure's threat descriptions (HTML pages)."""

from __future__ import annotations

from typing import ClassVar

import lxml.html  # type: ignore[import-untyped]

from vedette.extraction.building import Building
from vedette.extraction.entries import done
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.pages import Page, labelled, pages, sections, text_of
from vedette.extraction.remedies import SUGGESTED_COA, add_remedy
from vedette.extraction.subgraph import Subgraph

_CONTENT = "maincontent"


class FSecure(Extractor):
    """Reads what a malware is called, what it is, does and runs on, and how it is removed."""

    name: ClassVar[str] = "fsecure"
    summary: ClassVar[str] = "F-Secure's threat descriptions (HTML)"

    def extract(self, document: Document) -> Subgraph:
        """Return a malware a page."""
        building = Building(source="F-Secure")
        for page in pages(document):
            _add(building, page)
        return done(building)


def _add(building: Building, page: Page) -> None:
    headings = page.root.xpath("//h1")
    name = _name(text_of(headings[0])) if headings else ""
    facts = labelled(page.root.xpath("//table[contains(@class, 'details-table')]//td"))
    parts = _sections(page.root)
    if not name or not (facts or parts):
        building.skip(page.position, "no threat description: a heading with details or a summary is expected")
        return
    said = {label: text_of(cell) for label, cell in facts.items()}
    details = text_of(*parts.get("technical details", ()), pictures=True)
    malware = building.malware(
        name,
        page.position,
        description=[text_of(*parts.get("summary", ())), details],
        alias=[alias for text in said.get("aliases", "").split(",") if (alias := _name(text)) and alias != name],
        malwareType=[said.get("category", ""), said.get("type", "")],
        platform=[said.get("platform", "")],
    )
    add_remedy(building, malware, text_of(*parts.get("removal", ())), SUGGESTED_COA, page.position)


def _sections(root: lxml.html.HtmlElement) -> dict[str, list[lxml.html.HtmlElement]]:
    """Return what stands behind each heading of the description."""
    for heading in root.xpath(f"//*[@id='{_CONTENT}']//h2"):
        return sections(heading.getparent(), "h2")
    return {}


def _name(text: str) -> str:
    """Return a malware's name; a mark that shows nothing behind the colon became `?` in copies."""
    return text.strip().replace(":?", ":")
