"""`sophos`: Sophos' threat analyses, HTML pages: the summary, or the detailed analysis of samples; one or several."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

import lxml.html  # type: ignore[import-untyped]

from vedette.extraction.building import OBSERVABLE, SUB_OBSERVABLE, Building
from vedette.extraction.dates import checked_date
from vedette.extraction.drafting import Given
from vedette.extraction.entries import done
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.listed import accuse, place_file
from vedette.extraction.pages import Page, labelled, own_text, pages, sections, text_of
from vedette.extraction.remedies import SUGGESTED_COA, add_remedy
from vedette.extraction.subgraph import Position, Subgraph
from vedette.extraction.urls import UrlError, read_url

_DATE = "%d %b %Y %H:%M:%S (%Z)"
_DETAIL = "//*[contains(@class, 'threatDetail') and not(contains(@class, 'Marquee'))]"
_FILES = frozenset({"dropped files", "copies itself to", "modified files"})
_KEYS = frozenset({"registry keys created", "registry keys modified"})
_PROCESSES = frozenset({"processes created", "processes launched"})
_NETWORK = frozenset({"http requests", "dns requests", "ip connections", "network connections"})
_ALGORITHMS = ("sha-256", "sha-1", "md5")
_HEADINGS = frozenset({"h3", "h4", "h5"})
_EXAMPLE = re.compile(r"example \d{1,4}")


class Sophos(Extractor):
    """Reads what a malware is called and is, and what its samples drop, change, start and connect to."""

    name: ClassVar[str] = "sophos"
    summary: ClassVar[str] = "Sophos' threat analyses, summary and details (HTML)"

    def extract(self, document: Document) -> Subgraph:
        """Return a malware, and what its samples leave, for each page."""
        building = Building(source="Sophos")
        for page in pages(document):
            _add(building, page)
        return done(building)


def _add(building: Building, page: Page) -> None:
    headings = page.root.xpath("//h1")
    name = text_of(headings[0]) if headings else ""
    details = page.root.xpath(_DETAIL)
    if not name or not details:
        building.skip(page.position, "no threat analysis: a heading and details are expected")
        return
    position = Position(f"page {name}"[:200], page.position.start, page.position.end)
    said = {label: text_of(cell) for label, cell in labelled(headings[0].getparent().iter("td")).items()}
    parts = sections(details[0], "h3")
    known = checked_date(building, position, "protection", said.get("protection available since", ""), _DATE)
    malware = building.malware(
        name,
        position,
        description=[name, _prose(details[0])],
        alias=_items(parts.get("aliases", ())),
        malwareType=[said.get("type", "")],
        category=said.get("category"),
        prevalence=next((one.get("title") for one in headings[0].getparent().iter("img")), None),
        characteristics=_items(parts.get("characteristics", ())),
        platform=[
            one.get("alt", "") for part in parts.get("affected operating systems", ()) for one in part.iter("img")
        ],
        discoveryDate=known,
        modifiedDate=checked_date(building, position, "updated", said.get("last updated", ""), _DATE),
    )
    add_remedy(building, malware, text_of(*parts.get("recovery instructions", ())), SUGGESTED_COA, position)
    _Analysis(building, malware, position).read(details[0])


def _prose(details: lxml.html.HtmlElement) -> str:
    """Return the paragraphs before the first heading: what the malware does, in words."""
    found = []
    for child in details:
        if child.tag in _HEADINGS:
            break
        if child.tag == "p":
            found.append(child)
    return text_of(*found)


class _Analysis:
    """The lists of what samples are and do, in the order of the page."""

    def __init__(self, building: Building, malware: str, position: Position) -> None:
        self._building = building
        self._malware = malware
        self._position = position
        self._sample = ""

    def read(self, details: lxml.html.HtmlElement) -> None:
        heading = ""
        for child in details:
            if child.tag in _HEADINGS:
                heading = text_of(child).removesuffix(":").lower()
                if _EXAMPLE.fullmatch(heading):
                    self._sample = ""
            elif child.tag == "dl":
                self._facts(heading, child)
            elif child.tag == "ul":
                for item in child.iterfind("li"):
                    self._item(heading, item)

    def _facts(self, heading: str, listed: lxml.html.HtmlElement) -> None:
        if heading == "file information":
            self._sample = self._file("", listed)
        elif heading == "other vendor detection":
            names = [f"{vendor}: {name}" for vendor, name in _pairs(listed)]
            self._building.say(self._sample or self._malware, detections=names)

    def _item(self, heading: str, item: lxml.html.HtmlElement) -> None:
        text = own_text(item)
        if not text:
            return
        building, position = self._building, self._position
        if heading in _FILES:
            self._file(text, item)
        elif heading in _KEYS:
            key = building.vertex(
                "Observable", text, observable="Windows Registry Key", position=position, description=text
            )
            building.edge(self._malware, key, OBSERVABLE, position)
        elif heading in _PROCESSES:
            building.edge(self._malware, building.process(text, position), OBSERVABLE, position)
        elif heading in _NETWORK:
            accuse(building, self._malware, text, position)
            self._connects(text)

    def _file(self, path: str, listed: lxml.html.HtmlElement) -> str:
        """Make a file: by its hash where one is told, else by its path."""
        said = {label.lower(): text for label, text in _pairs(listed)}
        digests = [said[name] for name in _ALGORITHMS if name in said]
        properties: dict[str, Given] = {
            "path": [path] if path else None,
            "size": said.get("size"),
            "crc32": said.get("crc-32"),
            "mimeType": said.get("file type"),
            "firstSeen": checked_date(self._building, self._position, "first seen", said.get("first seen", "")),
            "sha1": said.get("sha-1", "").lower(),
            "md5": said.get("md5", "").lower(),
        }
        building, position = self._building, self._position
        if digests:
            made = place_file(building, digests[0], position, description=path or None, **properties)
        else:
            made = building.file(path, position, **properties)
        building.edge(self._malware, made, OBSERVABLE, position)
        return made

    def _connects(self, text: str) -> None:
        """Make the socket that a request goes to, where it names a host: `name:port`."""
        if "://" not in text:
            return
        try:
            url = read_url(text)
        except UrlError:
            # Said as a problem already.
            return
        if url.is_address or url.port is None:
            return
        building, position = self._building, self._position
        socket = building.vertex(
            "Observable",
            f"{url.host}:{url.port}",
            observable="Socket Address",
            position=position,
            description=f"{url.host}, port {url.port}",
        )
        building.edge(socket, building.domain(url.host, position), SUB_OBSERVABLE, position)
        building.edge(socket, building.port(url.port, position), SUB_OBSERVABLE, position)
        building.edge(self._malware, socket, OBSERVABLE, position)


def _pairs(element: lxml.html.HtmlElement) -> Iterable[tuple[str, str]]:
    """Return the labels of a list of definitions, each with what stands behind it."""
    return [
        (text_of(label), text_of(value)) for label in element.iter("dt") if (value := label.getnext()) is not None
    ]


def _items(elements: Iterable[lxml.html.HtmlElement]) -> list[str]:
    return [text for element in elements for item in element.iter("li") if (text := text_of(item))]
